import { afterAll, describe, expect, test } from 'vitest';
import { createHost } from '../../../src/server/host.ts';
import { apiCases } from '../../api.cases.ts';
import { callsOf, furnished } from './host-under-test.ts';

describe('the bare app', async () => {
  const place = await furnished();
  afterAll(() => place[Symbol.asyncDispose]());
  apiCases(async () => {
    return { store: place.store, fetch: callsOf(await createHost(place.settings)) };
  });
});

describe('JSON answers', async () => {
  const place = await furnished();
  afterAll(() => place[Symbol.asyncDispose]());
  const ask = callsOf(await createHost(place.settings));

  test.each([
    ['/v1/models'],
    ['/healthz'],
    ['/v1/models/nobody'], // an error
    ['/generate?length=5&seed=1'],
  ])('of %s end with one line end, and are indented by ?pretty', async (path) => {
    const answer = await ask(path);
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(text).toMatch(/^\{[^\n]*\}\n$/);
    const pretty = await ask(`${path}${path.includes('?') ? '&' : '?'}pretty`);
    expect(pretty.status).toBe(answer.status);
    expect(await pretty.text()).toMatch(/^\{\n {2}"[\s\S]*\n\}\n$/);
  });

  test('but a file of a model stays as it was published', async () => {
    const file = await ask('/v1/models/tiny/files/model.json?pretty');
    const [version] = (
      (await (await ask('/v1/models/tiny/versions')).json()) as { data: { version: string }[] }
    ).data;
    const stored = await place.store.read(`models/tiny/${version?.version}/model.json`);
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(stored?.bytes);
  });

  test('a model says how a text of it may begin', async () => {
    expect(await (await ask('/v1/models/tiny')).json()).toMatchObject({ suggested_prompt: '' });
  });

  test('a model whose current.json is damaged is listed with its fault, and described', async () => {
    const pointer = 'models/tiny/current.json';
    const before = (await place.store.read(pointer))!.bytes;
    const { version } = JSON.parse(new TextDecoder().decode(before)) as { version: string };
    await place.store.write(pointer, new TextEncoder().encode('{"version":'));
    try {
      const list = (await (await ask('/v1/models')).json()) as { data: { id: string }[] };
      expect(list.data.find(({ id }) => id === 'tiny')).toMatchObject({
        version,
        fault: expect.stringContaining('does not say which version is current'),
      });
      expect(await (await ask('/v1/models/tiny')).json()).toMatchObject({ version, current: true });
    } finally {
      await place.store.write(pointer, before);
    }
  });
});
