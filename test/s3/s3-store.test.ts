import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openModels } from '../../src/store/open-models.ts';
import { S3Store } from '../../src/store/s3-store.ts';
import { killedWriterCases } from '../killed-writer.cases.ts';
import { storeCases } from '../store.cases.ts';
import { publishTinyModel } from '../tiny-model.ts';
import { type Fault, type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts';
import { type Gateway, startGateway } from './gateway.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (object: { bytes: Uint8Array } | undefined | 'unchanged'): string | undefined =>
  object === undefined || object === 'unchanged' ? object : new TextDecoder().decode(object.bytes);

let gateway: Gateway;
let proxy: FaultyProxy;

beforeAll(async () => {
  gateway = await startGateway();
  proxy = await startFaultyProxy(gateway.endpoint);
  await gateway.createBucket('folio');
  // The first conditional write to a server is preceded by a race: afterwards the tests count requests.
  await openAt('s3://folio/probe', proxy.endpoint).create('x', bytes('1'));
});
afterAll(async () => {
  await proxy?.stop();
  await gateway?.stop();
});

const openAt = (location: string, endpoint: string, stallMs?: number): S3Store => {
  const { region, credentials } = gateway;
  return S3Store.at(location, { endpoint, region, credentials }, stallMs === undefined ? {} : { stallMs });
};

describe('S3 store', () => {
  storeCases(async () => openAt('s3://folio/some/prefix', gateway.endpoint));

  killedWriterCases(() => ({
    location: 's3://folio/killed',
    environment: gateway.environment,
    store: openAt('s3://folio/killed', gateway.endpoint),
  }));

  test('is asked with the bucket in the path where the server has a name', async () => {
    const store = openAt('s3://folio/named', gateway.endpoint.replace('127.0.0.1', 'localhost'));
    await store.create('a', bytes('1'));
    expect(text(await store.read('a'))).toBe('1');
    expect((await store.list('')[Symbol.asyncIterator]().next()).value).toMatchObject({ key: 'a' });
  });

  test('keeps to its prefix', async () => {
    const inner = openAt('s3://folio/prefix', gateway.endpoint);
    const outer = openAt('s3://folio', gateway.endpoint);
    await inner.write('a', bytes('1'));
    await outer.write('prefix-too/a', bytes('2'));
    expect(text(await outer.read('prefix/a'))).toBe('1');
    const found: string[] = [];
    for await (const { key } of inner.list('')) found.push(key);
    expect(found).toEqual(['a']);
    expect([inner.location, outer.location]).toEqual(['s3://folio/prefix', 's3://folio']);
  });

  test('reads a long object in parts, and whole where its length is another than expected', async () => {
    const store = openAt('s3://folio/long', proxy.endpoint);
    const long = new Uint8Array(21 << 20).map((_, i) => (i * 2654435761) >>> 24);
    await store.write('long', long);
    const requests = async (expectedBytes: number): Promise<number> => {
      proxy.seen.length = 0;
      const object = await store.read('long', { expectedBytes });
      expect(Buffer.compare(object?.bytes ?? bytes(''), long)).toBe(0);
      return proxy.seen.length;
    };
    expect(await requests(long.length)).toBe(3);
    expect(await requests(1 << 20)).toBe(1);
    expect(await requests(20 << 20)).toBe(4);
    expect(await requests(40 << 20)).toBe(6);
    expect(await store.read('none', { expectedBytes: 40 << 20 })).toBeUndefined();
  });

  test('lists past a page of a thousand', async () => {
    const store = openAt('s3://folio/many', gateway.endpoint);
    const keys = Array.from({ length: 1_005 }, (_, i) => `k${String(i).padStart(4, '0')}`);
    for (let i = 0; i < keys.length; i += 67) {
      await Promise.all(keys.slice(i, i + 67).map((key) => store.write(key, bytes(key))));
    }
    const found: string[] = [];
    for await (const { key } of store.list('')) found.push(key);
    expect(found).toEqual(keys);
  });

  test.each(['s3://', 's3://A', 's3://x', 's3://bucket/../up', 's3://bucket//x', 's3:bucket'])(
    'refuses the location %s',
    (location) => {
      expect(() => S3Store.at(location)).toThrow(expect.objectContaining({ code: 'invalid_parameter' }));
    },
  );

  test('a missing bucket, a wrong key and a dead server are the store’s failures, in one line', async () => {
    const { endpoint, region } = gateway;
    const stranger = S3Store.at('s3://folio', {
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId: 'folio-test', secretAccessKey: 'wrong' },
    });
    const { region: r, credentials } = gateway;
    const dead = S3Store.at('s3://folio', {
      endpoint: 'http://127.0.0.1:9',
      region: r,
      credentials,
      forcePathStyle: true,
      maxAttempts: 2,
    });
    const cases: [S3Store, RegExp][] = [
      [openAt('s3://nowhere', endpoint), /NoSuchBucket/],
      [stranger, /SignatureDoesNotMatch|AccessDenied|\(403\)|: 403/],
      [dead, /ECONNREFUSED/],
    ];
    for (const [store, reason] of cases) {
      for (const act of [
        () => store.read('x'),
        () => store.readIfChanged('x', '"1"'),
        () => store.stat('x'),
        () => store.create('x', bytes('1')),
        () => store.replace('x', bytes('1'), '"1"'),
        () => store.write('x', bytes('1')),
        () => store.list('x')[Symbol.asyncIterator]().next(),
        () => store.remove('x'),
      ]) {
        const error: unknown = await act().then(
          () => 'no error',
          (thrown: unknown) => thrown,
        );
        expect(error).toMatchObject({ code: 'store_failed', message: expect.stringMatching(reason) });
      }
    }
  });
});

