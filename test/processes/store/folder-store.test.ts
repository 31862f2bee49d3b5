import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { temporaryName } from '../../../src/store/leftovers.ts';
import { thisProcess } from '../../../src/store/process-identity.ts';
import type { ReadOptions } from '../../../src/store/store.ts';
import { keysOf, storeCases } from '../../store.cases.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-store-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('folder store', () => {
  storeCases(async () => new FolderStore(folder));

  test('leaves no hidden file behind', async () => {
    const store = new FolderStore(folder);
    await store.create('tidy/a', bytes('1'));
    await store.create('tidy/a', bytes('2')).catch(() => undefined);
    const { etag } = await store.replace('tidy/b', bytes('1'), null);
    await store.replace('tidy/b', bytes('2'), 'another').catch(() => undefined);
    await store.replace('tidy/b', bytes('3'), etag);
    expect((await readdir(join(folder, 'tidy'))).sort()).toEqual(['a', 'b']);
  });

  test('leftovers of a killed writer are not objects, block nobody, and are removed', async () => {
    const store = new FolderStore(folder);
    const { etag } = await store.write('killed/current.json', bytes('1'));
    const dead = { ...thisProcess(), pid: 2 ** 22 + 1 }; // above Linux' highest process number
    const ofDead = temporaryName().replace(`.${process.pid}-`, `.${dead.pid}-`);
    const ofLiving = temporaryName();
    const ofOlderVersion = '.0b5e0000-0000-4000-8000-000000000000.tmp';
    for (const name of [ofDead, ofLiving, ofOlderVersion]) {
      await writeFile(join(folder, 'killed', name), 'half an obj');
    }
    await writeFile(join(folder, 'killed/.current.json.lock'), JSON.stringify({ id: 'x', ...dead }));
    await writeFile(join(folder, 'killed/.gone.lock'), JSON.stringify({ id: 'x', ...dead }));
    expect(await keysOf(store, 'killed/')).toEqual(['killed/current.json']);
    const started = Date.now();
    await new FolderStore(folder).replace('killed/current.json', bytes('2'), etag);
    expect(Date.now() - started).toBeLessThan(5_000);
    const left = ['current.json', ofLiving, ofOlderVersion];
    expect((await readdir(join(folder, 'killed'))).sort()).toEqual(left.sort());
    const old = new Date(Date.now() - 2 * 24 * 3_600_000);
    await utimes(join(folder, 'killed', ofOlderVersion), old, old);
    await writeFile(join(folder, 'killed/.others.lock'), '');
    await utimes(join(folder, 'killed/.others.lock'), old, old);
    expect(await store.removeLeftovers('')).toEqual([join(folder, 'killed', ofOlderVersion)]);
    await rm(join(folder, 'killed', ofLiving));
  });

  describe('a lock', () => {
    const elsewhere = { id: 'x', host: 'another-machine', pid: process.pid };
    const place = (key: string): string => join(folder, dirname(key), `.${basename(key)}.lock`);
    const locked = async (key: string, owner: object, ageMs: number) => {
      const { etag } = await new FolderStore(folder).write(key, bytes('1'));
      await writeFile(place(key), JSON.stringify(owner));
      const time = new Date(Date.now() - ageMs);
      await utimes(place(key), time, time);
      return etag;
    };

    test('of a living process on this machine is never broken, however old', async () => {
      const etag = await locked('lock/living', { id: 'x', ...thisProcess() }, 3_600_000);
      const store = new FolderStore(folder, { staleAfterMs: 50, timeoutMs: 500 });
      await expect(store.replace('lock/living', bytes('2'), etag)).rejects.toMatchObject({
        code: 'store_failed',
        details: { retryAfter: 1 },
      });
      await rm(place('lock/living'));
    });

    test('whose owner is slow makes others wait: no update is lost', async () => {
      class SlowStore extends FolderStore {
        override async read(key: string, options?: ReadOptions) {
          const object = await super.read(key, options);
          await delay(400);
          return object;
        }
      }
      const key = 'lock/slow';
      const { etag } = await new FolderStore(folder).write(key, bytes('1'));
      const slow = new SlowStore(folder).replace(key, bytes('slow'), etag);
      await delay(100);
      const quick = new FolderStore(folder, { staleAfterMs: 50, timeoutMs: 5_000 }).replace(
        key,
        bytes('2'),
        etag,
      );
      const results = await Promise.allSettled([slow, quick]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
      expect(new TextDecoder().decode((await new FolderStore(folder).read(key))?.bytes)).toBe('slow');
    });

    test.each([
      ['an hour old', 3_600_000],
      ['of the future, since a clock was set back', -3 * 3_600_000],
      ['fresh', 0],
    ])('of another machine that gives no sign of life falls after a while: %s', async (_, ageMs) => {
      const key = `lock/elsewhere${ageMs}`;
      const etag = await locked(key, elsewhere, ageMs);
      const started = performance.now();
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) =>
          new FolderStore(folder, { staleAfterMs: 300, timeoutMs: 5_000 }).replace(
            key,
            bytes(`by ${i}`),
            etag,
          ),
        ),
      );
      expect(performance.now() - started).toBeGreaterThan(300);
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
      expect(await readdir(join(folder, 'lock'))).not.toContain(basename(place(key)));
    });

    test('of another machine that gives signs of life is waited for', async () => {
      const key = 'lock/renewed';
      const etag = await locked(key, elsewhere, 0);
      const renewing = setInterval(
        () => void utimes(place(key), new Date(), new Date()).catch(() => undefined),
        50,
      );
      const store = new FolderStore(folder, { staleAfterMs: 400, timeoutMs: 1_500 });
      await expect(store.replace(key, bytes('2'), etag)).rejects.toMatchObject({ code: 'store_failed' });
      clearInterval(renewing);
      await store.replace(key, bytes('2'), etag);
    });

    test('that was taken over is noticed before the object is changed', async () => {
      const key = 'lock/taken';
      class RobbedStore extends FolderStore {
        override async read(name: string, options?: ReadOptions) {
          await writeFile(place(key), JSON.stringify(elsewhere));
          return super.read(name, options);
        }
      }
      const { etag } = await new FolderStore(folder).write(key, bytes('1'));
      await expect(new RobbedStore(folder).replace(key, bytes('2'), etag)).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(new TextDecoder().decode((await new FolderStore(folder).read(key))?.bytes)).toBe('1');
      await rm(place(key));
    });
  });

  test('a counter under 4 processes at once misses no increment', async () => {
    const exits = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, ['test/increment.ts', folder, 'processes/counter', '10'], {
          stdio: ['ignore', 'inherit', 'inherit'],
        });
        const [code] = await once(child, 'close');
        return code;
      }),
    );
    expect(exits).toEqual([0, 0, 0, 0]);
    const counter = await new FolderStore(folder).read('processes/counter');
    expect(new TextDecoder().decode(counter?.bytes)).toBe('40');
    expect(await readdir(join(folder, 'processes'))).toEqual(['counter']);
  });

  test('says so when a file stands where a folder must be, and the other way round', async () => {
    const store = new FolderStore(folder);
    await store.write('way/file', bytes('1'));
    await expect(store.write('way/file/below', bytes('2'))).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.create('way/file/below', bytes('2'))).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.write('way', bytes('2'))).rejects.toMatchObject({ code: 'conflict' });
    await store.remove('way');
    expect(await keysOf(store, 'way')).toEqual(['way/file']);
  });

  test('a disk that is full is named in words', async () => {
    const full = async function* (): AsyncIterable<Uint8Array> {
      yield Uint8Array.of(1);
      throw Object.assign(new Error('write'), { code: 'ENOSPC' });
    };
    await expect(new FolderStore(folder).writeStream('models/a/b.txt', full())).rejects.toMatchObject({
      code: 'store_failed',
      message: `Could not write models/a/b.txt in ${folder}: the disk is full (ENOSPC).`,
    });
  });

  test('a folder that cannot be read is a failure of the store', async () => {
    await writeFile(join(folder, 'plain'), '');
    const store = new FolderStore(join(folder, 'plain'));
    expect(await store.read('x')).toBeUndefined();
    await expect(store.write('x', bytes('1'))).rejects.toMatchObject({ name: 'FolioError' });
  });
});
