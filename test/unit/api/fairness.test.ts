import { afterAll, describe, expect, test, vi } from 'vitest';
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
    let begun = 0;
    let ended = 0;
    let hasAnswered = false;
    let allBegun = () => {};
    const everyone = new Promise<void>((resolve) => {
      allBegun = resolve;
    });
    // Each would take far longer than all need to begin, on any machine, and is left when it has been seen to go on.
    const streams = Array.from({ length: 50 }, async (_, at) => {
      const response = await fetch(`${server.url}/generate?length=1000000&seed=${at}`, {
        headers: { accept: 'text/plain' },
      });
      const reader = response.body!.getReader();
      let length = 0;
      while (!hasAnswered || length < 1500) {
        const { done, value } = await reader.read();
        if (done) {
          ended++;
          break;
        }
        if (length === 0 && ++begun === 50) allBegun();
        length += value.length;
      }
      await reader.cancel();
      return length;
    });
    await everyone;
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    hasAnswered = true;
    expect(Math.min(...(await Promise.all(streams)))).toBeGreaterThanOrEqual(1500);
    expect(ended).toBe(0);
    // Whoever leaves ends what runs for them.
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      expect(metrics).toContain('folio_completions_running 0\n');
    }, 10_000);
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
