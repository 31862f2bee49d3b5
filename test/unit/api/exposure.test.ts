import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { TrainingSchema } from '../../../src/api/response/responses.ts';
import { createHost } from '../../../src/server/host.ts';
import { corpusKey } from '../../../src/store/keys.ts';
import { S3Store } from '../../../src/store/s3-store.ts';
import { tinyId } from '../../api.cases.ts';
import { corpusOf } from '../../corpus.ts';
import { callsOf, furnished } from './host-under-test.ts';

describe('what an answer shows', async () => {
  const place = await furnished();
  const folder = place.settings.store;
  // A trainer that dies with the store's place in its last words.
  const dies = [
    process.execPath,
    '-e',
    'console.error("Cannot write " + process.argv[2]); process.exit(5)',
    '--',
  ];
  const host = await createHost(place.settings, dies as [string, ...string[]]);
  const call = callsOf(host);
  await mkdir(join(folder, 'models/looping'), { recursive: true });
  await symlink('current.json', join(folder, 'models/looping/current.json'));
  await symlink('looping.txt', join(folder, 'models/looping/looping.txt'));
  afterAll(async () => {
    await host.close();
    await place[Symbol.asyncDispose]();
  });

  test('where the store is, is in no error', async () => {
    const answers = [
      await call('/v1/models/looping'),
      await call('/generate?model=looping'),
      await call('/v1/completions', { method: 'POST', body: '{"model":"looping","prompt":"O"}' }),
      await call('/v1/models/looping/activate', { method: 'POST', body: '{"version":"x"}' }),
    ];
    for (const answer of answers) {
      const text = await answer.text();
      expect(answer.status, text).toBeGreaterThan(399);
      expect(text).not.toContain(folder);
    }
    expect(answers[0]?.status).toBe(503);
  });

  test('where the store is, is in no record of a training', async () => {
    const upload = await call('/v1/corpora/novel', { method: 'POST', body: corpusOf('Once.') });
    const { training } = (await upload.json()) as { training: { id: string } };
    const read = async () => TrainingSchema.parse(await (await call(`/v1/trainings/${training.id}`)).json());
    await expect.poll(async () => (await read()).state).toBe('failed');
    const record = await read();
    expect(record.failure?.message).toBe(`Cannot write the store/${corpusKey('novel')}`);
    expect(JSON.stringify(record)).not.toContain(folder);
    expect(await (await call('/v1/trainings')).text()).not.toContain(folder);
  });

  test('where a bucket is, is in no error', async () => {
    const store = S3Store.at('s3://a-private-bucket/prefix', {
      endpoint: 'http://127.0.0.1:1',
      region: 'x',
      maxAttempts: 1,
      credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    });
    const error: unknown = await store.read('models/x/current.json').catch((refusal: unknown) => refusal);
    expect(error).toMatchObject({ code: 'store_failed' });
    const { forClients } = (error as { details: { forClients?: string } }).details;
    expect(forClients).toBe('The store could not read models/x/current.json: ECONNREFUSED.');
  });

  test('an answer for one key is for no cache that others share', async () => {
    const paths = [
      '/v1/models',
      '/v1/models/tiny',
      `/v1/models/${encodeURIComponent(tinyId)}/files/model.json`,
      '/v1/models/tiny/files/model.json',
      '/v1/trainings',
      '/generate?length=3',
      '/generate?length=3&temperature=9',
      '/v1/models/none',
    ];
    for (const path of paths) {
      for (const accept of ['application/json', 'text/event-stream', 'text/plain']) {
        const answer = await call(path, { headers: { accept } });
        expect(answer.headers.get('cache-control'), path).toMatch(/^private, /);
        await answer.body?.cancel();
      }
    }
  });
});
