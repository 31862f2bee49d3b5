import { FolioError } from '../errors.ts';

const segmentBytes = 200; // leaves room for what a folder appends to a file's name
const keyBytes = 900; // S3 allows 1,024, the prefix of the store included

/** Whether a key can name an object in every home of the store: relative, without `..` or hidden segments. */
export const isKey = (key: string): boolean =>
  key.length > 0 &&
  Buffer.byteLength(key) <= keyBytes &&
  key.isWellFormed() &&
  !/[\p{Cc}\\]/u.test(key) &&
  key
    .split('/')
    .every(
      (segment) => segment !== '' && !segment.startsWith('.') && Buffer.byteLength(segment) <= segmentBytes,
    );

/** @throws FolioError `invalid_parameter` */
export function checkKey(key: string): string {
  if (isKey(key)) return key;
  throw new FolioError(
    'invalid_parameter',
    `${JSON.stringify(key.slice(0, 100))} cannot be a key: expected slash-separated names that are not empty, do not ` +
      'begin with a dot and hold no backslash or control character.',
    { where: 'key', expected: 'a/relative/key', received: JSON.stringify(key.slice(0, 100)) },
  );
}

/** The order in which S3 lists: by UTF-8 bytes. */
export const byKey = (a: { readonly key: string }, b: { readonly key: string }): number =>
  Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
