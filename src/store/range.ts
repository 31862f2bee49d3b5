import { FolioError } from '../errors.ts';
import type { ReadOptions } from './store.ts';

type Range = NonNullable<ReadOptions['range']>;

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
