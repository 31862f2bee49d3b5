import { afterAll, describe, expect, test } from 'vitest';
import { createApp } from '../../../src/api/app.ts';
import { ErrorResponseSchema } from '../../../src/api/response/responses.ts';
import { createHost } from '../../../src/server/host.ts';
import { importFile } from '../../api.cases.ts';
import { furnished } from './host-under-test.ts';

const failure = async (response: Response) => {
  const { error } = ErrorResponseSchema.parse(await response.json());
  return { status: response.status, ...error };
};

describe('imports', async () => {
  const place = await furnished({
    apiKeys: ['reading'],
    writeKeys: ['writing'],
    maximumCorpusBytes: 30_000,
  });
  const host = await createHost(place.settings);
  afterAll(async () => {
    await host.close();
    await place[Symbol.asyncDispose]();
  });
  const send = async (body: BodyInit, key = 'writing', headers: Record<string, string> = {}) =>
    host.app.fetch(
      new Request('http://localhost/v1/models/refused/import', {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, ...headers },
        body,
      }),
      { remoteAddress: '127.0.0.1' },
    );
  const nothingPublished = async () =>
    expect(await Array.fromAsync(await place.store.list('models/refused/'))).toEqual([]);

  test('need a key that may write', async () => {
    const file = importFile('torch-lstm/checkpoint.pt');
    expect(await failure(await send(file, 'reading'))).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await send(file, 'none')).status).toBe(401);
    await nothingPublished();
  });

  test('are as large as a corpus at most, whatever the length claims to be', async () => {
    const expected = { status: 413, code: 'too_large', param: 'body' };
    expect(await failure(await send(new Uint8Array(30_001)))).toMatchObject(expected);
    expect(
      await failure(await send(new Uint8Array(30_001), 'writing', { 'content-length': '5' })),
    ).toMatchObject(expected);
    await nothingPublished();
  });

  test('are files as they are, no forms and no JSON', async () => {
    const form = new FormData();
    form.append('file', new Blob([importFile('torch-lstm/checkpoint.pt')]), 'checkpoint.pt');
    const expected = { status: 415, code: 'unsupported_media_type', param: 'body' };
    expect(await failure(await send(form))).toMatchObject(expected);
    expect(await failure(await send('{}', 'writing', { 'content-type': 'application/json' }))).toMatchObject(
      expected,
    );
    await nothingPublished();
  });

  test('are named where a host has none, with the command that does it', async () => {
    const app = createApp({
      store: place.store,
      limits: {} as never,
      authorise: () => ({ id: 'anybody', rights: ['read', 'write'] }),
    });
    const actual = await failure(await app.request('/v1/models/any/import', { method: 'POST', body: 'x' }));
    expect(actual).toMatchObject({ status: 404, code: 'not_found' });
    expect(actual.message).toContain('folio import FILE --name NAME');
  });
});
