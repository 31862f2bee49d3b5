import { afterAll, describe, expect, test } from 'vitest';
import { type BulkJob, processRow } from '../../../src/bulk/item.ts';
import { FolioClient } from '../../../src/client/client.ts';
import { openModel } from '../../../src/model/open-model.ts';
import { createHost } from '../../../src/server/host.ts';
import { folio } from '../../folio-command.ts';
import { publishTinyModel, tinyModel } from '../../tiny-model.ts';
import { furnished } from './host-under-test.ts';

type Json = Record<string, unknown>;

const place = await furnished();
afterAll(() => place[Symbol.asyncDispose]());
await publishTinyModel(place.store, {
  name: 'json',
  alphabet: '\n {}[]":,\\abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-',
});
const { app } = await createHost(place.settings);
const fetchApp = async (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
  app.fetch(new Request(input, init), { remoteAddress: '127.0.0.1' });
const post = (path: string, body: Json, headers: Json = {}): Promise<Response> =>
  fetchApp(`http://localhost${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

const code = '[A-Z]{2}-[a-z]{3}';
const isCode = /^[A-Z]{2}-[a-z]{3}$/;

describe('pattern', () => {
  test('at /generate, as JSON, as text and in the query', async () => {
    const answer = (await (await post('/generate', { pattern: code, seed: 1 })).json()) as Json;
    expect(answer).toMatchObject({
      text: expect.stringMatching(isCode),
      finish_reason: 'stop',
      stop_reason: 'pattern',
      receipt: { pattern: code },
    });
    const plain = await post('/generate', { pattern: code, seed: 1 }, { accept: 'text/plain' });
    expect(await plain.text()).toBe(answer.text);
    const query = new URLSearchParams({ pattern: code, seed: '1' });
    const got = (await (await fetchApp(`http://localhost/generate?${query}`)).json()) as Json;
    expect(got.text).toBe(answer.text);
  });

  test('a receipt gives the same text, byte for byte', async () => {
    for (const body of [
      { pattern: '(?:[a-z]{2,5} ){1,9}', length: 30, temperature: 1.4 },
      { pattern: 'dear [a-z]+', pattern_flags: 'i', prompt: 'Once', length: 20 },
    ]) {
      const first = (await (await post('/generate', body)).json()) as Json & { receipt: Json };
      const again = (await (await post('/generate', first.receipt)).json()) as Json;
      expect(again.text).toBe(first.text);
      expect(again.receipt).toEqual(first.receipt);
    }
  });

  test.each(['/v1/completions', '/v1/chat/completions'])('at %s, whole and as a stream', async (path) => {
    const begin = path.includes('chat')
      ? { messages: [{ role: 'user', content: 'Once' }] }
      : { prompt: 'Once' };
    const body = { model: 'tiny', ...begin, pattern: code, max_tokens: 20, n: 3, seed: 5 };
    const { choices } = (await (await post(path, body)).json()) as {
      choices: { text?: string; message?: { content: string }; stop_reason?: string }[];
    };
    const texts = choices.map(({ text, message }) => text ?? message!.content);
    for (const text of texts) expect(text).toMatch(isCode);
    expect(choices.map(({ stop_reason: reason }) => reason)).toEqual(['pattern', 'pattern', 'pattern']);
    const streamed = await (await post(path, { ...body, stream: true })).text();
    const pieces: string[] = ['', '', ''];
    for (const line of streamed.split('\n')) {
      if (!line.startsWith('data: {')) continue;
      for (const { index, text, delta } of JSON.parse(line.slice(6)).choices) {
        pieces[index] += text ?? delta.content ?? '';
      }
    }
    expect(pieces).toEqual(texts);
    expect(streamed).toContain('"stop_reason":"pattern"');
  });

  test.each([[{ guided_regex: code }], [{ regex: code }], [{ structured_outputs: { regex: code } }]])(
    'by the names of other servers: %j',
    async (body) => {
      const response = await post('/v1/completions', { model: 'tiny', max_tokens: 20, ...body });
      const { choices, receipt } = (await response.json()) as { choices: { text: string }[]; receipt: Json };
      expect(choices[0]!.text).toMatch(isCode);
      expect(receipt.pattern).toBe(code);
      expect(response.headers.get('x-folio-warnings')).toBeNull();
    },
  );

  test.each([
    [{ grammar: 'root ::= "a"' }, 'grammar'],
    [{ guided_grammar: 'root ::= "a"' }, 'guided_grammar'],
    [{ structured_outputs: { grammar: 'root ::= "a"' } }, 'grammar'],
  ])('%j is refused with a pointer to pattern', async (body, param) => {
    const response = await post('/v1/completions', { model: 'tiny', ...body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { param, code: 'invalid_parameter', message: expect.stringContaining('`pattern`') },
    });
  });

  test.each([
    ['/generate', 'json_schema'],
    ['/v1/completions', 'json_schema'],
    ['/v1/completions', 'guided_json'],
    ['/v1/completions', 'structured_outputs'],
    ['/v1/chat/completions', 'response_format'],
    ['/v1/responses', 'text'],
  ])('%s writes JSON that fits %s', async (path, name) => {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string', minLength: 2, maxLength: 12 }, married: { type: 'boolean' } },
      required: ['name', 'married'],
    };
    const value =
      name === 'structured_outputs'
        ? { json: schema }
        : name === 'response_format'
          ? { type: 'json_schema', json_schema: { name: 'person', strict: true, schema } }
          : name === 'text'
            ? { format: { type: 'json_schema', name: 'person', strict: true, schema }, verbosity: 'low' }
            : schema;
    const begin = path.includes('chat')
      ? { messages: [{ role: 'user', content: 'Once' }] }
      : path.includes('responses')
        ? { input: 'Once' }
        : {};
    const length = path === '/generate' ? 'length' : name === 'text' ? 'max_output_tokens' : 'max_tokens';
    const sent = {
      ...begin,
      model: 'json',
      [name]: value,
      [length]: 60,
    };
    const answer = (await (await post(path, sent)).json()) as Json;
    const textOf = ({ choices, output, text }: Json) => {
      const choice = (choices as Json[] | undefined)?.[0];
      const message = (output as { content: Json[] }[] | undefined)?.[0]?.content[0];
      return (choice?.text ??
        (choice?.message as Json | undefined)?.content ??
        message?.text ??
        text) as string;
    };
    const text = textOf(answer);
    expect(answer).not.toHaveProperty('warnings');
    expect(JSON.parse(text)).toEqual({ name: expect.any(String), married: expect.any(Boolean) });
    expect(answer.receipt).toMatchObject({ json_schema: schema });
    const again = (await (await post(path, answer.receipt as Json)).json()) as Json;
    expect(textOf(again)).toBe(text);
  });

  test.each([
    ['/v1/chat/completions', { response_format: { type: 'json_object' } }],
    ['/v1/responses', { text: { format: { type: 'json_object' } } }],
    ['/v1/completions', { structured_outputs: { json_object: true } }],
    ['/v1/completions', { response_format: { type: 'json_object', schema: { type: 'object' } } }],
    ['/v1/completions', { response_format: { type: 'json', value: { type: 'object' } } }],
  ])('%s writes an object of JSON for %j', async (path, body) => {
    const begin = path.includes('chat') ? { messages: [{ role: 'user', content: 'Once' }] } : {};
    const length = path.includes('responses') ? { input: 'Once', max_output_tokens: 40 } : { max_tokens: 40 };
    const answer = (await (await post(path, { ...begin, ...length, ...body, model: 'json' })).json()) as Json;
    const [choice] = (answer.choices ?? []) as { text?: string; message?: { content: string } }[];
    const [message] = (answer.output ?? []) as { content: { text: string }[] }[];
    const text = choice?.text ?? choice?.message?.content ?? message?.content[0]?.text ?? '';
    expect(JSON.parse(text)).toBeTypeOf('object');
    expect(answer).not.toHaveProperty('warnings');
    expect(answer.receipt).toMatchObject({ json_schema: { type: 'object' } });
  });

  test.each([
    ['/v1/chat/completions', { response_format: { type: 'grammar' } }, 'response_format.type'],
    ['/v1/chat/completions', { response_format: 'json' }, 'response_format.type'],
    ['/v1/completions', { response_format: { type: 'json_schema' } }, 'response_format'],
    ['/v1/responses', { text: { format: { type: 'xml' } } }, 'text.format.type'],
  ])('%s refuses the format of %j with what there is', async (path, body, param) => {
    const begin = path.includes('chat') ? { messages: [{ role: 'user', content: 'Once' }] } : {};
    const input = path.includes('responses') ? { input: 'Once' } : {};
    const response = await post(path, { model: 'json', ...begin, ...input, ...body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: {
        param,
        code: 'invalid_parameter',
        message: expect.stringMatching(/json_object|a JSON schema in it/),
      },
    });
  });

  test.each([
    ['/generate', { choices: ['yes', 'no', 'perhaps'] }],
    ['/v1/completions', { choices: ['yes', 'no', 'perhaps'] }],
    ['/v1/completions', { guided_choice: ['yes', 'no', 'perhaps'] }],
    ['/v1/chat/completions', { structured_outputs: { choice: ['yes', 'no', 'perhaps'] } }],
  ])('%s answers with one of %j and their probabilities', async (path, body) => {
    const begin = path.includes('chat')
      ? { messages: [{ role: 'user', content: 'Once' }] }
      : { prompt: 'Once' };
    const answer = (await (await post(path, { model: 'tiny', ...begin, ...body })).json()) as Json;
    const choice = ((answer.choices as Json[] | undefined)?.[0] ?? answer) as Json;
    expect(['yes', 'no', 'perhaps']).toContain(choice.text ?? (choice.message as Json).content);
    expect(choice.stop_reason).toBe('choice');
    const scores = choice.choice_scores as { text: string; probability: number }[];
    expect(scores.map(({ text }) => text)).toEqual(['yes', 'no', 'perhaps']);
    expect(scores.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
    const again = (await (await post(path, answer.receipt as Json)).json()) as Json;
    const second = ((again.choices as Json[] | undefined)?.[0] ?? again) as Json;
    expect(second.text ?? second.message).toEqual(choice.text ?? choice.message);
  });

  test('choices are refused with their place', async () => {
    const refusals: [Json, Json][] = [
      [{ choices: ['a', '€'] }, { code: 'unknown_character', param: 'choices[1]' }],
      [{ choices: [] }, { code: 'invalid_parameter', param: 'choices' }],
      [
        { choices: ['yes', 'no'], length: 2 },
        { code: 'invalid_parameter', param: 'choices[0]' },
      ],
      [
        { choices: ['a'], pattern: 'a' },
        { code: 'invalid_parameter', param: 'choices' },
      ],
      [
        {
          choices: Array.from(
            { length: 300 },
            (_, i) =>
              `${'a'.repeat(30)}${'bcdefghijk'[i % 10]}${'lmnopqrst'[Math.floor(i / 30)]}${'uvw'[Math.floor(i / 10) % 3]}`,
          ),
        },
        { code: 'limit_exceeded' },
      ],
    ];
    for (const [body, error] of refusals) {
      expect(await (await post('/generate', { model: 'tiny', ...body })).json()).toMatchObject({ error });
    }
  });

  test('choices are refused before a stream begins', async () => {
    for (const [choices, code] of [
      [['a', '€'], 'unknown_character'],
      [['a'.repeat(17)], 'invalid_parameter'],
    ]) {
      const response = await post('/v1/completions', { model: 'tiny', stream: true, choices });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code } });
    }
  });

  test('a schema is refused with its place, and beside a pattern', async () => {
    const refusals: [Json, Json][] = [
      [
        { json_schema: { type: 'object', properties: { a: { type: 'x' } } } },
        {
          code: 'invalid_parameter',
          message: expect.stringContaining('json_schema: properties.a.type: expected one of'),
        },
      ],
      [
        { json_schema: { type: 'boolean' }, pattern: 'a' },
        { code: 'invalid_parameter', message: expect.stringContaining('only one of pattern, json_schema') },
      ],
      [
        { json_schema: { type: 'integer' } },
        { code: 'pattern_impossible', message: expect.stringContaining('matches the schema') },
      ],
      [{ json_schema: 5 }, { code: 'invalid_parameter', param: 'json_schema' }],
    ];
    for (const [body, error] of refusals) {
      expect(await (await post('/generate', { model: 'tiny', ...body })).json()).toMatchObject({ error });
    }
    for (const [path, more] of [
      ['/generate', {}],
      ['/v1/lines', { lines: 1 }],
    ] as const) {
      const two = { model: 'tiny', json_schema: { type: 'boolean' }, choices: ['a'], ...more };
      const { error } = (await (await post(path, two)).json()) as { error: { message: string } };
      expect(error.message).toBe('choices: expected only one of json_schema, choices.');
    }
  });

  test('goes on in its pattern with continue_from', async () => {
    const pattern = '(?:[A-Z]{2}-[a-z]{3}\n)+';
    const first = (await (
      await post('/generate', { pattern, length: 10, continuable: true, temperature: 2 })
    ).json()) as {
      text: string;
      continue_from: string;
    };
    const second = (await (
      await post('/generate', {
        pattern,
        length: 30,
        continue_from: first.continue_from,
        seed: 3,
        temperature: 2,
      })
    ).json()) as { text: string };
    expect(first.text + second.text).toMatch(/^(?:[A-Z]{2}-[a-z]{3}\n)+$/);
  });

  test.each(['/generate', '/v1/completions'])('%s refuses before the first byte', async (path) => {
    const refusals: [Json, number, Json][] = [
      [{ pattern: '(a' }, 400, { code: 'invalid_parameter', param: 'pattern' }],
      [{ pattern: 'a', pattern_flags: 'x' }, 400, { code: 'invalid_parameter', param: 'pattern_flags' }],
      [{ pattern: 'a', pattern_flags: 'ii' }, 400, { code: 'invalid_parameter', param: 'pattern_flags' }],
      [{ pattern: '((a{900}){900}){900}' }, 422, { code: 'limit_exceeded', param: 'pattern' }],
      [{ pattern: '€+' }, 422, { code: 'pattern_impossible', param: 'pattern' }],
      [
        { pattern: 'a{200}', length: 9, max_tokens: 9 },
        422,
        { code: 'pattern_impossible', param: 'pattern' },
      ],
    ];
    for (const [body, status, error] of refusals) {
      for (const stream of path === '/generate' ? [{}] : [{ stream: true }, {}]) {
        const own =
          path === '/generate' ? { ...body, max_tokens: undefined } : { ...body, length: undefined };
        const response = await post(path, { model: 'tiny', ...own, ...stream });
        // OpenAI's routes answer 400 to every request at fault.
        expect(response.status).toBe(path === '/generate' ? status : 400);
        expect(await response.json()).toMatchObject({ error });
      }
    }
  });

  test('every fault of a request is reported at once', async () => {
    const response = await post('/generate', { pattern: '(a', allowed: '€' });
    const { error } = (await response.json()) as { error: { faults: { param: string }[] } };
    expect(error.faults.map(({ param }) => param).sort()).toEqual(['allowed', 'pattern']);
  });

  test('a prompt that is echoed and scored stays as it is', async () => {
    const body = {
      model: 'tiny',
      prompt: 'Once',
      pattern: code,
      echo: true,
      logprobs: 1,
      stream: true,
      seed: 2,
    };
    const streamed = await (await post('/v1/completions', body)).text();
    expect(streamed).toContain('"text":"Once"');
    expect(streamed).not.toContain('event: error');
  });

  test('from the typed client', async () => {
    const client = new FolioClient({ baseUrl: 'http://localhost', fetch: fetchApp as typeof fetch });
    const answer = await client.generate({ pattern: code, seed: 1 });
    expect(answer.text).toMatch(isCode);
    expect(answer.stop_reason).toBe('pattern');
    let text = '';
    for await (const piece of await client.stream({ pattern: code, seed: 1 })) text += piece;
    expect(text).toBe(answer.text);
  });

  test('in rows of a bulk job', async () => {
    const { files } = tinyModel();
    const model = await openModel(async (file) => files.get(file));
    const held = { name: 'tiny', version: 'v1', model, copyIndex: async () => undefined };
    const job: BulkJob = { task: 'generate', defaults: { length: 20, pattern: code }, seed: 1 };
    expect(await processRow(held, job, {}, 0)).toMatchObject({
      text: expect.stringMatching(isCode),
      stop_reason: 'pattern',
    });
    expect(await processRow(held, job, { pattern: 'b[a', id: 4 }, 1)).toMatchObject({
      id: 4,
      error: { code: 'invalid_parameter' },
    });
    expect(await processRow(held, job, { pattern: '€' }, 2)).toMatchObject({
      error: { code: 'pattern_impossible' },
    });
  });

  test('what servers of this kind have besides: banned, min_length, include_stop, logit_bias by character', async () => {
    const ask = async (path: string, body: Json) => {
      const answer = (await (await post(path, { model: 'tiny', seed: 3, ...body })).json()) as Json;
      return ((answer.choices as Json[] | undefined)?.[0] ?? answer) as {
        text: string;
        stop_reason?: string;
      };
    };
    const bias = { a: 30, b: 30 };
    for (const [path, length, include, banned, least] of [
      ['/generate', 'length', 'include_stop', 'banned', 'min_length'],
      ['/v1/completions', 'max_tokens', 'include_stop_str_in_output', 'bad_words', 'min_tokens'],
    ] as const) {
      const body = { [length]: 60, logit_bias: bias };
      expect((await ask(path, body)).text).toMatch(/^[ab]{60}$/);
      expect((await ask(path, { ...body, [banned]: ['ab'] })).text).toMatch(/^b*a*$/);
      const stopped = await ask(path, { ...body, stop: 'ab', [include]: true });
      expect(stopped.text).toMatch(/^b*a+b$/);
      expect(stopped.stop_reason).toBe('ab');
      const late = await ask(path, { ...body, stop: 'ab', [least]: 50, [include]: true });
      expect(late.text.length).toBeGreaterThan(50);
    }
    const response = {
      model: 'tiny',
      input: 'A',
      max_output_tokens: 60,
      logit_bias: bias,
      stop: 'ab',
      min_tokens: 50,
    };
    const { output } = (await (await post('/v1/responses', response)).json()) as {
      output: { content: { text: string }[] }[];
    };
    expect(output[0]!.content[0]!.text.length).toBeGreaterThan(47);
    const chat = {
      model: 'tiny',
      messages: [{ role: 'user', content: 'A' }],
      logprobs: true,
      top_logprobs: 20,
    };
    const { choices } = (await (
      await post('/v1/chat/completions', { ...chat, pattern: '[.!?]{9}' })
    ).json()) as {
      choices: { logprobs: { content: { top_logprobs: unknown[] }[] } }[];
    };
    expect(choices[0]!.logprobs.content.map(({ top_logprobs: top }) => top.length)).toEqual(
      new Array(9).fill(20),
    );
    const refused = await post('/generate', { logit_bias: { '€': 1 } });
    expect(await refused.json()).toMatchObject({ error: { param: 'logit_bias.€' } });
  });

  test('DRY by the names of llama.cpp: receipts give the same text, and continue_from goes on exactly', async () => {
    const dry = { dry_multiplier: 3, dry_allowed_length: 2, dry_sequence_breakers: ['\n', '\u20ac'] };
    const body = { prompt: 'Once upon Once upon ', seed: 5, temperature: 0.3, ...dry };
    const whole = (await (await post('/generate', { ...body, length: 120 })).json()) as Json & {
      receipt: Json;
    };
    const without = { ...body, dry_multiplier: 0, length: 120 };
    expect(((await (await post('/generate', without)).json()) as Json).text).not.toBe(whole.text);
    expect(whole.receipt).toMatchObject(dry);
    expect(await (await post('/generate', whole.receipt)).json()).toMatchObject({ text: whole.text });
    const first = (await (
      await post('/generate', { ...body, length: 50, continuable: true })
    ).json()) as Json;
    const { prompt: _, seed: __, ...rest } = body;
    const again = { ...rest, length: 70, continue_from: first.continue_from };
    const second = (await (await post('/generate', again)).json()) as Json;
    expect(`${first.text}${second.text}`).toBe(whole.text);
    const openAi = { model: 'tiny', max_tokens: 120, ...body, dry_range: -1, dry_base: 1.2 };
    const answer = (await (await post('/v1/completions', openAi)).json()) as { choices: { text: string }[] };
    expect(answer.choices[0]!.text).toBe(whole.text);
    const refused = await post('/v1/completions', { ...openAi, dry_base: 0, dry_range: 1e9 });
    expect(await refused.json()).toMatchObject({
      error: { faults: [{ param: 'dry_base' }, { param: 'dry_penalty_last_n' }] },
    });
  });

  test('on the command line', async () => {
    const args = [
      'generate',
      '--length',
      '30',
      '--seed',
      '4',
      '--pattern',
      '[a-z]+, [a-z]+\\.',
      '--pattern-flags',
      'i',
    ];
    const { stdout, code: exit } = await folio(args);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^[a-z]+, [a-z]+\.\n$/i);
    const refused = await folio(['generate', '--length', '3', '--pattern', 'a{9}']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/the shortest that does has 9.*pattern_impossible/);
  });
});
