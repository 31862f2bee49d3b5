import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCopyIndex } from '../../src/model/copy-index.ts';
import { FolderStore } from '../../src/store/folder-store.ts';
import { publishVersion } from '../../src/store/models.ts';
import { tinyModel } from '../tiny-model.ts';
import { report } from './size.ts';

/**
 * Everything that a server does without a request that waits for it, made to fail, one after another, while the server
 * answers: a process of its own, since an unhandled rejection ends a process.
 */
let folder: string;
let server: ChildProcess;
let url: string;
let log = '';

const place = (...path: string[]): string => join(folder, ...path);
const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

async function publish(second: number): Promise<string> {
  const { name, version, files } = tinyModel({ createdAt: at(second), seed: second });
  const index = buildCopyIndex('To be, or not to be: that is the question. '.repeat(100));
  await publishVersion(new FolderStore(folder), {
    name,
    version,
    files: new Map(files).set('copy-index.bin', index),
  });
  return version;
}

const start = async (): Promise<void> => {
  server = spawn(process.execPath, ['src/cli/main.ts', 'serve', '--port', '0'], {
    env: {
      ...process.env,
      FOLIO_STORE: folder,
      FOLIO_MODEL: 'tiny',
      FOLIO_RELOAD_SECONDS: '0',
      LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      log += text;
    });
  }
  const address = () => /http:\/\/[\d.]+:\d+/.exec(output)?.[0];
  for (let waited = 0; address() === undefined && waited < 15_000; waited += 50) await delay(50);
  url = address() ?? '';
};

