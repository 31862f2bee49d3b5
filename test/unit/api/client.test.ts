import { afterAll, describe, expect, expectTypeOf, test } from 'vitest';
import { ApiError, FolioClient, type GenerateRequest } from '../../../src/client/client.ts';
import { startServer } from '../../../src/server/server.ts';
import { tiny } from '../../api.cases.ts';
import { furnished } from './host-under-test.ts';

describe('the typed client', async () => {
  const place = await furnished({ apiKeys: ['key'], maximumLength: 1_000_000 });
  const server = await startServer(place.settings);
  afterAll(async () => {
    await server.close(0);
    await place[Symbol.asyncDispose]();
  });
  const folio = new FolioClient({ baseUrl: `${server.url}/`, apiKey: 'key' });

  test('generate() resolves with the text and its receipt', async () => {
    const { text, receipt } = await folio.generate({ prompt: 'Once', length: 30, temperature: 0.5 });
    expect(text).toHaveLength(30);
    expect((await folio.generate(receipt)).text).toBe(text);
  });

  test('a stream gives its receipt before its text', async () => {
    const stream = await folio.stream({ prompt: 'Once', length: 300, seed: 4 });
    expect(stream.receipt).toMatchObject({ seed: 4, version: tiny.version, length: 300 });
    let text = '';
    for await (const piece of stream) text += piece;
    expect(text).toBe((await folio.generate(stream.receipt)).text);
  });

  test('a reader may leave a stream or abort it', async () => {
    const stream = await folio.stream({ prompt: 'Once', length: 1_000_000 });
    for await (const piece of stream) {
      expect(piece).not.toBe('');
      break;
    }
    const controller = new AbortController();
    const other = await folio.stream({ length: 1_000_000 }, { signal: controller.signal });
    const reading = (async () => {
      for await (const _ of other) controller.abort();
    })();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('score() and models() return what the API answers', async () => {
    const { data } = await folio.score({ text: ['Once', 'Twice'] });
    expect(data.map(({ perplexity }) => perplexity > 1)).toEqual([true, true]);
    expect((await folio.models()).map(({ id }) => id)).toEqual(['tiny', 'other']);
  });

  test('sampling parameters are typed as numbers that may be left out', () => {
    expectTypeOf<GenerateRequest['temperature']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<GenerateRequest['typical_p']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<GenerateRequest['top_k']>().toEqualTypeOf<number | undefined>();
  });

  test('a refused request throws with every fault', async () => {
    const error: unknown = await folio.generate({ temperature: -1, top_p: 3 }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 400, code: 'invalid_parameter' });
    expect((error as ApiError).faults.map(({ param }) => param)).toEqual(['temperature', 'top_p']);
    const stranger = new FolioClient({ baseUrl: server.url });
    await expect(stranger.models()).rejects.toMatchObject({ status: 401, code: 'unauthorized' });
  });
});
