import { completionBody, standardParameters } from './completion-body.ts';
import type { GenerationSettings } from './generation.ts';

/** What a program is written for. */
export interface SnippetRequest {
  /** Where the API is, without a slash at the end: `http://localhost:3000`. */
  readonly baseUrl: string;
  readonly model: string;
  readonly settings: GenerationSettings;
  /** Whether the server wants a key; the key itself is never written out. */
  readonly keyed: boolean;
}

export const languages = ['curl', 'JavaScript', 'Python'] as const;
export type Language = (typeof languages)[number];

/** A word for a POSIX shell, whatever is in it. */
const shellWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** JSON writes strings and numbers as Python does, but not the words. */
const pythonValue = (value: unknown): string => {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${pythonValue(one)}`);
  return `{${entries.join(', ')}}`;
};

const curl = ({ baseUrl, model, settings, keyed }: SnippetRequest): string =>
  [
    `curl -N ${baseUrl}/v1/completions`,
    ...(keyed ? ['-H "Authorization: Bearer $FOLIO_KEY"'] : []),
    `-H 'content-type: application/json'`,
    `-d ${shellWord(JSON.stringify(completionBody(model, settings), null, 2))}`,
  ].join(' \\\n  ');

const javascript = ({ baseUrl, model, settings, keyed }: SnippetRequest): string => {
  const key = keyed ? 'process.env.FOLIO_KEY' : `'none'`;
  const body = JSON.stringify(completionBody(model, settings), null, 2);
  return [
    `import OpenAI from 'openai';`,
    '',
    `const folio = new OpenAI({ baseURL: '${baseUrl}/v1', apiKey: ${key} });`,
    `const completion = await folio.completions.create(${body});`,
    'for (const choice of completion.choices) console.log(choice.text);',
  ].join('\n');
};

const python = ({ baseUrl, model, settings, keyed }: SnippetRequest): string => {
  const body = Object.entries(completionBody(model, settings));
  const own = body.filter(([name]) => !standardParameters.has(name));
  const lines = body
    .filter(([name]) => standardParameters.has(name))
    .map(([name, value]) => `    ${name}=${pythonValue(value)},`);
  const extra = own.map(([name, value]) => `${JSON.stringify(name)}: ${pythonValue(value)}`).join(', ');
  return [
    ...(keyed ? ['import os', ''] : []),
    'from openai import OpenAI',
    '',
    `folio = OpenAI(base_url="${baseUrl}/v1", api_key=${keyed ? 'os.environ["FOLIO_KEY"]' : '"none"'})`,
    'completion = folio.completions.create(',
    ...lines,
    ...(own.length === 0 ? [] : [`    extra_body={${extra}},`]),
    ')',
    'for choice in completion.choices:',
    '    print(choice.text)',
  ].join('\n');
};

const writers: Record<Language, (request: SnippetRequest) => string> = {
  curl,
  JavaScript: javascript,
  Python: python,
};

/** The request as a program that runs as it is. */
export const snippet = (language: Language, request: SnippetRequest): string => writers[language](request);
