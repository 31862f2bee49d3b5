import { expect, test } from 'vitest';
import { bodyChunks } from '../../../src/api/request/body.ts';

const post = (body: ReadableStream<Uint8Array>): Request =>
  new Request('http://localhost/', { method: 'POST', body, duplex: 'half' } as RequestInit);

const read = async (request: Request, pauseMs: number): Promise<number> => {
  let length = 0;
  for await (const chunk of bodyChunks(request, 100, 'The corpus', pauseMs)) length += chunk.length;
  return length;
};

test('a body may take long as long as something comes', async () => {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      let sent = 0;
      const timer = setInterval(() => {
        controller.enqueue(new Uint8Array(1));
        if (++sent < 8) return;
        clearInterval(timer);
        controller.close();
      }, 50);
    },
  });
  expect(await read(post(body), 5_000)).toBe(8);
});

test('a client that falls silent in the middle of its body is not waited for, and its connection is given up', async () => {
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(5)),
    cancel: () => {
      isCancelled = true;
    },
  });
  await expect(read(post(body), 20)).rejects.toMatchObject({
    code: 'interrupted',
    message: 'The client sent nothing of its request for 0.02 seconds.',
  });
  expect(isCancelled).toBe(true);
});