const generate = (body: object = {}): Promise<Response> =>
  fetch(`${url}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ length: 5, seed: 1, ...body }),
  });

/** The process that the server has started with this in its arguments. */
const childOf = async (pid: number, argument: string): Promise<number | undefined> => {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean);
  for (const child of children) {
    const command = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(argument)) return Number(child);
  }
  return undefined;
};

/** A file that cannot be read, written over by hand: the system follows it for ever. */
const unreadable = async (path: string): Promise<void> => {
  await rm(path, { force: true, recursive: true });
  await symlink(path, path);
};

/** The right to write, as the server printed it. */
const writer = (): string => `Bearer ${/#key=(\w+)/.exec(log)?.[1]}`;

const upload = (
  name: string,
  body: string | ReadableStream<Uint8Array> = 'a'.repeat(1000), // which the trainer refuses: nothing can be learnt
  signal?: AbortSignal,
): Promise<Response> =>
  fetch(`${url}/v1/corpora/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', authorization: writer() },
    body,
    duplex: 'half',
    ...(signal && { signal }),
  } as RequestInit);

/** A corpus that never ends. */
const endless = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    pull: async (controller) => {
      await delay(10);
      controller.enqueue(new TextEncoder().encode('Once upon a time. '.repeat(100)));
    },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-background-'));
  await publish(1);
  await start();
});
afterAll(async () => {
  server.kill();
  await rm(folder, { recursive: true, force: true });
});

/** What is made to fail, and what a request for a text is answered meanwhile. */
const failures: readonly (readonly [string, () => Promise<unknown>])[] = [
  [
    'a new version is damaged',
    async () => {
      const weights = place('models/tiny', await publish(2), 'weights-1-of-1.bin');
      await writeFile(weights, (await readFile(weights)).with(9, 1));
      return generate();
    },
  ],
  [
    'a new version cannot be read',
    async () => unreadable(place('models/tiny', await publish(3), 'weights-1-of-1.bin')),
  ],
  [
    'the digests of a new version cannot be read',
    async () => unreadable(place('models/tiny', await publish(4), 'digests.json')),
  ],
  ['a new version vanishes', async () => rm(place('models/tiny', await publish(5)), { recursive: true })],
  ['the pointer is damaged', () => writeFile(place('models/tiny/current.json'), '{"version"')],
  ['the pointer cannot be read', () => unreadable(place('models/tiny/current.json'))],
  [
    'the copy index cannot be read',
    async () => {
      await rm(place('models/tiny/current.json'));
      await publish(6);
      await generate();
      await unreadable(place('models/tiny', await publish(7), 'copy-index.bin'));
      return generate({ copy_guard: 20 });
    },
  ],
  [
    'a client leaves in the middle of a text',
    async () => {
      const leaving = new AbortController();
      const response = await fetch(`${url}/generate?length=10000&stream=true`, { signal: leaving.signal });
      await response.body?.getReader().read();
      leaving.abort();
    },
  ],
  ['a trainer fails', () => upload('first')],
  [
    'a trainer is killed while its record can neither be read nor written',
    async () => {
      if (process.platform !== 'linux') return; // the trainer is found by /proc
      const { training } = (await (await upload('second')).json()) as { training: { id: string } };
      let trainer: number | undefined;
      while (trainer === undefined) trainer = await childOf(server.pid!, training.id);
      await unreadable(place('trainings', `${training.id}.json`));
      process.kill(trainer, 'SIGKILL');
      await delay(1_500);
    },
  ],
  [
    'somebody follows a training whose record becomes unreadable',
    async () => {
      const { training } = (await (await upload('third')).json()) as { training: { id: string } };
      const following = await fetch(`${url}/v1/trainings/${training.id}`, {
        headers: { accept: 'text/event-stream' },
      });
      await unreadable(place('trainings', `${training.id}.json`));
      await following.text().catch(() => undefined);
    },
  ],
  [
    'fifty follow a training, and its record becomes unreadable',
    async () => {
      const { training } = (await (await upload('followed')).json()) as { training: { id: string } };
      const followers = Array.from({ length: 50 }, () =>
        fetch(`${url}/v1/trainings/${training.id}`, { headers: { accept: 'text/event-stream' } }),
      );
      const all = await Promise.all(followers);
      await unreadable(place('trainings', `${training.id}.json`));
      await Promise.all(all.map((response) => response.text().catch(() => undefined)));
    },
  ],
  [
    'a client leaves in the middle of an upload',
    async () => {
      const leaving = new AbortController();
      const sending = upload('left', endless(), leaving.signal).catch(() => undefined);
      await delay(200);
      leaving.abort();
      await sending;
    },
  ],
  [
    'the folder of corpora is gone in the middle of an upload',
    async () => {
      const leaving = new AbortController();
      const sending = upload('lost', endless(), leaving.signal).catch(() => undefined);
      await delay(200);
      await rm(place('corpora'), { recursive: true, force: true });
      await writeFile(place('corpora'), 'a file');
      leaving.abort();
      await sending;
      await rm(place('corpora'));
    },
  ],
  [
    'the corpus of a training that waits is gone',
    async () => {
      await upload('runs');
      await upload('waits');
      await rm(place('corpora/waits.txt'));
      await delay(1_000);
    },
  ],
  [
    'a training that waits is stopped while its record is gone',
    async () => {
      await upload('goes');
      const { training } = (await (await upload('stops')).json()) as { training: { id: string } };
      await rm(place('trainings', `${training.id}.json`));
      const headers = { authorization: writer() };
      return fetch(`${url}/v1/trainings/${training.id}`, { method: 'DELETE', headers });
    },
  ],
  [
    'its metrics are asked for while the models cannot be read',
    async () => {
      await rename(place('models'), place('models-elsewhere'));
      await unreadable(place('models'));
      await (await fetch(`${url}/metrics`)).text();
      await (await fetch(`${url}/v1/models`)).text();
      await rm(place('models'));
      await rename(place('models-elsewhere'), place('models'));
    },
  ],
  [
    'a record is torn',
    async () => {
      for (const file of await readdir(place('trainings'))) {
        await rm(place('trainings', file));
        await writeFile(place('trainings', file), '{"id":"2026');
      }
      return fetch(`${url}/v1/trainings`);
    },
  ],
  [
    'there is no folder for records',
    async () => {
      await rm(place('trainings'), { recursive: true });
      await writeFile(place('trainings'), 'a file');
      return upload('fourth');
    },
  ],
  [
    'the whole store is gone',
    async () => {
      await rename(folder, `${folder}-elsewhere`);
      await writeFile(folder, 'a file');
      for (let i = 0; i < 3; i++) await generate();
      await rm(folder);
      await rename(`${folder}-elsewhere`, folder);
    },
  ],
];

test.each(failures)('a server goes on when %s', async (_, fail) => {
  await fail();
  await delay(300);
  expect(server.exitCode).toBeNull();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

afterAll(() => report(`${failures.length} kinds of background failure`, '0 ends of the server'));

test('and serves the newest version that can be opened in the end', async () => {
  await rm(place('models/tiny/current.json'), { force: true });
  const version = await publish(8);
  await expect
    .poll(async () => ((await (await generate()).json()) as { model?: string; version?: string }).version, {
      timeout: 10_000,
    })
    .toBe(version);
  expect(log).not.toMatch(/unhandled|uncaught/i);
});

test.each([
  ['whose model is missing', () => rm(place('models'), { recursive: true })],
  ['whose model is damaged', () => mkdir(place('models/tiny/current.json'), { recursive: true })],
])('a server starts in a store %s', async (_, damage) => {
  const ended = once(server, 'exit');
  server.kill();
  await ended;
  await damage();
  await start();
  expect([404, 503]).toContain((await generate()).status);
  expect(server.exitCode).toBeNull();
});
