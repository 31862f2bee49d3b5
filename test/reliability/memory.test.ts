import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FolderStore } from '../../src/store/folder-store.ts';
import { publishTinyModel } from '../tiny-model.ts';
import { ServerProcess } from './server-process.ts';
import { report } from './size.ts';

const readers = 200;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/**
 * A server that has made 20 of the largest answers one after another, and what it takes when it is idle then. Its heap is
 * limited, the young generation too: V8 otherwise keeps garbage for as long as the machine has memory, and that is what would be measured.
 */
const idleServer = async (folder: string): Promise<{ server: ServerProcess; idle: number }> => {
  await publishTinyModel(new FolderStore(folder));
  const server = await ServerProcess.start({
    ...{
      FOLIO_STORE: folder,
      FOLIO_MODEL: 'tiny',
      NODE_OPTIONS: '--max-old-space-size=100 --max-semi-space-size=2',
    },
    ...{ FOLIO_MAX_CONCURRENT: '256', FOLIO_MAX_CONCURRENT_PER_KEY: '256' },
  });
  const warm = { model: 'tiny', prompt: 'Once', max_tokens: 6000, logprobs: 20 };
  for (let round = 0; round < 20; round++) {
    const response = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      body: JSON.stringify(warm),
    });
    expect(response.status).toBe(200);
    await response.text();
  }
  return { server, idle: await server.rss() };
};

test(`${readers} readers who take nothing of the largest answers cost at most 100 MB of memory`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-memory-'));
  try {
    const { server: started, idle } = await idleServer(folder);
    await using server = started;
    const ask = async (_: unknown, at: number) => {
      const text = JSON.stringify({
        ...{ model: 'tiny', prompt: 'Once', max_tokens: 6000, logprobs: 20, seed: 1, stream: at % 2 === 0 },
      });
      const socket = connect(server.port, '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      socket.pause();
      socket.write(
        `POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
      );
      return socket;
    };
    const sockets = await Promise.all(Array.from({ length: readers }, ask));
    let most = 0;
    for (let seconds = 0; seconds < 10; seconds += 0.25) {
      most = Math.max(most, await server.rss());
      await delay(250);
    }
    const running = await server.metric('folio_completions_running');
    for (const socket of sockets) socket.destroy();
    report(
      `${readers} readers who take nothing, ${running} of them with a place`,
      `at most ${megabytes(most - idle)} over the ${megabytes(idle)} of an idle server (RSS)`,
    );
    expect(running).toBeGreaterThan(0);
    expect(most - idle).toBeLessThan(100e6);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);

test('four uploads of 100 MB at once cost at most 100 MB of memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-memory-'));
  const piece = new TextEncoder().encode('Once upon a time there was a king. '.repeat(3000));
  const large = () => {
    let left = Math.floor(100e6 / piece.length);
    return new ReadableStream<Uint8Array>({
      pull: (controller) => (left-- > 0 ? controller.enqueue(piece) : controller.close()),
    });
  };
  try {
    const { server: started, idle } = await idleServer(folder);
    await using server = started;
    let most = 0;
    const watch = setInterval(() => void server.rss().then((rss) => (most = Math.max(most, rss))), 50);
    // Whatever ends in a zero byte is refused, so that nothing is trained.
    const statuses = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (name) => {
        const body = large().pipeThrough(
          new TransformStream<Uint8Array, Uint8Array>({ flush: (last) => last.enqueue(new Uint8Array(1)) }),
        );
        const init = { method: 'POST', body, duplex: 'half', headers: server.headers } as RequestInit;
        return (await fetch(`${server.url}/v1/corpora/${name}`, init)).status;
      }),
    );
    clearInterval(watch);
    report(
      'four uploads of 100 MB at once',
      `at most ${megabytes(most - idle)} over the ${megabytes(idle)} of an idle server (RSS)`,
    );
    expect(statuses).toEqual([422, 422, 422, 422]);
    expect(most - idle).toBeLessThan(100e6);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);
