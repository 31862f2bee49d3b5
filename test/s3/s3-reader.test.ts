import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { S3Reader } from '../../src/store/s3-reader.ts';
import { S3Store } from '../../src/store/s3-store.ts';
import type { Store } from '../../src/store/store.ts';
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

/** Enough for a busy machine: where requests are counted, none is made again because an answer is slow. */
const patient = { idleMs: 20_000 };

/** Reads by the one and writes by the other, which is what the one reads behind. */
const openAt = (location: string, options?: { readonly idleMs: number }): Store => {
  const reader = new S3Reader(location, options);
  const writer = S3Store.at(location);
  return {
    location: reader.location,
    read: (...given) => reader.read(...given),
    readIfChanged: (...given) => reader.readIfChanged(...given),
    stat: (...given) => reader.stat(...given),
    list: (...given) => reader.list(...given),
    create: (...given) => writer.create(...given),
    replace: (...given) => writer.replace(...given),
    write: (...given) => writer.write(...given),
    writeStream: (...given) => writer.writeStream(...given),
    remove: (...given) => writer.remove(...given),
  };
};

storeCases(async () => openAt('s3://folio/some/prefix'));

test('asks once for what it reads', async () => {
  const store = openAt('s3://folio/counted', patient);
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
  [['body stalls']],
  [['no answer']],
])('comes through %j', async (faults) => {
  const store = openAt('s3://folio/faults');
  const large = new Uint8Array(1 << 20).map((_, i) => (i * 31) & 255);
  await store.write('large', large);
  proxy.faults.push(...faults);
  expect(Buffer.compare((await store.read('large'))?.bytes ?? bytes(''), large)).toBe(0);
  expect(proxy.faults).toEqual([]);
});

test('gives a server that is slower than it expected more time at each attempt', async () => {
  let asked = 0;
  const slow = createServer((_, response) => {
    asked++;
    setTimeout(() => response.setHeader('etag', '"1"').end('late'), 300);
  }).listen(0, '127.0.0.1');
  await once(slow, 'listening');
  vi.stubEnv('AWS_ENDPOINT_URL_S3', `http://127.0.0.1:${(slow.address() as AddressInfo).port}`);
  try {
    const read = await new S3Reader('s3://folio', { idleMs: 200 }).read('x');
    expect(Buffer.from(read?.bytes ?? []).toString()).toBe('late');
    expect(asked).toBeGreaterThan(1);
  } finally {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
    slow.close();
  }
});

test('a missing bucket, a wrong key and a dead server fail as with the whole client, in its words', async () => {
  const messages = async (store: Store) => {
    const calls = [
      store.read('x'),
      store.read('x', { range: { start: 0, end: 1 } }),
      store.readIfChanged('x', '"1"'),
      store.list('x')[Symbol.asyncIterator]().next(),
    ];
    const settled = await Promise.allSettled(calls);
    return settled.map((one) => (one.status === 'rejected' ? String(one.reason) : 'no error'));
  };
  const same = async (location: string, expected: RegExp) => {
    const ours = await messages(new S3Reader(location));
    expect(ours).toEqual(Array.from({ length: 4 }, () => expect.stringMatching(expected)));
    expect(ours).toEqual(await messages(S3Store.at(location)));
  };
  await same('s3://nowhere', /NoSuchBucket/);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong');
  await same('s3://folio', /SignatureDoesNotMatch|AccessDenied|403/);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', gateway.environment.AWS_SECRET_ACCESS_KEY);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', 'http://127.0.0.1:9');
  await same('s3://folio', /ECONNREFUSED/);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
});

test.each(['no answer', 'body stalls', 'slow down', 'internal error'] as const)(
  'every call ends while every answer is: %s',
  async (fault) => {
    const location = 's3://folio/stalled';
    await S3Store.at(location).write('x', bytes('1'));
    const store = new S3Reader(location, { stallMs: 1_000 });
    proxy.always = fault;
    try {
      const calls = [
        store.read('x'),
        store.read('x', { range: { start: 0, end: 1 } }),
        store.read('x', { expectedBytes: 40 << 20 }),
        store.readIfChanged('x', '"another"'),
        store.list('x')[Symbol.asyncIterator]().next(),
      ];
      const began = performance.now();
      const settled = await Promise.allSettled(calls);
      expect(performance.now() - began).toBeLessThan(3_000);
      for (const one of settled) {
        expect(one).toMatchObject({ reason: { code: 'store_failed', details: { retryAfter: 1 } } });
      }
    } finally {
      proxy.always = undefined;
    }
  },
);

test('reads a long object in parts, and lists past a page of a thousand', async () => {
  const store = openAt('s3://folio/much', patient);
  const long = new Uint8Array(20 << 20).map((_, i) => (i * 31) & 255);
  await store.write('long', long);
  proxy.seen.length = 0;
  const read = await store.read('long', { expectedBytes: long.length });
  expect(Buffer.compare(read?.bytes ?? bytes(''), long)).toBe(0);
  // More where a connection that was kept open is closed just as it is used again.
  expect(proxy.seen.length).toBeGreaterThanOrEqual(3);
  const keys = Array.from({ length: 1_005 }, (_, i) => `k/${String(i).padStart(4, '0')} & <more>`);
  for (let i = 0; i < keys.length; i += 67) {
    await Promise.all(keys.slice(i, i + 67).map((key) => store.write(key, bytes(key))));
  }
  const found: string[] = [];
  for await (const { key } of store.list('k/')) found.push(key);
  expect(found).toEqual(keys);
});

test('stops when its caller does', async () => {
  const store = openAt('s3://folio/faults');
  proxy.faults.push('no answer');
  const reason = new Error('enough');
  const stopped = AbortSignal.abort(reason);
  await expect(store.read('large', { signal: stopped })).rejects.toBe(reason);
  const later = new AbortController();
  const reading = store.read('large', { signal: later.signal });
  setTimeout(() => later.abort(reason), 50);
  await expect(reading).rejects.toBe(reason);
});

test('writes nothing', async () => {
  const store = new S3Reader('s3://folio');
  for (const act of [store.create, store.replace, store.write, store.writeStream, store.remove]) {
    await expect(act.call(store, 'x')).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('only reads'),
    });
  }
  expect(() => new S3Reader('s3://A')).toThrow(expect.objectContaining({ code: 'invalid_parameter' }));
});
