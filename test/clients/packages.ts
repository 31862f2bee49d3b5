import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder } from '../../src/cache-folder.ts';
import { pythonTools } from '../python-tools.ts';

const run = promisify(execFile);

/** The clients that are run, as their users install them. docs/compatibility.md names the same versions. */
const npmClients: Readonly<Record<string, string>> = {
  '@langchain/core': '1.4.0',
  '@langchain/openai': '1.6.0',
  ai: '7.0.173',
  '@ai-sdk/openai': '4.0.118',
  '@ai-sdk/openai-compatible': '3.0.92',
  openai: '7.57.0',
};

export const pythonClients = {
  'lm-eval': ['lm-eval[api]==0.4.13'],
  guidellm: ['guidellm==0.8.1'],
  schemathesis: ['schemathesis==4.32.5'],
} as const;

const folder = join(cacheFolder('tools'), 'npm-clients');

const packageFile = JSON.stringify({ private: true, dependencies: npmClients }, null, 2);

/** Imports them all, as a program beside them does. */
const entry = `
export { OpenAI as LangChainOpenAI, ChatOpenAI as LangChainChat } from '@langchain/openai';
export { generateText, streamText } from 'ai';
export { createOpenAI } from '@ai-sdk/openai';
export { createOpenAICompatible } from '@ai-sdk/openai-compatible';
`;

/** Installs the clients of npm into a folder of their own, once a machine and set of versions. */
export const installNpmClients = async (): Promise<void> => {
  const ready = join(folder, 'ready.json');
  if (existsSync(ready) && (await readFile(ready, 'utf8')) === packageFile) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), packageFile);
  await writeFile(join(folder, 'entry.mjs'), entry);
  const options = { cwd: folder, maxBuffer: 1 << 26 };
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], options);
  await writeFile(ready, packageFile);
};

/** What is used of each client; their own types would have to be installed with this repository. */
interface NpmClients {
  readonly LangChainOpenAI: new (options: object) => LangChain<string>;
  readonly LangChainChat: new (options: object) => LangChain<{ readonly content: string }>;
  readonly generateText: (options: object) => Promise<{ readonly text: string }>;
  readonly streamText: (options: object) => {
    readonly textStream: AsyncIterable<string>;
    readonly finishReason: Promise<string>;
    readonly usage: Promise<{ readonly outputTokens: number }>;
  };
  readonly createOpenAI: (options: object) => {
    completion(model: string): unknown;
    chat(model: string): unknown;
  };
  readonly createOpenAICompatible: (
    options: object,
  ) => ((model: string) => unknown) & { completionModel(model: string): unknown };
}

interface LangChain<Piece> {
  invoke(prompt: unknown): Promise<Piece>;
  stream(prompt: unknown): Promise<AsyncIterable<Piece>>;
  generate(prompts: readonly string[]): Promise<{
    readonly generations: readonly (readonly { readonly text: string }[])[];
  }>;
}

export const importNpmClients = async (): Promise<NpmClients> =>
  (await import(pathToFileURL(join(folder, 'entry.mjs')).href)) as NpmClients;

/** A folder from which a bundler finds the clients. */
export const npmClientsFolder = folder;

/** The folder with a Python client's programs. */
export const pythonClient = (name: keyof typeof pythonClients): Promise<string> =>
  pythonTools(`client-${name}`, pythonClients[name]);
