import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isFolioError } from '../../src/errors.ts';
import { FolderStore } from '../../src/store/folder-store.ts';
import { report, sized } from './size.ts';

const rounds = sized(2_000);
const writers = 8;

test('of eight writers who replace one object, one wins, however often', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-races-'));
  const stores = Array.from({ length: writers }, () => new FolderStore(folder));
  const bytes = (value: number) => new TextEncoder().encode(String(value));
  let value = 0;
  let { etag } = await stores[0]!.create('counter', bytes(value));
  try {
    for (let round = 0; round < rounds; round++) {
      const expected = etag;
      const results = await Promise.allSettled(
        stores.map((store, i) => store.replace('counter', bytes(writers * round + i + 1), expected)),
      );
      const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []));
      expect(winners).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') {
          expect(isFolioError(result.reason) && result.reason.code).toBe('conflict');
        }
      }
      value = writers * round + winners[0]! + 1;
      const found = await stores[round % writers]!.read('counter');
      expect(new TextDecoder().decode(found?.bytes)).toBe(String(value));
      etag = found!.etag;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  report(`${rounds} races of ${writers} writers for one object`, 'one winner each, no update lost');
}, 600_000);
