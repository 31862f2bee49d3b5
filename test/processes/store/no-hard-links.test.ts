import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { storeCases } from '../../store.cases.ts';

// As SMB, 9p and exFAT answer.
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<object>()),
  link: () => Promise.reject(Object.assign(new Error('not permitted'), { code: 'EPERM' })),
}));

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-no-links-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a folder on a file system without hard links', () => {
  storeCases(async () => new FolderStore(folder));

  test('keeps no hidden file', async () => {
    const store = new FolderStore(folder);
    await store.create('tidy/a', new Uint8Array(1));
    await store.create('tidy/a', new Uint8Array(2)).catch(() => undefined);
    expect(await readdir(join(folder, 'tidy'))).toEqual(['a']);
  });
});
