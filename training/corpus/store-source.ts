import { isFolioError } from '../../src/errors.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store, StoredObject } from '../../src/store/store.ts';
import { changed, notFound, type Source } from './source.ts';

const PIECE = 8 * 1024 * 1024; // bytes read at once

/**
 * The objects at an `s3://BUCKET/KEY` address: the one of that key, or, where the address ends with a slash, all in
 * that folder. A single object is read without listing, which a trainer may not be allowed to.
 */
export const storeSources = async (address: string): Promise<Source[]> => {
  const [, bucket = '', path = ''] = /^(s3:\/\/[^/]+)\/*(.*)$/.exec(address) ?? [];
  const store = await openStore(bucket);
  if (path !== '' && !path.endsWith('/')) return [sourceOf(store, path)];
  const sources: Source[] = [];
  for await (const { key } of store.list(path)) sources.push(sourceOf(store, key));
  return sources;
};

/** An object of a store, read piece by piece. */
export const sourceOf = (store: Store, key: string): Source => {
  const name = `${store.location.replace(/\/$/, '')}/${key}`;
  return {
    name,
    title: key,
    async *open() {
      let etag: string | undefined;
      for (let start = 0; ; start += PIECE) {
        const piece = await readPiece(store, key, start);
        if (piece === 'end') return;
        if (piece === undefined && etag === undefined) throw notFound(name, 'There is no such object');
        etag ??= piece?.etag;
        if (piece?.etag !== etag) throw changed(name, `version ${etag}`, piece?.etag ?? 'nothing');
        yield piece!.bytes;
        if (piece!.bytes.length < PIECE) return;
      }
    },
  };
};

const readPiece = async (
  store: Store,
  key: string,
  start: number,
): Promise<StoredObject | undefined | 'end'> => {
  try {
    return await store.read(key, { range: { start, end: start + PIECE } });
  } catch (error) {
    // There is nothing beyond the last byte, nor in an empty object.
    if (isFolioError(error) && error.code === 'invalid_parameter') return 'end';
    throw error;
  }
};
