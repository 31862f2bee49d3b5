import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { withRareFields } from '../../../src/api/request/rare-fields.ts';
import { CompletionRequestSchema } from '../../../src/api/request/requests.ts';
import { completionBody } from '../../../src/web/completion-body.ts';
import { defaultSettings, type GenerationSettings } from '../../../src/web/generation.ts';
import { languages, snippet } from '../../../src/web/snippets.ts';

const awkward: GenerationSettings = {
  ...defaultSettings,
  prompt: `It's "quoted"\\ $HOME \`date\`\n\tNäxt — 🌿`,
  stop: '\n\n',
  topK: 12,
  seed: 7,
  n: 2,
  unknown: 'skip',
};
const call = { baseUrl: 'http://localhost:3000', model: 'shakespeare@1', settings: awkward, keyed: false };

test('a body holds what differs from the API’s defaults and passes its schema', () => {
  const body = completionBody('m@1', {
    ...defaultSettings,
    prompt: 'A',
    unknown: 'error',
    temperature: 1,
    topP: 1,
  });
  expect(body).toEqual({
    model: 'm@1',
    prompt: 'A',
    max_tokens: defaultSettings.length,
    seed: defaultSettings.seed,
  });
  expect(
    withRareFields(CompletionRequestSchema).safeParse(completionBody('m@1', awkward)).error,
  ).toBeUndefined();
});

test('a body has lists for what is typed one a line, and a schema as an object', () => {
  const body = completionBody('m@1', {
    ...awkward,
    banned: 'thou\n\nthee',
    choices: 'Ay.\nNo.\n',
    jsonSchema: '{"type":"object","additionalProperties":false}',
    minLength: 50,
    dryMultiplier: 0.8,
  });
  expect(body).toMatchObject({
    banned: ['thou', 'thee'],
    choices: ['Ay.', 'No.'],
    json_schema: { type: 'object', additionalProperties: false },
    min_tokens: 50,
    dry_multiplier: 0.8,
  });
  expect(withRareFields(CompletionRequestSchema).safeParse(body).error).toBeUndefined();
  expect(completionBody('m@1', { ...awkward, jsonSchema: '{' })).toHaveProperty('json_schema', '{');
});

describe('snippets', () => {
  test('curl: a shell passes the body on unharmed', () => {
    const program = snippet('curl', call).replace(/^curl -N/, 'printf "%s\\n"');
    const words = execFileSync('sh', ['-c', program], { encoding: 'utf8' });
    const body = words.slice(words.indexOf('-d\n') + 3);
    expect(JSON.parse(body)).toEqual(completionBody('shakespeare@1', awkward));
  });

  test('JavaScript: the call is made with that body', async () => {
    const source = snippet('JavaScript', call).replace(/^import .*$/m, '');
    const asked: unknown[] = [];
    class OpenAI {
      readonly completions = {
        create: (body: unknown) => {
          asked.push(body);
          return Promise.resolve({ choices: [] });
        },
      };
    }
    const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor;
    await (new AsyncFunction('OpenAI', source)(OpenAI) as Promise<void>);
    expect(asked).toEqual([completionBody('shakespeare@1', awkward)]);
  });

  test('Python: the words of JSON are Python’s', () => {
    const jsonSchema = '{"enum":[true,null,"a",1],"additionalProperties":false}';
    const program = snippet('Python', { ...call, settings: { ...awkward, jsonSchema } });
    expect(program).toContain('"json_schema": {"enum": [True, None, "a", 1], "additionalProperties": False}');
  });

  test('Python: OpenAI’s own parameters stand by themselves, the others in extra_body', () => {
    const source = snippet('Python', call);
    expect(source).toContain('    max_tokens=400,\n');
    expect(source).toContain('extra_body={"top_k": 12, "unknown": "skip"}');
    expect(source).not.toContain('top_k=');
  });

  test.each(languages)('%s: names the variable of a key, where one is needed', (language) => {
    expect(snippet(language, { ...call, keyed: true })).toContain('FOLIO_KEY');
    expect(snippet(language, call)).not.toContain('FOLIO_KEY');
  });
});
