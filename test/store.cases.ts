import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FolioError } from '../src/errors.ts';
import type { Store } from '../src/store/store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (object: { bytes: Uint8Array } | undefined | 'unchanged'): string | undefined =>
  object === undefined || object === 'unchanged' ? object : new TextDecoder().decode(object.bytes);

async function* chunksOfNothing(): AsyncGenerator<Uint8Array> {}

export const keysOf = async (store: Store, prefix: string): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
};

/**
 * What every implementation of the store must do.
 *
 * @param open Opens the same empty store again and again, as different machines would.
 * @param anyKey Whether it can hold keys of any characters: a file system may forbid some.
 */
export function storeCases(open: () => Promise<Store>, { anyKey = true } = {}): void {
  const place = () => `case-${randomBytes(6).toString('hex')}`;

  describe('read and write', () => {
    test('gives back what was written, empty objects and every byte included', async () => {
      const store = await open();
      const key = `${place()}/all.bin`;
      const all = Uint8Array.from({ length: 1 << 16 }, (_, i) => i & 255);
      for (const value of [all, new Uint8Array(), bytes('ä')]) {
        await store.write(key, value);
        const object = await store.read(key);
        expect(Buffer.compare(object?.bytes ?? bytes('none'), value)).toBe(0);
      }
    });

    test('has nothing under a key never written, nor under a folder', async () => {
      const store = await open();
      const folder = place();
      await store.write(`${folder}/inner/x`, bytes('x'));
      expect(await store.read(`${folder}/y`)).toBeUndefined();
      expect(await store.read(`${folder}/inner`)).toBeUndefined();
      expect(await store.read(`${folder}/inner/x/y`)).toBeUndefined();
      expect(await store.readIfChanged(`${folder}/y`, '"0"')).toBeUndefined();
    });

    test('reads a range, and less where the object ends', async () => {
      const store = await open();
      const key = `${place()}/range`;
      await store.write(key, bytes('0123456789'));
      const range = async (start: number, end: number) =>
        text(await store.read(key, { range: { start, end } }));
      expect(await range(0, 1)).toBe('0');
      expect(await range(3, 7)).toBe('3456');
      expect(await range(8, 100)).toBe('89');
      expect(await range(0, 10)).toBe('0123456789');
    });

    test('a range beyond the object, or empty, is the caller’s error', async () => {
      const store = await open();
      const key = `${place()}/range`;
      await store.write(key, bytes('0123456789'));
      for (const range of [
        { start: 10, end: 12 },
        { start: 4, end: 4 },
        { start: -1, end: 4 },
        { start: 0.5, end: 4 },
      ]) {
        await expect(store.read(key, { range })).rejects.toMatchObject({ code: 'invalid_parameter' });
      }
    });

    test('states the size and time of one object, and of nothing else', async () => {
      const store = await open();
      const folder = place();
      const key = `${folder}/a`;
      await store.write(key, bytes('12345'));
      await store.write(`${key}b`, bytes('1'));
      await store.write(`${folder}/empty`, bytes(''));
      await store.write(`${folder}/below/x`, bytes('x'));
      const entry = await store.stat(key);
      expect(entry).toMatchObject({ key, size: 5 });
      expect(Math.abs((entry?.modified.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
      expect(await store.stat(`${folder}/empty`)).toMatchObject({ size: 0 });
      for (const none of [`${folder}/none`, folder, `${folder}/below`, `${key}/below`]) {
        expect(await store.stat(none)).toBeUndefined();
      }
    });

    test('reports whether an object changed', async () => {
      const store = await open();
      const key = `${place()}/pointer`;
      const first = await store.write(key, bytes('one'));
      expect((await store.read(key))?.etag).toBe(first.etag);
      expect(await store.readIfChanged(key, first.etag)).toBe('unchanged');
      const second = await store.write(key, bytes('two'));
      expect(second.etag).not.toBe(first.etag);
      expect(text(await store.readIfChanged(key, first.etag))).toBe('two');
      await store.remove(key);
      expect(await store.readIfChanged(key, second.etag)).toBeUndefined();
    });

    test('gives up when asked to', async () => {
      const store = await open();
      const key = `${place()}/x`;
      await store.write(key, bytes('x'));
      await expect(store.read(key, { signal: AbortSignal.abort() })).rejects.toMatchObject({
        name: 'AbortError',
      });
    });
  });

  describe('writes of streams', () => {
    const chunksOf = async function* (content: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
      for (let from = 0; from < content.length; from += length) yield content.subarray(from, from + length);
    };

    test.each([0, 1, 100_000, 8 << 20, (17 << 20) + 3])('writes %i bytes as they come', async (length) => {
      const store = await open();
      const key = `${place()}/stream.txt`;
      const content = randomBytes(length);
      const { etag, size } = await store.writeStream(key, chunksOf(content, 70_001));
      expect(size).toBe(length);
      const object = await store.read(key);
      expect(Buffer.compare(object?.bytes ?? bytes('none'), content)).toBe(0);
      expect(object?.etag).toBe(etag);
    });

    test('a source that fails leaves the object as it was, and nothing beside it', async () => {
      const store = await open();
      const folder = place();
      const key = `${folder}/kept`;
      await store.write(key, bytes('before'));
      const left = new FolioError('interrupted', 'The client left.');
      for (const length of [0, 1000, 20 << 20]) {
        const fails = async function* (): AsyncGenerator<Uint8Array> {
          yield* chunksOf(randomBytes(length), 1 << 16);
          throw left;
        };
        await expect(store.writeStream(key, fails())).rejects.toBe(left);
        await expect(store.writeStream(`${folder}/new`, fails())).rejects.toBe(left);
      }
      expect(text(await store.read(key))).toBe('before');
      expect(await keysOf(store, `${folder}/`)).toEqual([key]);
    });

    test('readers meet the whole object before or after, never a part', async () => {
      const store = await open();
      const key = `${place()}/whole`;
      await store.write(key, bytes('before'));
      const seen = new Set<number | undefined>();
      const slow = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of chunksOf(new Uint8Array(10 << 20), 1 << 20)) {
          seen.add((await store.read(key))?.bytes.length);
          yield chunk;
        }
      };
      await store.writeStream(key, slow());
      expect([...seen]).toEqual([6]);
      expect((await store.stat(key))?.size).toBe(10 << 20);
    });
  });

  describe('conditional writes', () => {
    test('creates once', async () => {
      const store = await open();
      const key = `${place()}/deep/er/once`;
      await store.create(key, bytes('first'));
      await expect(store.create(key, bytes('second'))).rejects.toMatchObject({
        code: 'already_exists',
        details: { where: key },
      });
      expect(text(await store.read(key))).toBe('first');
    });

    test('replaces only the object of the given etag', async () => {
      const store = await open();
      const key = `${place()}/cas`;
      const conflict = { code: 'conflict', details: { where: key } };
      await expect(store.replace(key, bytes('x'), '"unknown"')).rejects.toMatchObject(conflict);
      expect(await store.read(key)).toBeUndefined();
      const first = await store.replace(key, bytes('1'), null);
      await expect(store.replace(key, bytes('x'), null)).rejects.toMatchObject(conflict);
      const second = await store.replace(key, bytes('2'), first.etag);
      await expect(store.replace(key, bytes('x'), first.etag)).rejects.toMatchObject(conflict);
      expect(text(await store.read(key))).toBe('2');
      await store.replace(key, bytes('3'), second.etag);
      expect(text(await store.read(key))).toBe('3');
    });

    test('of 8 racing writers one wins, round after round, and no update is lost', async () => {
      const stores = await Promise.all(Array.from({ length: 8 }, open));
      const key = `${place()}/race`;
      let etag: string | null = null;
      for (let round = 0; round < 5; round++) {
        const expected: string | null = etag;
        const results: PromiseSettledResult<{ etag: string }>[] = await Promise.allSettled(
          stores.map((store, i) => store.replace(key, bytes(`round ${round} writer ${i}`), expected)),
        );
        const winners = results.flatMap((result, i) =>
          result.status === 'fulfilled' ? [{ i, ...result.value }] : [],
        );
        expect(winners).toHaveLength(1);
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' });
        }
        const standing = await stores[0]!.read(key);
        expect(text(standing)).toBe(`round ${round} writer ${winners[0]!.i}`);
        expect(standing?.etag).toBe(winners[0]!.etag);
        etag = winners[0]!.etag;
      }
    });

    test('of 8 racing creators one wins', async () => {
      const stores = await Promise.all(Array.from({ length: 8 }, open));
      const key = `${place()}/race`;
      const results = await Promise.allSettled(stores.map((store, i) => store.create(key, bytes(String(i)))));
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
      expect(text(await stores[0]!.read(key))).toBe(
        String(results.findIndex((r) => r.status === 'fulfilled')),
      );
    });

    test('a counter under 8 writers that try again misses no increment', async () => {
      const stores = await Promise.all(Array.from({ length: 8 }, open));
      const key = `${place()}/counter`;
      const increment = async (store: Store): Promise<void> => {
        for (;;) {
          const now = await store.read(key);
          try {
            await store.replace(key, bytes(String(Number(text(now) ?? 0) + 1)), now?.etag ?? null);
            return;
          } catch (error) {
            expect(error).toMatchObject({ code: 'conflict' });
          }
        }
      };
      await Promise.all(stores.flatMap((store) => [increment(store), increment(store)]));
      expect(text(await stores[0]!.read(key))).toBe('16');
    });
  });

  describe('list and remove', () => {
    test('lists by prefix, in order of bytes, with sizes', async () => {
      const store = await open();
      const folder = place();
      const names = ['a/1', 'a-b/1', 'ab', 'a/2/3', 'b', 'Z', 'a.b', 'é', '\u{1F600}', '\uFF5E'];
      for (const name of names) await store.write(`${folder}/${name}`, bytes(name));
      const byBytes = (list: string[]) => list.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await keysOf(store, `${folder}/`)).toEqual(byBytes(names.map((name) => `${folder}/${name}`)));
      expect(await keysOf(store, `${folder}/a/`)).toEqual([`${folder}/a/1`, `${folder}/a/2/3`]);
      expect(await keysOf(store, `${folder}/a`)).toEqual(
        byBytes(['a-b/1', 'a.b', 'a/1', 'a/2/3', 'ab'].map((name) => `${folder}/${name}`)),
      );
      expect(await keysOf(store, `${folder}/none`)).toEqual([]);
      for await (const entry of store.list(`${folder}/é`)) {
        expect(entry.size).toBe(2);
        expect(Math.abs(entry.modified.getTime() - Date.now())).toBeLessThan(60_000);
      }
    });

    test('removes, and does not mind when there is nothing', async () => {
      const store = await open();
      const folder = place();
      await store.write(`${folder}/a/b`, bytes('b'));
      await store.remove(`${folder}/a/b`);
      await store.remove(`${folder}/a/b`);
      await store.remove(`${folder}/never/there`);
      expect(await keysOf(store, folder)).toEqual([]);
      await store.write(`${folder}/a`, bytes('where a folder was'));
      expect(await keysOf(store, folder)).toEqual([`${folder}/a`]);
    });
  });

  describe('keys', () => {
    test.each([
      '',
      '/',
      '/etc/passwd',
      '..',
      '../x',
      'a/../../x',
      'a/./b',
      'a//b',
      'a/',
      '.hidden',
      'a/.git/x',
      'a\\b',
      'a\0b',
      'a\nb',
      '\ud800',
    ])('refuses %j', async (key) => {
      const store = await open();
      const refusal = { code: 'invalid_parameter' };
      await expect(store.read(key)).rejects.toMatchObject(refusal);
      await expect(store.readIfChanged(key, '"0"')).rejects.toMatchObject(refusal);
      await expect(store.stat(key)).rejects.toMatchObject(refusal);
      await expect(store.write(key, bytes('x'))).rejects.toMatchObject(refusal);
      await expect(store.writeStream(key, chunksOfNothing())).rejects.toMatchObject(refusal);
      await expect(store.create(key, bytes('x'))).rejects.toMatchObject(refusal);
      await expect(store.replace(key, bytes('x'), null)).rejects.toMatchObject(refusal);
      await expect(store.remove(key)).rejects.toMatchObject(refusal);
    });

    test('refuses what is too long', async () => {
      const store = await open();
      for (const key of ['x'.repeat(201), 'x/'.repeat(500).concat('x')]) {
        await expect(store.write(key, bytes('x'))).rejects.toMatchObject({ code: 'invalid_parameter' });
      }
    });

    test.skipIf(!anyKey)('any other key holds its own object', async () => {
      const store = await open();
      const folder = place();
      const segment = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
      const allowed = segment.filter(
        (s) => !s.startsWith('.') && !/[/\\\p{Cc}]/u.test(s) && s.isWellFormed(),
      );
      await fc.assert(
        fc.asyncProperty(allowed, allowed, async (a, b) => {
          const key = `${folder}/${a}/${b}`;
          await store.write(key, bytes(key));
          expect(text(await store.read(key))).toBe(key);
          expect(await keysOf(store, key)).toContain(key);
          await store.remove(key);
          expect(await store.read(key)).toBeUndefined();
        }),
        { numRuns: 40 },
      );
    });
  });
}
