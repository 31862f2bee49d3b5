import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { bodyStream, textStream } from '../../src/api/response/body-stream.ts';
import { startServer } from '../../src/server/server.ts';
import { furnished } from '../unit/api/host-under-test.ts';

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('a body', () => {
  test('is made as it is taken', async () => {
    let made = 0;
    const pieces = async function* () {
      for (;;) yield `${made++}`;
    };
    const reader = bodyStream(pieces()).getReader();
    await pause(10);
    expect(made).toBe(0);
    for (let taken = 1; taken <= 3; taken++) {
      await reader.read();
      expect(made).toBe(taken);
    }
    await reader.cancel();
  });

  test('ends a reader that takes nothing for too long, and gives back what it held', async () => {
    let left = 0;
    let closed = 0;
    const pieces = async function* () {
      try {
        for (;;) yield 'text';
      } finally {
        closed++;
      }
    };
    const reader = bodyStream(pieces(), () => left++, 20).getReader();
    await reader.read();
    await pause(60);
    expect([left, closed]).toEqual([1, 1]);
    await expect(reader.read()).rejects.toThrow('took nothing for too long');
  });

  test('that cannot be made ends its own reader alone', async () => {
    // biome-ignore lint/correctness/useYield: it throws before it yields
    const pieces = async function* (): AsyncGenerator<string, void> {
      throw new TypeError('groupBy is not a function');
    };
    await expect(bodyStream(pieces()).getReader().read()).rejects.toThrow('groupBy');
  });

  test('that is there already is the very text, in slices that cut no character', async () => {
    const text = 'a𝄞'.repeat(30_000);
    let done = 0;
    const sent = textStream(text, () => done++);
    expect(await new Response(sent).text()).toBe(text);
    expect(done).toBe(1);
  });
});

/** Asks by a socket and reads nothing. */
const askAndWait = async (port: number, body: object, path = '/v1/completions'): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.pause();
  const text = JSON.stringify(body);
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  );
  return socket;
};

/** Bytes that this thread's heap and buffers hold once garbage is collected; the process's RSS has other tests in it. */
const heldBytes = (): number => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

describe('readers that take nothing', async () => {
  test('cost no more than a bounded part of their answers each, whole or streamed', async () => {
    await using place = await furnished({
      maximumLength: 10_000,
      maximumPrompt: 10_000,
      maximumConcurrent: 256,
      maximumConcurrentPerKey: 256,
    });
    const server = await startServer(place.settings);
    const port = Number(new URL(server.url).port);
    const body = { model: 'tiny', prompt: 'Once', max_tokens: 6000, logprobs: 20, seed: 1 };
    const before = heldBytes();
    const sockets = await Promise.all(
      Array.from({ length: 200 }, (_, at) => askAndWait(port, { ...body, stream: at % 2 === 0 })),
    );
    await pause(3000);
    const megabytes = (heldBytes() - before) / 1e6;
    // Each whole answer would be 6 MB of JSON: the streams alone, 300 MB.
    expect(megabytes).toBeLessThan(100);
    const others = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', prompt: 'Once', stream: true }),
    });
    expect(others.status).toBe(200);
    expect(await others.text()).toContain('[DONE]');
    for (const socket of sockets) socket.destroy();
    await server.close(0);
  });

  test('10 kB of request give at most a bounded answer', async () => {
    await using place = await furnished({
      maximumLength: 10_000,
      maximumPrompt: 10_000,
      maximumConcurrentPerKey: 256,
    });
    const server = await startServer(place.settings);
    const response = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'tiny',
        prompt: 'a'.repeat(10_000),
        echo: true,
        n: 128,
        logprobs: 5,
        max_tokens: 1,
      }),
    });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string; code: string } };
    expect(error.code).toBe('limit_exceeded');
    expect(error.message).toMatch(/^n: expected an answer of at most 160000 characters in all/);
    await server.close(0);
  });
});

test('a server that stops ends long streams by an error event', async () => {
  await using place = await furnished({ maximumLength: 10_000_000 });
  const server = await startServer(place.settings);
  const response = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', prompt: 'Once', max_tokens: 10_000_000, stream: true }),
  });
  const text = response.text();
  await pause(200);
  await server.close(1500);
  const last = (await text).split('\n\n').filter(Boolean).at(-1) ?? '';
  expect(last).toMatch(/^event: error\ndata: \{"error":/);
  expect(last).toContain('"code":"unavailable"');
});
