import { describe, expect, test } from 'vitest';
import { createApp } from '../../../src/api/app.ts';
import type { AppDeps } from '../../../src/api/deps.ts';
import type { LogLine } from '../../../src/api/log.ts';
import { ContinuationSigner } from '../../../src/api/request/continuation.ts';
import { Admission, limitsFrom } from '../../../src/api/request/limits.ts';
import { ValidationErrors } from '../../../src/api/request/validation-errors.ts';
import { ErrorResponseSchema } from '../../../src/api/response/responses.ts';
import { FolioError } from '../../../src/errors.ts';
import { startServer } from '../../../src/server/server.ts';
import { readSettings } from '../../../src/settings.ts';
import { openModels } from '../../../src/store/open-models.ts';
import type { Store } from '../../../src/store/store.ts';
import { furnished } from './host-under-test.ts';

const limits = limitsFrom(readSettings({}));

/** An app whose store does nothing but throw. */
const broken = (error: unknown) => {
  const lines: LogLine[] = [];
  const fail = () => {
    throw error;
  };
  const store = { location: 'nowhere', list: fail, read: fail } as unknown as Store;
  const app = createApp({
    store,
    limits,
    authorise: () => ({ id: 'anybody', rights: ['read'] }),
    log: (line) => lines.push(line),
  });
  return { app, lines };
};

describe('errors', () => {
  test('a bug is a bare 500 whose details are in the log alone, under the request’s id', async () => {
    const bug = new TypeError('secret is undefined');
    const { app, lines } = broken(bug);
    const response = await app.request('/v1/models');
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).not.toContain('secret');
    const { error } = ErrorResponseSchema.parse(JSON.parse(text));
    expect(error).toMatchObject({ type: 'server_error', code: 'internal_error' });
    expect(lines).toMatchObject([
      { status: 500, requestId: error.request_id, error: bug, route: '/v1/models' },
    ]);
    expect(response.headers.get('x-request-id')).toBe(error.request_id);
  });

  test('a store that does not answer is a 503 that says so', async () => {
    const { app } = broken(new FolioError('store_failed', 'The store does not answer.'));
    const response = await app.request('/v1/models');
    expect(response.status).toBe(503);
    expect(ErrorResponseSchema.parse(await response.json()).error.code).toBe('store_failed');
  });

  test('several faults have the status of what is malformed before what is too much', () => {
    const faults = new ValidationErrors();
    faults.add('limit_exceeded', 'length', 'Too long.');
    faults.add('invalid_parameter', 'temperature', 'Too hot.');
    expect(() => faults.throwIfAny()).toThrow(
      expect.objectContaining({ code: 'invalid_parameter', status: 400, message: 'Too long. Too hot.' }),
    );
  });
});

describe('once a stream has begun', async () => {
  const bug = new TypeError('secret is undefined');
  const lines: LogLine[] = [];
  const place = await furnished();
  const models = openModels(place.store, place.settings);
  const deps: AppDeps = {
    store: place.store,
    limits,
    authorise: () => ({ id: 'anybody', rights: ['read'] }),
    log: (line) => lines.push(line),
    generator: {
      defaultModel: { name: 'tiny' },
      admission: new Admission(limits),
      signer: async () => new ContinuationSigner('secret'),
      acquire: async (reference, precision) => {
        const held = await models.acquire(reference, precision);
        const complete: typeof held.model.complete = (options) => {
          const run = held.model.complete(options);
          return {
            async *[Symbol.asyncIterator]() {
              yield { index: 0, text: 'Once' };
              await new Promise((resolve) => setTimeout(resolve, 5));
              throw bug;
            },
            prepare: () => run.prepare(),
            result: () => run.result(),
          };
        };
        return { ...held, model: { ...held.model, complete } };
      },
    },
  };
  const app = createApp(deps);
  const post = (path: string, body: object) =>
    app.request(path, { method: 'POST', body: JSON.stringify(body), headers: { accept: 'text/plain' } });

  test('a bug is an event `error`, after which nothing is said, and a line in the log', async () => {
    const response = await post('/v1/completions', { model: 'tiny', stream: true });
    expect(response.status).toBe(200);
    const events = (await response.text()).split('\n\n').filter(Boolean);
    expect(events).toHaveLength(2);
    expect(events[0]).toContain('"text":"Once"');
    expect(events[1]).toMatch(/^event: error\ndata: \{"error":/);
    expect(events.join()).not.toMatch(/secret|DONE/);
    expect(lines.some(({ error, status }) => error === bug && status === 500)).toBe(true);
  });

  test('a bug breaks a plain text off, so that it does not look whole', async () => {
    const response = await post('/generate', {});
    await expect(response.text()).rejects.toThrow();
    await place[Symbol.asyncDispose]();
  });
});

test('a server that closes lets its streams end and takes nobody in', async () => {
  await using place = await furnished({ maximumLength: 100_000 });
  const server = await startServer(place.settings);
  const response = await fetch(`${server.url}/generate?length=10000`, { headers: { accept: 'text/plain' } });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader?.read())?.value ?? '';
  const closed = server.close();
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) break;
    text += value;
  }
  expect(text).toHaveLength(10_000);
  const ended = performance.now();
  await closed;
  expect(performance.now() - ended).toBeLessThan(5000); // and does not wait for its connection to be used again
});
