import { completionBody, standardParameters } from './completion-body.ts';
import type { GenerationSettings } from './generation.ts';

export interface Call {
  /** Where the API is, without a slash at the end: `http://localhost:3000`. */
  readonly origin: string;
  readonly model: string;
  readonly request: GenerationSettings;
  /** Whether the server asks for a key; the key itself is never written out. */
  readonly keyed: boolean;
}

export const languages = ['curl', 'JavaScript', 'Python'] as const;
export type Language = (typeof languages)[number];

/** A word for a POSIX shell, whatever is in it. */
const shellWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** JSON writes strings and numbers as Python does. */
const pythonValue = (value: unknown): string => JSON.stringify(value);

const curl = ({ origin, model, request, keyed }: Call): string =>
  [
    `curl -N ${origin}/v1/completions`,
    ...(keyed ? ['-H "Authorization: Bearer $FOLIO_KEY"'] : []),
    `-H 'content-type: application/json'`,
    `-d ${shellWord(JSON.stringify(completionBody(model, request), null, 2))}`,
  ].join(' \\\n  ');

const javascript = ({ origin, model, request, keyed }: Call): string => {
  const key = keyed ? 'process.env.FOLIO_KEY' : `'none'`;
  const body = JSON.stringify(completionBody(model, request), null, 2);
  return [
    `import OpenAI from 'openai';`,
    '',
    `const folio = new OpenAI({ baseURL: '${origin}/v1', apiKey: ${key} });`,
    `const completion = await folio.completions.create(${body});`,
    'for (const choice of completion.choices) console.log(choice.text);',
  ].join('\n');
};

const python = ({ origin, model, request, keyed }: Call): string => {
  const body = Object.entries(completionBody(model, request));
  const own = body.filter(([name]) => !standardParameters.has(name));
  const lines = body
    .filter(([name]) => standardParameters.has(name))
    .map(([name, value]) => `    ${name}=${pythonValue(value)},`);
  const extra = own.map(([name, value]) => `${JSON.stringify(name)}: ${pythonValue(value)}`).join(', ');
  return [
    ...(keyed ? ['import os', ''] : []),
    'from openai import OpenAI',
    '',
    `folio = OpenAI(base_url="${origin}/v1", api_key=${keyed ? 'os.environ["FOLIO_KEY"]' : '"none"'})`,
    'completion = folio.completions.create(',
    ...lines,
    ...(own.length === 0 ? [] : [`    extra_body={${extra}},`]),
    ')',
    'for choice in completion.choices:',
    '    print(choice.text)',
  ].join('\n');
};

const writers: Record<Language, (call: Call) => string> = { curl, JavaScript: javascript, Python: python };

/** The call as a program that runs as it stands. */
export const snippet = (language: Language, call: Call): string => writers[language](call);
