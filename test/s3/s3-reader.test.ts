import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { S3Reader } from '../../src/store/s3-reader.ts';
import { S3Store } from '../../src/store/s3-store.ts';
import { storeCases } from '../store.cases.ts';
import { type Fault, type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts';
import { type Gateway, startGateway } from './gateway.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
let gateway: Gateway;
let proxy: FaultyProxy;

beforeAll(async () => {
  gateway = await startGateway();
  proxy = await startFaultyProxy(gateway.endpoint);
  for (const [name, value] of Object.entries(gateway.environment)) vi.stubEnv(name, value);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
  await gateway.createBucket('folio');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy?.stop();
  await gateway?.stop();
});

storeCases(() => S3Reader.at('s3://folio/some/prefix'));

test('asks once for what it reads, and as often as the whole client for what it does not', async () => {
  const store = await S3Reader.at('s3://folio/counted');
  const { etag } = await store.create('a/b c+d.json', bytes('1'));
  proxy.seen.length = 0;
  expect((await store.read('a/b c+d.json'))?.bytes).toEqual(Buffer.from('1'));
  expect(await store.readIfChanged('a/b c+d.json', etag)).toBe('unchanged');
  expect(await store.readIfChanged('a/b c+d.json', '"other"')).toMatchObject({ etag });
  expect(await store.read('nosuch')).toBeUndefined();
  expect(await store.readIfChanged('nosuch', etag)).toBeUndefined();
  expect(proxy.seen).toHaveLength(5);
});

test.each<[Fault[]]>([
  [['internal error']],
  [['slow down', 'slow down']],
  [['reset']],
  [['answer lost']],
  [['body cut']],
  [['body cut', 'internal error', 'reset']],
  [['no answer']],
])('comes through %j, as the whole client does', async (faults) => {
  const store = await S3Reader.at('s3://folio/faults');
  const large = new Uint8Array(1 << 20).map((_, i) => (i * 31) & 255);
  await store.write('large', large);
  proxy.faults.push(...faults);
  expect(Buffer.compare((await store.read('large'))?.bytes ?? bytes(''), large)).toBe(0);
  expect(proxy.faults).toEqual([]);
});

test('fails as the whole client does', async () => {
  await expect((await S3Reader.at('s3://nowhere')).read('x')).rejects.toMatchObject({
    code: 'store_failed',
    message: expect.stringMatching(/NoSuchBucket/),
  });
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong');
  await expect((await S3Reader.at('s3://folio')).read('x')).rejects.toMatchObject({
    code: 'store_failed',
    message: expect.stringMatching(/SignatureDoesNotMatch|AccessDenied|403/),
  });
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', gateway.environment.AWS_SECRET_ACCESS_KEY);
});

test('stops when its caller does', async () => {
  const store = await S3Reader.at('s3://folio/faults');
  proxy.faults.push('no answer');
  const reason = new Error('enough');
  const stopped = AbortSignal.abort(reason);
  await expect(store.read('large', { signal: stopped })).rejects.toBe(reason);
  const later = new AbortController();
  const reading = store.read('large', { signal: later.signal });
  setTimeout(() => later.abort(reason), 50);
  await expect(reading).rejects.toBe(reason);
});

test('is the whole client where the address of a bucket does not follow from its name', async () => {
  expect(await S3Reader.at('s3://with.dots')).toBeInstanceOf(S3Store);
  await expect(S3Reader.at('s3://A')).rejects.toMatchObject({ code: 'invalid_parameter' });
});
