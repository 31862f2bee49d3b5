import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openModels } from '../../src/store/open-models.ts';
import { S3Store } from '../../src/store/s3-store.ts';
import type { Store } from '../../src/store/store.ts';
import { folio } from '../folio-command.ts';
import { publishTinyModel } from '../tiny-model.ts';
import { type Gateway, startGateway } from './gateway.ts';

let gateway: Gateway;
let store: Store;

beforeAll(async () => {
  gateway = await startGateway();
  await gateway.createBucket('folio');
  const { endpoint, region, credentials } = gateway;
  store = S3Store.at('s3://folio/home', { endpoint, region, credentials, forcePathStyle: true });
});
afterAll(() => gateway?.stop());

const remote = (...args: string[]) =>
  folio(args, { env: { ...gateway.environment, FOLIO_STORE: 's3://folio/home', FOLIO_MODEL: 'tiny' } });

describe('the command line over S3', () => {
  test('generates, lists, activates and removes', async () => {
    const first = await publishTinyModel(store, { createdAt: new Date('2026-01-01') });
    const second = await publishTinyModel(store, { createdAt: new Date('2026-01-02'), seed: 2 });
    const text = await remote('generate', '--prompt', 'Now', '--length', '40', '--seed', '1');
    expect(text.stderr).toMatch(new RegExp(`^tiny@${second.version} {2}seed 1`));
    expect((await remote('models', 'versions', 'tiny')).stdout).toMatch(/current\n2026/);
    expect((await remote('models', 'activate', 'tiny', first.version)).code).toBe(0);
    expect((await remote('models', 'remove', 'tiny', second.version)).code).toBe(0);
    expect((await remote('models')).stdout).toBe(`tiny  ${first.version}\n`);
  });

  test('a missing bucket is reported in one line', async () => {
    const { code, stderr } = await remote('models', '--store', 's3://nowhere-at-all');
    expect(code).toBe(9);
    expect(stderr).toMatch(
      /^error: Could not list .* in s3:\/\/nowhere-at-all: NoSuchBucket \(404\)\. \[store_failed\]\n$/,
    );
  });

  test('works in bulk from object to objects, and resumes', async () => {
    await publishTinyModel(store, { name: 'bulk' });
    const rows = Array.from({ length: 25 }, (_, id) => `${JSON.stringify({ id, prompt: 'A', length: 6 })}\n`);
    await store.write('rows.jsonl', new TextEncoder().encode(rows.join('')));
    const bulk = (...more: string[]) =>
      remote(
        ...[
          'bulk',
          'generate',
          '--model',
          'bulk',
          '--part-rows',
          '10',
          '--input',
          's3://folio/home/rows.jsonl',
        ],
        ...['--output', 's3://folio/home/texts/', ...more],
      );
    const whole = await bulk();
    expect(whole.stderr).toMatch(/^25 rows in /);
    const parts = [0, 1, 2].map((part) => `texts/part-00000${part}.jsonl`);
    const read = async (key: string) => new TextDecoder().decode((await store.read(key))?.bytes);
    const results = await Promise.all(parts.map(read));
    expect(
      results
        .join('')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).id),
    ).toEqual(rows.keys().toArray());
    expect((await bulk()).stderr).toMatch(/--resume.*\[already_exists\]\n$/);
    await store.remove(parts[1]!);
    await store.remove(parts[2]!);
    expect((await bulk('--resume')).stderr).toMatch(/^15 rows after 10 that stood already/);
    expect(await Promise.all(parts.map(read))).toEqual(results);
  });
});

describe('models over S3', () => {
  test('a new version is served within the reload time, pinned ones stay', async () => {
    const models = openModels(store, { precision: 'int8', reloadSeconds: 0, modelCacheBytes: 1 << 26 });
    const first = await publishTinyModel(store, { name: 'hot', createdAt: new Date('2026-01-01') });
    const before = await models.acquire({ name: 'hot' });
    const second = await publishTinyModel(store, { name: 'hot', createdAt: new Date('2026-01-02'), seed: 2 });
    const after = await models.acquire({ name: 'hot' });
    const pinned = await models.acquire({ name: 'hot', version: first.version });
    expect([before.version, after.version, pinned.version]).toEqual([
      first.version,
      second.version,
      first.version,
    ]);
    const write = async ({ model }: typeof before) =>
      (await model.complete({ seed: 1, length: 40 }).result()).choices[0]?.text;
    expect(await write(before)).toBe(await write(pinned));
    expect(await write(after)).not.toBe(await write(pinned));
  });
});
