import { afterAll, describe, expect, test } from 'vitest';
import { createApp } from '../../../src/api/app.ts';
import { authoriseByKeys } from '../../../src/api/request/auth.ts';
import { ContinuationSigner } from '../../../src/api/request/continuation.ts';
import { Admission, limitsFrom } from '../../../src/api/request/limits.ts';
import type { CompletionResult } from '../../../src/model/model.ts';
import { startServer } from '../../../src/server/server.ts';
import { openModels } from '../../../src/store/open-models.ts';
import { furnished } from './host-under-test.ts';

describe('fifty streams', async () => {
  const place = await furnished({ maximumLength: 1_000_000, maximumConcurrentPerKey: 64 });
  const server = await startServer(place.settings);
  afterAll(async () => {
    await server.close(0);
    await place[Symbol.asyncDispose]();
  });

  test('all progress together, and the server answers others meanwhile', async () => {
    const order: string[] = [];
    let begun = 0;
    let allBegun = () => {};
    const everyone = new Promise<void>((resolve) => {
      allBegun = resolve;
    });
    const streams = Array.from({ length: 50 }, async (_, at) => {
      const response = await fetch(`${server.url}/generate?length=1500&seed=${at}`, {
        headers: { accept: 'text/plain' },
      });
      let length = 0;
      for await (const chunk of response.body ?? []) {
        if (length === 0) {
          order.push('first');
          if (++begun === 50) allBegun();
        }
        length += chunk.length;
      }
      order.push('last');
      return length;
    });
    await everyone;
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    order.push('health');
    expect(await Promise.all(streams)).toEqual(Array.from({ length: 50 }, () => 1500));
    expect(order.lastIndexOf('first')).toBeLessThan(order.indexOf('last'));
    expect(order.indexOf('health')).toBeLessThan(order.indexOf('last'));
  });
});

describe('a client that leaves', async () => {
  const place = await furnished({ maximumLength: 10_000_000 });
  const models = openModels(place.store, place.settings);
  const limits = limitsFrom(place.settings);
  const admission = new Admission(limits);
  const results: Promise<CompletionResult>[] = [];
  const app = createApp({
    store: place.store,
    limits,
    authorise: authoriseByKeys({ read: [], write: [] }),
    generator: {
      defaultModel: { name: 'tiny' },
      admission,
      signer: async () => new ContinuationSigner('secret'),
      acquire: async (reference, precision) => {
        const held = await models.acquire(reference, precision);
        const complete: typeof held.model.complete = (options) => {
          const run = held.model.complete(options);
          return {
            [Symbol.asyncIterator]: () => {
              results.push(run.result());
              return run[Symbol.asyncIterator]();
            },
            prepare: () => run.prepare(),
            result: () => run.result(),
          };
        };
        return { ...held, model: { ...held.model, complete } };
      },
    },
  });
  afterAll(() => place[Symbol.asyncDispose]());

  test.each([
    ['text', '/generate', { length: 10_000_000 }],
    ['events', '/v1/completions', { model: 'tiny', max_tokens: 10_000_000, n: 2, stream: true }],
  ])('stops its generation, reading %s', async (_, path, body) => {
    const response = await app.fetch(
      new Request(`http://localhost${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/plain' },
        body: JSON.stringify(body),
      }),
      { remoteAddress: '127.0.0.1' },
    );
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    const { choices } = (await results.at(-1)) ?? { choices: [] };
    expect(choices.map(({ finishReason }) => finishReason)).toEqual(choices.map(() => 'aborted'));
    for (const { generated } of choices) expect(generated).toBeLessThan(50_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(admission.running).toBe(0);
  });
});