describe('with faults between client and server', () => {
  const everyFault: Fault[] = ['internal error', 'slow down', 'reset', 'answer lost'];

  test.each([
    ...everyFault.map((fault) => [[fault]]),
    [['reset', 'internal error', 'answer lost']],
  ] as Fault[][][])('every call comes through %j', async (faults) => {
    const store = openAt(`s3://folio/faults`, proxy.endpoint);
    const key = `${faults.join('-').replaceAll(' ', '-')}/x`;
    const meet = <Result>(act: () => Promise<Result>): Promise<Result> => {
      proxy.faults.push(...faults);
      return act();
    };
    const { etag } = await meet(() => store.create(key, bytes('1')));
    expect(text(await meet(() => store.read(key)))).toBe('1');
    expect(await meet(() => store.readIfChanged(key, etag))).toBe('unchanged');
    const replaced = await meet(() => store.replace(key, bytes('2'), etag));
    await expect(meet(() => store.replace(key, bytes('3'), etag))).rejects.toMatchObject({
      code: 'conflict',
    });
    expect((await store.read(key))?.etag).toBe(replaced.etag);
    await meet(() => store.write(key, bytes('4')));
    expect((await meet(() => store.list(key)[Symbol.asyncIterator]().next())).value).toMatchObject({ key });
    await meet(() => store.remove(key));
    expect(await store.read(key)).toBeUndefined();
    expect(proxy.faults).toEqual([]);
  });

  test('reads again what broke off within the body', async () => {
    const store = openAt('s3://folio/faults', proxy.endpoint);
    const large = new Uint8Array(1 << 20).map((_, i) => (i * 31) & 255);
    await store.write('large', large);
    proxy.faults.push('body cut', 'body cut');
    expect(Buffer.compare((await store.read('large'))?.bytes ?? bytes(''), large)).toBe(0);
    expect(proxy.faults).toEqual([]);
  });

  test('tries a contested write again', async () => {
    const store = openAt('s3://folio/faults', proxy.endpoint);
    proxy.faults.push('contested', 'contested', 'contested');
    const { etag } = await store.create('contested', bytes('1'));
    proxy.faults.push('contested');
    await store.replace('contested', bytes('2'), etag);
    expect(text(await store.read('contested'))).toBe('2');
    expect(proxy.faults).toEqual([]);
  });

  test('waits no longer than it should for an answer', async () => {
    const { region, credentials } = gateway;
    const store = S3Store.at('s3://folio/faults', {
      endpoint: proxy.endpoint,
      region,
      credentials,
      forcePathStyle: true,
      requestHandler: { socketTimeout: 200 },
    });
    await store.write('slow', bytes('1'));
    proxy.faults.push('no answer', 'no answer');
    const began = performance.now();
    expect(text(await store.read('slow'))).toBe('1');
    expect(performance.now() - began).toBeGreaterThan(400);
    expect(proxy.faults).toEqual([]);
  });

  test.each(['no answer', 'body stalls', 'slow down', 'internal error'] as const)(
    'every call ends while every answer is: %s',
    async (fault) => {
      const store = openAt('s3://folio/stalled', proxy.endpoint, 1_000);
      const { etag } = await store.write('x', bytes('1'));
      proxy.always = fault;
      try {
        for (const act of [
          () => store.read('x'),
          () => store.read('x', { range: { start: 0, end: 1 } }),
          () => store.read('x', { expectedBytes: 40 << 20 }),
          () => store.readIfChanged('x', '"another"'),
          () => store.list('x')[Symbol.asyncIterator]().next(),
          ...(fault === 'body stalls'
            ? []
            : [
                () => store.stat('x'),
                () => store.write('x', bytes('2')),
                () => store.replace('x', bytes('2'), etag),
                () => store.create('y', bytes('2')),
                () => store.remove('x'),
              ]),
        ]) {
          const began = performance.now();
          await expect(act()).rejects.toMatchObject({ code: 'store_failed', details: { retryAfter: 1 } });
          expect(performance.now() - began).toBeLessThan(10_000); // the machine may be busy
        }
      } finally {
        proxy.always = undefined;
      }
      expect(text(await store.read('x'))).toMatch(/^[12]$/);
    },
  );

  test.each(['no answer', 'body stalls', 'slow down', 'reset'] as const)(
    'a model in memory is served within a second while every answer of the store is: %s',
    async (fault) => {
      const store = openAt('s3://folio/in-memory', proxy.endpoint, 1_000);
      await publishTinyModel(store);
      const lines: string[] = [];
      const settings = { precision: 'int8' as const, reloadSeconds: 0, modelCacheBytes: 1 << 26 };
      const models = openModels(store, settings, undefined, ({ message }) => lines.push(message));
      (await models.acquire({ name: 'tiny' })).release();
      let longest = 0;
      proxy.always = fault;
      try {
        for (const end = performance.now() + 6_000; performance.now() < end; await delay(20)) {
          const began = performance.now();
          (await models.acquire({ name: 'tiny' })).release();
          longest = Math.max(longest, performance.now() - began);
        }
      } finally {
        proxy.always = undefined;
      }
      console.info(`longest wait while the store's answer is ${fault}: ${longest.toFixed(0)} ms`);
      expect(longest).toBeLessThan(1_000);
      expect(lines).toHaveLength(1);
      const next = await publishTinyModel(store, { seed: 2, createdAt: new Date() });
      await expect
        .poll(async () => (await models.acquire({ name: 'tiny' })).version, { timeout: 30_000 })
        .toBe(next.version);
    },
  );

  test('gives up in the end, as a failure that may pass', async () => {
    const store = openAt('s3://folio/faults', proxy.endpoint);
    proxy.faults.push('internal error', 'internal error', 'internal error', 'slow down');
    await expect(store.read('x')).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringMatching(/SlowDown/),
      details: { retryAfter: 1 },
    });
    expect(proxy.faults).toEqual([]);
  });
});
