import { FolioError, isFolioError } from '../errors.ts';
import type { ReadOptions, Store, StoredObject } from './store.ts';

type Range = NonNullable<ReadOptions['range']>;

export const partBytes = 8 << 20; // the size that AWS advises for reading in parallel
export const partedFrom = 2 * partBytes; // below, one connection is as fast as several new ones

/** @throws FolioError `invalid_parameter` for a range that can hold no byte */
export function checkRange(range: Range): void {
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start) {
    throw badRange(range, 'whole numbers with 0 <= start < end');
  }
}

/** @throws FolioError `invalid_parameter` for a range that starts beyond the object */
export function sliceRange(bytes: Uint8Array, range: Range): Uint8Array {
  if (range.start >= bytes.length) throw badRange(range, `a start below the object's ${bytes.length} bytes`);
  return bytes.subarray(range.start, range.end);
}

export const badRange = ({ start, end }: Range, expected: string): FolioError =>
  new FolioError('invalid_parameter', `Cannot read bytes ${start} to ${end}: expected ${expected}.`, {
    where: 'range',
    expected,
    received: `${start}-${end}`,
  });

/** A long object over several connections at once; at once again, whole, if its length is another than expected. */
export async function readInParts(
  store: Pick<Store, 'read'>,
  key: string,
  options: ReadOptions,
): Promise<StoredObject | undefined> {
  const { expectedBytes = 0, ...plain } = options;
  const starts = Array.from({ length: Math.ceil(expectedBytes / partBytes) }, (_, i) => i * partBytes);
  const parts = await Promise.all(
    starts.map((start) =>
      store.read(key, { ...plain, range: { start, end: start + partBytes } }).catch((error: unknown) => {
        if (isFolioError(error) && error.code === 'invalid_parameter') return undefined; // shorter than expected
        throw error;
      }),
    ),
  );
  const bytes = Buffer.concat(parts.map((part) => part?.bytes ?? new Uint8Array()));
  const etag = parts[0]?.etag;
  const ofOneObject = etag !== undefined && parts.every((part) => part?.etag === etag);
  return ofOneObject && bytes.length === expectedBytes ? { bytes, etag } : store.read(key, plain);
}

/**
 * The part that was asked for. Some servers ignore ranges, or short ones, and send more.
 *
 * @throws FolioError `store_failed` for any other part, and for one that is not what it claims to be
 */
export function partOf(
  {
    contentRange,
    status,
  }: { readonly contentRange: string | undefined; readonly status: number | undefined },
  bytes: Uint8Array,
  range: Range,
): Uint8Array {
  if (status === 200) return sliceRange(bytes, range);
  const [start = Number.NaN, last = Number.NaN, size = Number.NaN] =
    /^bytes (\d+)-(\d+)\/(\d+)/
      .exec(contentRange ?? '')
      ?.slice(1)
      .map(Number) ?? [];
  const isWhole = bytes.length === last + 1 - start;
  if (isWhole && start <= range.start && last + 1 >= Math.min(range.end, size)) {
    return bytes.subarray(range.start - start, range.end - start);
  }
  const received = `${contentRange ?? 'no Content-Range'} with ${bytes.length} bytes`;
  throw new FolioError(
    'store_failed',
    `The S3 server sent another part than bytes ${range.start} to ${range.end}: ${received}.`,
    {
      expected: `bytes ${range.start}-${range.end - 1}`,
      received,
    },
  );
}
