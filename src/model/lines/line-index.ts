import { FolioError } from '../../errors.ts';

/**
 * The lines of a corpus, without the corpus: a sorted set of 64-bit hashes, 8 bytes for every different line. A line of
 * the corpus is always found; another one is taken for one of them once in 2^64 / lines.
 */
export interface LineIndex {
  /** Different lines. */
  readonly lines: number;
  readonly byteLength: number;
  /** @param line Without its newline. */
  has(line: string): boolean;
}

const MAGIC = 0x6c_6c_6f_66; // 'foll', little-endian
const FORMAT = 1;
const HEADER = 16; // bytes: magic, format, lines, zeros
const HASH = 8; // bytes

/**
 * The index as the bytes that are published beside a model of lines.
 *
 * @param lines Without their newlines; empty ones and repeats count once.
 */
export const buildLineIndex = (lines: Iterable<string>): Uint8Array => {
  const hashes: bigint[] = [];
  for (const line of lines) hashes.push(hash(line));
  const sorted = BigUint64Array.from(hashes).sort();
  const distinct = sorted.filter((one, at) => at === 0 || one !== sorted[at - 1]);
  const bytes = new Uint8Array(HEADER + HASH * distinct.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, FORMAT, true);
  view.setUint32(8, distinct.length, true);
  for (const [at, one] of distinct.entries()) view.setBigUint64(HEADER + HASH * at, one, true);
  return bytes;
};

/** @throws FolioError `model_invalid` for bytes that are no index */
export const openLineIndex = (bytes: Uint8Array): LineIndex => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const known =
    bytes.length >= HEADER && view.getUint32(0, true) === MAGIC && view.getUint32(4, true) === FORMAT;
  const lines = known ? view.getUint32(8, true) : 0;
  if (!known || bytes.length !== HEADER + HASH * lines)
    throw new FolioError('model_invalid', 'The index of lines is damaged, or of another format.', {
      where: 'line-index.bin',
      expected: `an index of format ${FORMAT}`,
      received: `${bytes.length} bytes`,
    });
  return {
    lines,
    byteLength: bytes.length,
    has: (line) => {
      const wanted = hash(line);
      let low = 0;
      let high = lines;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (view.getBigUint64(HEADER + HASH * middle, true) < wanted) low = middle + 1;
        else high = middle;
      }
      return low < lines && view.getBigUint64(HEADER + HASH * low, true) === wanted;
    },
  };
};

/** Two 32-bit hashes of the code points, FNV-1a with different factors, each mixed as MurmurHash3 does at the end. */
const hash = (line: string): bigint => {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  let length = 0;
  for (const character of line) {
    const code = character.codePointAt(0)!;
    first = Math.imul(first ^ code, 0x01000193);
    second = Math.imul(second ^ code, 0x5bd1e995);
    second ^= second >>> 15;
    length++;
  }
  return (BigInt(mixed(first ^ length)) << 32n) | BigInt(mixed(second ^ first));
};

const mixed = (h: number): number => {
  let x = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
};
