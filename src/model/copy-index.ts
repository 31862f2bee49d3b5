import { FolioError } from '../errors.ts';

/**
 * Measures how much of a text stands verbatim in a corpus, without the corpus: a Bloom filter (Bloom 1970) over every run
 * of `window` characters in it. A text of N >= window characters that stands in the corpus has all of its N - window
 * + 1 windows in the filter, so that k windows in a row that are there bound the overlap by window + k - 1, and none
 * is ever missed. False alarms happen: about one window in twenty that is not in the corpus seems to be.
 */
export interface CopyIndex {
  /** Characters (code points) in a window. */
  readonly window: number;
  readonly byteLength: number;
  has(codePoints: ArrayLike<number>, from: number): boolean;
}

const MAGIC = 0x63_6c_6f_66; // 'folc', little-endian
const FORMAT = 1;
const HEADER = 24; // bytes: magic, format, window, hashes, bits (float64)
const BITS_PER_WINDOW = 6;
const HASHES = 4;
const DEFAULT_WINDOW = 12;

/** A corpus as a trainer holds it: so that a large one need not be decoded. */
export interface EncodedText {
  readonly ids: ArrayLike<number>;
  /** In id order, one code point each. */
  readonly alphabet: readonly string[];
}

/**
 * The index as the bytes that are published beside a model.
 *
 * @param corpus The text, its code points, or ids with the character that each stands for.
 * @param window Characters: what the guard can be asked for at least.
 * @throws FolioError `corpus_too_small` for a corpus shorter than one window
 */
export const buildCopyIndex = (
  corpus: string | ArrayLike<number> | EncodedText,
  window = DEFAULT_WINDOW,
): Uint8Array => {
  const { codePoints, table } = unitsOf(corpus);
  const windows = codePoints.length - window + 1;
  if (windows < 1) {
    throw new FolioError('corpus_too_small', `A copy index needs at least ${window} characters.`, {
      where: 'corpus',
      expected: `at least ${window} characters`,
      received: `${codePoints.length}`,
    });
  }
  const bytes = new Uint8Array(HEADER + Math.ceil((windows * BITS_PER_WINDOW) / 8));
  const bits = (bytes.length - HEADER) * 8;
  const header = new DataView(bytes.buffer);
  header.setUint32(0, MAGIC, true);
  header.setUint32(4, FORMAT, true);
  header.setUint32(8, window, true);
  header.setUint32(12, HASHES, true);
  header.setFloat64(16, bits, true);
  const filter = bytes.subarray(HEADER);
  for (let from = 0; from < windows; from++) {
    const { first, second } = hash(codePoints, from, window, table);
    for (let i = 0; i < HASHES; i++) {
      const bit = place(first, second, i, bits);
      filter[bit >>> 3]! |= 1 << (bit & 7);
    }
  }
  return bytes;
};

/** @throws FolioError `model_invalid` for bytes that are no index */
export const openCopyIndex = (bytes: Uint8Array): CopyIndex => {
  const wrong = (): FolioError =>
    new FolioError('model_invalid', 'The copy index is damaged, or of another format.', {
      where: 'copy-index.bin',
      expected: `a copy index of format ${FORMAT}`,
      received: `${bytes.length} bytes`,
    });
  if (bytes.length <= HEADER) throw wrong();
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const window = header.getUint32(8, true);
  const hashes = header.getUint32(12, true);
  const bits = header.getFloat64(16, true);
  const known = header.getUint32(0, true) === MAGIC && header.getUint32(4, true) === FORMAT;
  if (!known || window < 1 || window > 1024 || hashes < 1 || hashes > 32) throw wrong();
  if (bits !== (bytes.length - HEADER) * 8) throw wrong();
  const filter = bytes.subarray(HEADER);
  return {
    window,
    byteLength: bytes.length,
    has: (codePoints, from) => {
      const { first, second } = hash(codePoints, from, window);
      for (let i = 0; i < hashes; i++) {
        const bit = place(first, second, i, bits);
        if ((filter[bit >>> 3]! & (1 << (bit & 7))) === 0) return false;
      }
      return true;
    },
  };
};

/** Follows a text as it grows and bounds how much of its end stands verbatim in the corpus. */
export class OverlapTracker {
  readonly #index: CopyIndex;
  /** The last `window` code points; the end is the newest. */
  readonly #tail: number[] = [];
  #overlap = 0;
  #longest = 0;

  constructor(index: CopyIndex) {
    this.#index = index;
  }

  /**
   * Characters of the longest verbatim overlap so far, at most; below `window` the filter cannot decide, and the bound
   * is what a text of that length has without asking.
   */
  get longest(): number {
    return Math.max(this.#longest, Math.min(this.#tail.length, this.#index.window - 1));
  }

  push(text: string): void {
    for (const character of text) {
      this.#overlap = this.#after(this.#tail, this.#overlap, character.codePointAt(0)!);
      this.#longest = Math.max(this.#longest, this.#overlap);
    }
  }

  /** Whether this text, coming next, would make an overlap of `length` characters or more. */
  wouldReach(length: number, text: string): boolean {
    if (this.#overlap + text.length < length && this.#index.window + text.length - 1 < length) return false;
    const tail = this.#tail.slice();
    let overlap = this.#overlap;
    for (const character of text) {
      overlap = this.#after(tail, overlap, character.codePointAt(0)!);
      if (overlap >= length) return true;
    }
    return false;
  }

  /** Appends to `tail`. @returns The overlap that ends there, 0 when it is shorter than a window */
  #after(tail: number[], overlap: number, codePoint: number): number {
    const { window } = this.#index;
    tail.push(codePoint);
    if (tail.length > window) tail.shift();
    if (tail.length < window || !this.#index.has(tail, 0)) return 0;
    return Math.max(overlap + 1, window);
  }
}

const unitsOf = (
  corpus: string | ArrayLike<number> | EncodedText,
): { codePoints: ArrayLike<number>; table?: Uint32Array } => {
  if (typeof corpus === 'string') return { codePoints: codePointsOf(corpus) };
  if (!('ids' in corpus)) return { codePoints: corpus };
  const table = Uint32Array.from(corpus.alphabet, (character) => character.codePointAt(0)!);
  return { codePoints: corpus.ids, table };
};

const codePointsOf = (text: string): Uint32Array => {
  const codePoints = new Uint32Array(text.length);
  let count = 0;
  for (const character of text) codePoints[count++] = character.codePointAt(0)!;
  return codePoints.subarray(0, count);
};

/** Two independent 32-bit hashes of a window: FNV-1a over whole code points, each finished as MurmurHash3 does. */
const hash = (
  codePoints: ArrayLike<number>,
  from: number,
  window: number,
  table?: Uint32Array,
): { first: number; second: number } => {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  for (let i = from; i < from + window; i++) {
    const codePoint = table === undefined ? codePoints[i]! : table[codePoints[i]!]!;
    first = Math.imul(first ^ codePoint, 0x01000193);
    second = Math.imul(second ^ codePoint, 0x5bd1e995);
    second ^= second >>> 15;
  }
  return { first: finish(first), second: finish(second) | 1 };
};

const finish = (h: number): number => {
  let x = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
};

/** The i-th of a window's bits, spread over the filter by double hashing (Kirsch & Mitzenmacher 2006). */
const place = (first: number, second: number, i: number, bits: number): number => {
  const mixed = (first + Math.imul(i, second)) >>> 0;
  // A multiplication scales 32 bits to the filter's size without a division.
  return Math.floor((finish(mixed) / 2 ** 32) * bits);
};
