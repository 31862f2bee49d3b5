import { openStore } from '../src/store/open-store.ts';
import type { Store, StoredEntry } from '../src/store/store.ts';
import { changed, type Source } from './sources.ts';

const PIECE = 8 * 1024 * 1024; // bytes read at once

/** The objects under an `s3://BUCKET/KEY` address: the one of that key, or else all in that folder. */
export const storeSources = async (address: string): Promise<Source[]> => {
  const [, bucket = '', path = ''] = /^(s3:\/\/[^/]+)\/*(.*?)\/*$/.exec(address) ?? [];
  const store = await openStore(bucket);
  const below: StoredEntry[] = [];
  for await (const entry of store.list(path)) {
    if (entry.key === path) return [sourceOf(store, entry)];
    if (path === '' || entry.key.startsWith(`${path}/`)) below.push(entry);
  }
  return below.map((entry) => sourceOf(store, entry));
};

export const sourceOf = (store: Store, { key, size }: StoredEntry): Source => ({
  name: `${store.location.replace(/\/$/, '')}/${key}`,
  title: key,
  size,
  async *open() {
    let etag: string | undefined;
    for (let start = 0; start < size; start += PIECE) {
      const piece = await store.read(key, { range: { start, end: Math.min(start + PIECE, size) } });
      etag ??= piece?.etag;
      if (piece === undefined || piece.etag !== etag) throw changed(key, `version ${etag}`, `${piece?.etag}`);
      yield piece.bytes;
    }
  },
});
