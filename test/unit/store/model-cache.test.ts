import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FolioError } from '../../../src/errors.ts';
import type { CopyIndex } from '../../../src/model/copy-index.ts';
import type { Model } from '../../../src/model/model.ts';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { ModelCache, type ModelCacheOptions } from '../../../src/store/model-cache.ts';
import { publishVersion, removeVersion } from '../../../src/store/models.ts';
import type { ReadOptions } from '../../../src/store/store.ts';
import type { ModelFiles } from '../../../src/store/version-files.ts';
import { publishTinyModel, tinyModel } from '../../tiny-model.ts';

/** What the cache needs of a model: its size and its end. */
interface FakeModel {
  readonly version: string;
  readonly info: { readonly byteLength: number };
  disposed: boolean;
  dispose(): void;
}

class WatchedStore extends FolderStore {
  readonly pointerReads: string[] = [];
  broken = false;

  override async read(key: string, options?: ReadOptions) {
    if (key.endsWith('current.json')) this.pointerReads.push(key);
    if (this.broken) throw new FolioError('store_failed', 'The network is down.');
    return super.read(key, options);
  }
}

let folder: string;
let store: WatchedStore;
let clock: number;
let loads: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-cache-'));
  store = new WatchedStore(folder);
  clock = 0;
  loads = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const publish = (name: string, second = 1) =>
  publishTinyModel(store, { name, createdAt: at(second), seed: second });

const load = async (files: ModelFiles, precision: string): Promise<Model> => {
  loads.push(`${files.name}@${files.version} ${precision}`);
  await new Promise((resolve) => setImmediate(resolve));
  if (!(await files.read('model.json'))) throw new FolioError('model_not_found', 'no such model');
  const model: FakeModel = {
    version: files.version,
    info: { byteLength: 100 },
    disposed: false,
    dispose() {
      this.disposed = true;
    },
  };
  return model as unknown as Model;
};

const openCache = (options: Partial<ModelCacheOptions> = {}): ModelCache =>
  new ModelCache({
    store,
    load,
    parseCopyIndex: (bytes) => ({ window: bytes.length }) as CopyIndex,
    precision: 'int8',
    maximumBytes: 250,
    reloadAfter: 30_000,
    now: () => clock,
    ...options,
  });

const isDisposed = (model: Model): boolean => (model as unknown as FakeModel).disposed;

