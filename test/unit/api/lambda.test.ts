import { PassThrough, type Writable } from 'node:stream';
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import * as fetchObjects from '../../../functions/fetch-objects.ts';
import { type Answer, buffered, streamed } from '../../../functions/gateway.ts';
import { createHost } from '../../../src/server/host.ts';
import { apiCases } from '../../api.cases.ts';
import { furnished } from './host-under-test.ts';
import { eventOf } from './lambda-event.ts';

type Handler = (event: APIGatewayProxyEvent, stream: Writable, context: Context) => Promise<void>;

/** What Lambda puts into the global scope, as far as a handler meets it. */
const runtime = {
  streamifyResponse: (handler: Handler) => handler,
  HttpResponseStream: {
    from: (stream: Writable, prelude: object) => {
      stream.emit('prelude', prelude);
      return stream;
    },
  },
};

const context = { getRemainingTimeInMillis: () => 30_000 } as Context;

type Call = (path: string, init?: RequestInit) => Promise<Response>;

const throughStream = (answer: Answer): Call => {
  Object.assign(globalThis, { awslambda: runtime });
  const handler = streamed(answer) as Handler;
  return async (path, init) => {
    const stream = new PassThrough();
    let prelude: { statusCode: number; headers: Record<string, string> } | undefined;
    stream.once('prelude', (received: typeof prelude) => {
      prelude = received;
    });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await handler(await eventOf(path, init), stream, context);
    const { statusCode = 0, headers } = prelude ?? {};
    return new Response(Buffer.concat(chunks), { status: statusCode, ...(headers && { headers }) });
  };
};

const throughBuffer = (answer: Answer): Call => {
  const handler = buffered(answer);
  return async (path, init) => {
    const { statusCode, headers, body, isBase64Encoded } = await handler(await eventOf(path, init), context);
    return new Response(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'), {
      status: statusCode,
      headers: headers as Record<string, string>,
    });
  };
};

describe.each([
  ["a stream, with the generating function's own Fetch objects", throughStream, fetchObjects],
  ['a buffer', throughBuffer, {}],
] as const)('Lambda behind a REST API, by %s', async (_, through, globals) => {
  beforeAll(() => {
    for (const [name, object] of Object.entries(globals)) vi.stubGlobal(name, object);
  });
  const place = await furnished({ writeKeys: ['key'] });
  afterAll(async () => {
    await place[Symbol.asyncDispose]();
    vi.unstubAllGlobals();
  });
  apiCases(async () => {
    const { app } = await createHost(place.settings);
    const call = through((request, host) => app.fetch(request, host));
    return {
      store: place.store,
      fetch: (path, init = {}) =>
        call(path, { ...init, headers: { ...(init.headers as Record<string, string>), 'x-api-key': 'key' } }),
    };
  });
});

test.each(['GET', 'HEAD'])('a body that came with %s is no fault', async (method) => {
  let received: Request | undefined;
  const handler = buffered((request) => {
    received = request;
    return new Response('taken');
  });
  const event = { ...(await eventOf('health')), httpMethod: method, body: '{}' };
  expect(await handler(event, context)).toMatchObject({ statusCode: 200, body: 'taken' });
  expect(received).toMatchObject({ method, body: null });
});

test('an answer whose reader takes nothing ends, and gives back what it held', async () => {
  Object.assign(globalThis, { awslambda: runtime });
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1024)),
    cancel: () => {
      cancelled = true;
    },
  });
  const handler = streamed(() => new Response(body), 30) as Handler;
  const unread = new PassThrough({ highWaterMark: 1024 });
  await expect(handler(await eventOf('/'), unread, context)).rejects.toThrow('took nothing for too long');
  expect(cancelled).toBe(true);
});
