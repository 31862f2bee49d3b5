import type { CorpusListener } from '../corpus/corpus-reader.ts';

/** Characters that must stand in a row in both texts to count as copied. */
export const OVERLAP_WINDOW = 32;

const BASE = 0x01000193;
const FILTER_BITS = 1 << 20;

/**
 * Counts the windows of generated texts that stand verbatim in a corpus, exactly, while the corpus streams by: a
 * rolling hash (Karp & Rabin 1987) finds candidates, which are then compared character by character.
 */
export class OverlapCounter implements CorpusListener {
  readonly #texts: readonly Uint32Array[];
  readonly #places = new Map<number, { readonly text: number; readonly at: number }[]>();
  readonly #filter = new Uint32Array(FILTER_BITS / 32);
  readonly #ring = new Uint32Array(OVERLAP_WINDOW);
  readonly #leaving: number;
  #hash = 0;
  #seen = 0;
  #found = 0;
  readonly windows: number;

  /** @param texts Generated texts, prompts left out. */
  constructor(texts: readonly string[]) {
    this.#texts = texts.map((text) => Uint32Array.from(text, (character) => character.codePointAt(0)!));
    let leaving = 1;
    for (let at = 0; at < OVERLAP_WINDOW; at++) leaving = Math.imul(leaving, BASE);
    this.#leaving = leaving;
    let windows = 0;
    for (const [text, codes] of this.#texts.entries())
      for (let at = 0; at + OVERLAP_WINDOW <= codes.length; at++) {
        const hash = hashOf(codes.subarray(at, at + OVERLAP_WINDOW));
        const places = this.#places.get(hash) ?? [];
        places.push({ text, at });
        this.#places.set(hash, places);
        this.#filter[(hash >>> 5) & (FILTER_BITS / 32 - 1)]! |= 1 << (hash & 31);
        windows++;
      }
    this.windows = windows;
  }

  push(block: Uint32Array, length: number): void {
    const ring = this.#ring;
    for (let at = 0; at < length; at++) {
      const place = this.#seen++ % OVERLAP_WINDOW;
      const old = ring[place]!;
      const code = block[at]!;
      ring[place] = code;
      this.#hash = (Math.imul(this.#hash, BASE) + code - Math.imul(this.#leaving, old)) | 0;
      const bit = this.#filter[(this.#hash >>> 5) & (FILTER_BITS / 32 - 1)]! & (1 << (this.#hash & 31));
      if (bit !== 0 && this.#seen >= OVERLAP_WINDOW) this.#look();
    }
  }

  /** Share of all windows of the texts that stood in the corpus: 0 to 1. */
  get share(): number {
    return this.windows === 0 ? 0 : this.#found / this.windows;
  }

  #look(): void {
    const places = this.#places.get(this.#hash);
    if (places === undefined) return;
    const left = places.filter(({ text, at }) => !this.#matches(this.#texts[text]!, at));
    this.#found += places.length - left.length;
    if (left.length === 0) this.#places.delete(this.#hash);
    else this.#places.set(this.#hash, left);
  }

  #matches(text: Uint32Array, start: number): boolean {
    for (let at = 0; at < OVERLAP_WINDOW; at++)
      if (text[start + at] !== this.#ring[(this.#seen + at) % OVERLAP_WINDOW]) return false;
    return true;
  }
}

const hashOf = (codes: Uint32Array): number =>
  codes.reduce((hash, code) => (Math.imul(hash, BASE) + code) | 0, 0);

/** The share of windows of the texts that stand in an encoded corpus. */
export const overlapWith = (
  texts: readonly string[],
  { ids, alphabet }: { readonly ids: ArrayLike<number>; readonly alphabet: readonly string[] },
): { share: number; windows: number } => {
  const counter = new OverlapCounter(texts);
  const codes = Uint32Array.from(alphabet, (character) => character.codePointAt(0)!);
  const block = new Uint32Array(1 << 14);
  for (let start = 0; start < ids.length; start += block.length) {
    const length = Math.min(block.length, ids.length - start);
    for (let at = 0; at < length; at++) block[at] = codes[ids[start + at]!]!;
    counter.push(block, length);
  }
  return { share: counter.share, windows: counter.windows };
};