describe('model cache', () => {
  test('concurrent callers share one load and one look at the pointer', async () => {
    const { version } = await publish('a');
    const cache = openCache();
    store.pointerReads.length = 0;
    const held = await Promise.all(Array.from({ length: 20 }, () => cache.acquire({ name: 'a' })));
    expect(loads).toEqual([`a@${version} int8`]);
    expect(store.pointerReads).toHaveLength(1);
    expect(new Set(held.map(({ model }) => model)).size).toBe(1);
    expect(held[0]).toMatchObject({ name: 'a', version });
  });

  test('another precision is another model', async () => {
    const { version } = await publish('a');
    const cache = openCache();
    await cache.acquire({ name: 'a' }, 'f32');
    await cache.acquire({ name: 'a' }, 'int8');
    await cache.acquire({ name: 'a', version }, 'f32');
    expect(loads).toEqual([`a@${version} f32`, `a@${version} int8`]);
  });

  test('reports how long a holder waited for the load', async () => {
    await publish('a');
    const cache = openCache({
      load: (files, precision) => {
        clock += 12;
        return load(files, precision);
      },
    });
    expect((await cache.acquire({ name: 'a' })).loadMilliseconds).toBe(12);
    expect((await cache.acquire({ name: 'a' })).loadMilliseconds).toBe(0);
  });

  test('a failure reaches all who waited, and is forgotten', async () => {
    await publish('a');
    let fails = 1;
    const cache = openCache({
      load: async (files, precision) => {
        if (fails-- > 0) throw new FolioError('store_failed', 'The network hiccups.');
        return load(files, precision);
      },
    });
    const results = await Promise.allSettled([cache.acquire({ name: 'a' }), cache.acquire({ name: 'a' })]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await cache.acquire({ name: 'a' })).name).toBe('a');
  });

  test('the least recently used leaves when the bytes run out', async () => {
    for (const name of ['a', 'b', 'c']) await publish(name);
    const cache = openCache();
    const a = await cache.acquire({ name: 'a' });
    const b = await cache.acquire({ name: 'b' });
    a.release();
    b.release();
    (await cache.acquire({ name: 'a' })).release();
    const c = await cache.acquire({ name: 'c' });
    expect([a, b, c].map(({ model }) => isDisposed(model))).toEqual([false, true, false]);
    await cache.acquire({ name: 'b' });
    expect(loads).toHaveLength(4);
  });

  test('what is held is not freed before its last release', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await publish(name);
    const cache = openCache();
    const first = await cache.acquire({ name: 'a' });
    const second = await cache.acquire({ name: 'a' });
    for (const name of ['b', 'c', 'd']) (await cache.acquire({ name })).release();
    expect(isDisposed(first.model)).toBe(false);
    first.release();
    first.release();
    expect(isDisposed(first.model)).toBe(false);
    second.release();
    expect(isDisposed(first.model)).toBe(true);
  });

  test('a model larger than the cache serves its holders and is freed by the last', async () => {
    await publish('a');
    const cache = openCache({ maximumBytes: 10 });
    const held = await Promise.all([cache.acquire({ name: 'a' }), cache.acquire({ name: 'a' })]);
    expect(loads).toHaveLength(1);
    expect(held.map(({ model }) => isDisposed(model))).toEqual([false, false]);
    for (const { release } of held) release();
    expect(isDisposed(held[0]!.model)).toBe(true);
  });

  test('many loads at once through a small cache: nobody holds a freed model', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await publish(name);
    const cache = openCache({ maximumBytes: 100 });
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const held = await cache.acquire({ name: 'abcde'[i % 5]! });
        expect(isDisposed(held.model)).toBe(false);
        await new Promise((resolve) => setTimeout(resolve, i % 3));
        expect(isDisposed(held.model)).toBe(false);
        held.release();
      }),
    );
  });

  test('a new version is served once the pointer’s time is over, and not before', async () => {
    const first = await publish('a', 1);
    const cache = openCache();
    const running = await cache.acquire({ name: 'a' });
    const second = await publish('a', 2);
    clock = 29_999;
    expect((await cache.acquire({ name: 'a' })).version).toBe(first.version);
    clock = 30_000;
    expect((await cache.acquire({ name: 'a' })).version).toBe(second.version);
    expect(running.version).toBe(first.version);
    expect(isDisposed(running.model)).toBe(false);
  });

  test('a pinned version is served whatever is current', async () => {
    const first = await publish('a', 1);
    await publish('a', 2);
    const cache = openCache();
    expect((await cache.acquire({ name: 'a', version: first.version })).version).toBe(first.version);
    await expect(cache.acquire({ name: 'a', version: 'never' })).rejects.toMatchObject({
      code: 'model_not_found',
    });
  });

  test('goes on with what it knows while the store does not answer, and looks again soon', async () => {
    const first = await publish('a', 1);
    const cache = openCache();
    await cache.acquire({ name: 'a' });
    const second = await publish('a', 2);
    store.broken = true;
    clock = 40_000;
    expect((await cache.acquire({ name: 'a' })).version).toBe(first.version);
    store.broken = false;
    clock = 40_500;
    expect((await cache.acquire({ name: 'a' })).version).toBe(first.version);
    clock = 41_000;
    expect((await cache.acquire({ name: 'a' })).version).toBe(second.version);
  });

  test('a store that never answered is an error', async () => {
    store.broken = true;
    await expect(openCache().acquire({ name: 'a' })).rejects.toMatchObject({ code: 'store_failed' });
  });

  test('an unknown model is an error, and found once it is there', async () => {
    const cache = openCache();
    await expect(cache.acquire({ name: 'a' })).rejects.toMatchObject({
      code: 'model_not_found',
      details: { where: 'model', received: 'a' },
    });
    await publish('a');
    expect((await cache.acquire({ name: 'a' })).name).toBe('a');
  });

  test('a version in memory outlives its removal from the store', async () => {
    const first = await publish('a', 1);
    const cache = openCache();
    await cache.acquire({ name: 'a' });
    await publish('a', 2);
    await removeVersion(store, 'a', first.version);
    expect((await cache.acquire({ name: 'a', version: first.version })).version).toBe(first.version);
  });

  test('the copy index is loaded when asked for, once', async () => {
    await publish('a');
    const cache = openCache();
    const held = await cache.acquire({ name: 'a' });
    expect(await held.copyIndex()).toBeUndefined();
    const guarded = tinyModel({ name: 'a', createdAt: at(2) });
    const files = new Map(guarded.files).set('copy-index.bin', new Uint8Array(7));
    await publishVersion(store, { ...guarded, files });
    cache.clear();
    const again = await cache.acquire({ name: 'a' });
    const [index, same] = await Promise.all([again.copyIndex(), again.copyIndex()]);
    expect(index).toEqual({ window: 7 });
    expect(same).toBe(index);
  });
});
