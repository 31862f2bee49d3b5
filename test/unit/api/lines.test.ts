import { afterAll, describe, expect, test } from 'vitest';
import { LinesResponseSchema } from '../../../src/api/response/responses.ts';
import { FolioClient } from '../../../src/client/client.ts';
import { buildLineIndex } from '../../../src/model/lines/line-index.ts';
import { createHost } from '../../../src/server/host.ts';
import { publishVersion } from '../../../src/store/models.ts';
import { tinyModel } from '../../tiny-model.ts';
import { callsOf, furnished } from './host-under-test.ts';

describe('POST /v1/lines', async () => {
  const place = await furnished({ reloadSeconds: 0 });
  const host = await createHost(place.settings);
  const call = callsOf(host);
  afterAll(async () => {
    await host.close();
    await place[Symbol.asyncDispose]();
  });
  const ask = (body: object) =>
    call('/v1/lines', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const lines = async (body: object) => {
    const response = await ask(body);
    expect(response.status).toBe(200);
    return LinesResponseSchema.parse(await response.json());
  };
  const request = { lines: 12, seed: 1 };

  test('gives whole lines, the same for the same seed, and the seed that it drew', async () => {
    const first = await lines(request);
    expect(first).toMatchObject({ model: 'tiny', seed: 1, exhausted: false });
    expect(first.data).toHaveLength(12);
    for (const line of first.data) expect(line).toMatch(/^[^\n]*\S[^\n]*$/);
    expect((await lines(request)).data).toEqual(first.data);
    const drawn = await lines({ lines: 3, temperature: 0.9 });
    expect((await lines({ lines: 3, temperature: 0.9, seed: drawn.seed })).data).toEqual(drawn.data);
  });

  test('keeps lines to what is asked of them beside sampling', async () => {
    const { data } = await lines(request);
    const letter = /[a-z]/.exec(data.join(''))![0];
    const without = await lines({ ...request, banned: letter });
    expect(without.data.join('')).not.toContain(letter);
    for (const line of (await lines({ ...request, pattern: '[a-z]{4}' })).data)
      expect(line).toMatch(/^[a-z]{4}$/);
    const refusal = await ask({ ...request, pattern: 'a', choices: ['b'], blend: { tiny: 0.5 } });
    expect(await refusal.json()).toMatchObject({ error: { param: 'blend' } });
  });

  test('is a method of the client', async () => {
    const folio = new FolioClient({
      baseUrl: 'http://localhost',
      fetch: (input, init) => call(String(input), init),
    });
    expect((await folio.lines(request)).data).toEqual((await lines(request)).data);
  });

  test('leaves out lines of the corpus, by the index beside the model', async () => {
    const { data } = await lines(request);
    const model = tinyModel({ name: 'listed' });
    const files = new Map([...model.files, ['line-index.bin', buildLineIndex(data)]]);
    await publishVersion(place.store, { ...model, files, replaces: null });
    const fresh = await lines({ ...request, model: 'listed', new: true });
    expect(fresh.data.filter((line) => data.includes(line))).toEqual([]);
    expect(new Set(fresh.data).size).toBe(12);
    const alone = tinyModel({ name: 'one', alphabet: '\na' });
    const known = buildLineIndex(Array.from({ length: 2000 }, (_, length) => 'a'.repeat(length)));
    const all = new Map([...alone.files, ['line-index.bin', known]]);
    await publishVersion(place.store, { ...alone, files: all, replaces: null });
    expect(await lines({ lines: 3, model: 'one', new: true, seed: 1 })).toMatchObject({
      data: [],
      exhausted: true,
    });
  });

  test.each([
    [{ lines: 0 }, 400, 'invalid_parameter', 'lines'],
    [{ lines: 5, new: true }, 422, 'model_unsupported', 'new'],
    [{ lines: 5, prompt: 'a\nb' }, 400, 'invalid_parameter', 'prompt'],
    [{ lines: 5, prompt: '漢' }, 400, 'unknown_character', 'prompt'],
    [{ lines: 5, length: 10_000_000 }, 422, 'limit_exceeded', 'length'],
    [{ lines: 5, stop: 'x' }, 400, 'invalid_parameter', 'stop'],
    [{ lines: 5, model: 'absent' }, 404, 'model_not_found', 'model'],
  ])('refuses %j: %i %s', async (body, status, code, param) => {
    const response = await ask(body);
    const { error } = (await response.json()) as { error: object };
    expect(error).toMatchObject({ code, param });
    expect(response.status).toBe(status);
  });
});
