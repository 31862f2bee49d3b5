import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openModel } from '../../src/model/open-model.ts';
import { installRuntimes } from './install.ts';
import { program } from './program.mjs';
import { startWorker, type WorkerModule } from './workerd.ts';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');
/** The model that comes with the package. */
const [folder = ''] = globSync(join(root, 'models/shakespeare/*/'));

let work: string;
let expected: unknown;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'folio-runtimes-'));
  expected = await program(await openModel((file) => readFile(join(folder, file)).catch(() => undefined)));
});

afterAll(async () => {
  if (work) await rm(work, { recursive: true });
});

const run = async (command: string, parameters: readonly string[]): Promise<unknown> => {
  const { stdout } = await promisify(execFile)(join(await installRuntimes(), command), [...parameters], {
    env: { PATH: process.env.PATH, HOME: work, DENO_NO_UPDATE_CHECK: '1' },
  });
  return JSON.parse(stdout);
};

const command = join(import.meta.dirname, 'command.mjs');

describe.each(['browser.js', 'index.js'])('dist/%s', (entry) => {
  test('gives in Deno the bits that it gives in Node', async () => {
    expect(
      await run('deno', ['run', '--no-remote', '--allow-all', command, join(dist, entry), folder]),
    ).toEqual(expected);
  });

  test('gives in Node 20 the bits that it gives in Node 24', async () => {
    expect(await run('node', [command, join(dist, entry), folder])).toEqual(expected);
  });

  test('gives in Bun the bits that it gives in Node', async () => {
    expect(await run('bun', [command, join(dist, entry), folder])).toEqual(expected);
  });
});

test('the command line gives in Node 20 the text that it gives in Node 24', async () => {
  const flags = ['generate', '--json', '--quiet', '--model', folder, '--length', '40', '--seed', '1'];
  const byLibrary = await openModel((file) => readFile(join(folder, file)).catch(() => undefined));
  const { choices } = await byLibrary.complete({ length: 40, seed: 1 }).result();
  expect(await run('node', [join(dist, 'cli.js'), ...flags])).toMatchObject({
    choices: [{ text: choices[0]!.text }],
  });
});

/** The files that one of dist/ imports, at its start or later, and those that they import: `chunks/chunk-XQE4WWXV.js`. */
const chunksOf = (file: string, found = new Set<string>()): ReadonlySet<string> => {
  const text = readFileSync(join(dist, file), 'utf8');
  for (const [, name] of text.matchAll(/\b(?:from |import ?\(?)"\.\/(?:chunks\/)?([^"]+)"/g)) {
    const chunk = `chunks/${name}`;
    if (!found.has(chunk)) chunksOf(chunk, found.add(chunk));
  }
  return found;
};

test('`import "folio"` reads few files, of ASCII, in which the functions that it calls are in parentheses', () => {
  const files = new Set(['index.js']); // a set's loop comes to what is added meanwhile
  let text = '';
  for (const file of files) {
    const own = readFileSync(join(dist, file), 'utf8');
    text += own;
    for (const [, name] of own.matchAll(/^(?:\} from|import) "\.\/(?:chunks\/)?([^"]+)"/gm))
      files.add(`chunks/${name}`);
  }
  expect([...files].length).toBeLessThanOrEqual(4);
  expect(text.match(/[^\0-\x7f]/)).toBeNull();
  expect(text).toMatch(/^var loadModel =\((?:async )?function\(/m);
  expect(text).toMatch(/^var fetchModel = (?:async )?function\(/m); // not called
});

const workerModules = (worker: string, kernel: string): readonly WorkerModule[] => [
  { name: 'worker.mjs', kind: 'esModule', file: join(import.meta.dirname, worker) },
  { name: 'program.mjs', kind: 'esModule', file: join(import.meta.dirname, 'program.mjs') },
  { name: 'folio', kind: 'esModule', file: join(dist, 'browser.js') },
  ...[...chunksOf('browser.js')].map((name) => ({ name, kind: 'esModule', file: join(dist, name) }) as const),
  { name: 'kernel.wasm', kind: 'wasm', file: join(dist, kernel) },
  ...['model.json', 'weights-1-of-1.bin'].map(
    (name) => ({ name, kind: 'data', file: join(folder, name) }) as const,
  ),
];

// The first date has neither MessageChannel nor FinalizationRegistry.
describe.each(['2024-01-01', '2025-11-01'])('in workerd as of %s', (date) => {
  test.each(['kernel.wasm', 'kernel-relaxed.wasm'])('%s gives the bits that Node gives', async (kernel) => {
    const worker = await startWorker(work, workerModules('worker.mjs', kernel), date);
    try {
      const answers = await Promise.all(['/', '/'].map(async (path) => (await worker.fetch(path)).json()));
      expect(answers).toEqual([expected, expected]);
    } finally {
      await worker.stop();
    }
  });

  test('a model opened while the Worker is loaded serves its requests', async () => {
    const worker = await startWorker(work, workerModules('worker-at-start.mjs', 'kernel.wasm'), date);
    try {
      expect(await (await worker.fetch('/')).json()).toEqual(expected);
      expect(await (await worker.fetch('/')).json()).toEqual(expected);
    } finally {
      await worker.stop();
    }
  });

  test('without the host’s kernel the error says what to pass', async () => {
    const worker = await startWorker(work, workerModules('worker.mjs', 'kernel.wasm'), date);
    try {
      expect(await (await worker.fetch('/without-kernel')).json()).toMatchObject({
        code: 'model_unsupported',
        message: expect.stringContaining('folio/kernel.wasm'),
      });
    } finally {
      await worker.stop();
    }
  });
});

// Of these two a request needs both to join the work of another on one model.
test.each([
  ['2024-01-01', ['handle_cross_request_promise_resolution', 'expose_global_message_channel']],
  ['2025-08-15', []],
])('in workerd as of %s with %j, requests to one model overlap', async (date, flags) => {
  const modules = workerModules('worker-at-start.mjs', 'kernel.wasm');
  const worker = await startWorker(work, modules, date, flags);
  try {
    const lengths = [20, 3000, 9000, 50]; // the first, which started the work, ends before the others
    const texts = await Promise.all(
      lengths.map(async (length) => (await worker.fetch(`/?length=${length}`)).text()),
    );
    expect(texts.map((text) => text.length)).toEqual(lengths);
    expect(texts[2]!.startsWith(texts[1]!)).toBe(true);
  } finally {
    await worker.stop();
  }
});
