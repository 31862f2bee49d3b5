import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
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

  test('leftovers of a killed writer are not objects and block nobody', async () => {
    const store = new FolderStore(folder);
    const { etag } = await store.write('killed/current.json', bytes('1'));
    await writeFile(join(folder, 'killed/.0b5e.tmp'), 'half an obj');
    const dead = { id: 'x', host: hostname(), pid: 2 ** 22 + 1 }; // above Linux' highest process number
    await writeFile(join(folder, 'killed/.current.json.lock'), JSON.stringify(dead));
    expect(await keysOf(store, 'killed/')).toEqual(['killed/current.json']);
    const started = Date.now();
    await store.replace('killed/current.json', bytes('2'), etag);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  test('a lock of another machine falls after a while, under 8 writers only one of which wins', async () => {
    const store = new FolderStore(folder);
    const { etag } = await store.write('elsewhere/p', bytes('1'));
    const lock = join(folder, 'elsewhere/.p.lock');
    await writeFile(lock, JSON.stringify({ id: 'x', host: 'another-machine', pid: process.pid }));
    const old = new Date(Date.now() - 60_000);
    await utimes(lock, old, old);
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => store.replace('elsewhere/p', bytes(`by ${i}`), etag)),
    );
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(join(folder, 'elsewhere'))).toEqual(['p']);
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

  test('a folder that cannot be read is a failure of the store', async () => {
    await writeFile(join(folder, 'plain'), '');
    const store = new FolderStore(join(folder, 'plain'));
    expect(await store.read('x')).toBeUndefined();
    await expect(store.write('x', bytes('1'))).rejects.toMatchObject({ name: 'FolioError' });
  });
});
