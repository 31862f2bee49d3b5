/**
 * Finds passages that stand in a text more than once, in bounded memory: every window of 64 characters has a rolling
 * hash, and those whose hash ends in enough zero bits are remembered, so that each copy of a passage remembers the
 * same windows (after Broder's shingles and `winnowing`, Schleimer et al. 2003). When the table is full, one more
 * zero bit is required. The share of remembered windows seen before estimates the share of text that is a copy.
 */
const WINDOW = 64; // characters
const SLOTS = 1 << 20;
const MOST = SLOTS * 0.6;
const LEAST_BITS = 3;
const BASE = 0x01000193; // odd, so that the hash loses no bits
const EXAMPLES = 3;

export interface Duplicates {
  /** Of all windows of 64 characters, the share that has stood before: 0 to 1. */
  readonly share: number;
  /** The most repeated windows, with how often they stand. */
  readonly examples: readonly { readonly text: string; readonly count: number }[];
}

export class DuplicateFinder {
  #bits = LEAST_BITS;
  #low = 0;
  #high = 0;
  #seen = 0; // characters
  #filled = 0;
  #keys = new Uint32Array(2 * SLOTS); // low and high half; a low half of 0 is an empty slot
  #counts = new Uint32Array(SLOTS);
  #texts = new Map<number, string>(); // by slot, of windows met twice
  readonly #window = new Uint32Array(WINDOW); // a ring

  static readonly #leaving = power(BASE, WINDOW);
  static readonly #leavingHigh = power(BASE + 0x10, WINDOW);

  push(block: Uint32Array, length: number): void {
    const leaving = DuplicateFinder.#leaving;
    const leavingHigh = DuplicateFinder.#leavingHigh;
    let low = this.#low;
    let high = this.#high;
    let seen = this.#seen;
    let mask = (2 ** this.#bits - 1) * 2 ** (31 - this.#bits);
    for (let at = 0; at < length; at++) {
      const code = block[at]! + 1;
      const place = seen++ % WINDOW;
      const old = this.#window[place]!;
      this.#window[place] = code;
      low = (Math.imul(low, BASE) + code - Math.imul(leaving, old)) | 0;
      high = (Math.imul(high, BASE + 0x10) + code - Math.imul(leavingHigh, old)) | 0;
      const mixed = Math.imul(low ^ (low >>> 15), 0x2c1b3c6d);
      if ((mixed & mask) === 0 && seen >= WINDOW) {
        this.#remember(mixed >>> 0 || 1, high >>> 0, seen);
        mask = (2 ** this.#bits - 1) * 2 ** (31 - this.#bits);
      }
    }
    this.#low = low;
    this.#high = high;
    this.#seen = seen;
  }

  result(): Duplicates {
    let windows = 0;
    let distinct = 0;
    for (const count of this.#counts)
      if (count > 0) {
        windows += count;
        distinct++;
      }
    const repeated = [...this.#texts]
      .map(([slot, text]) => ({ text, count: this.#counts[slot]! }))
      .sort((a, b) => b.count - a.count);
    return {
      share: windows === 0 ? 0 : (windows - distinct) / windows,
      examples: repeated
        .filter((one, at) => !repeated.slice(0, at).some((other) => alike(one, other)))
        .slice(0, EXAMPLES),
    };
  }

  #remember(low: number, high: number, seen: number): void {
    let slot = high & (SLOTS - 1);
    while (this.#keys[2 * slot] !== 0 && (this.#keys[2 * slot] !== low || this.#keys[2 * slot + 1] !== high))
      slot = (slot + 1) & (SLOTS - 1);
    if (this.#keys[2 * slot] === 0) {
      this.#keys[2 * slot] = low;
      this.#keys[2 * slot + 1] = high;
      this.#filled++;
    } else if (!this.#texts.has(slot) && this.#texts.size < 1000) this.#texts.set(slot, this.#text(seen));
    this.#counts[slot]!++;
    if (this.#filled > MOST) this.#thin();
  }

  /** Requires one more zero bit and forgets what lacks it. */
  #thin(): void {
    const keys = this.#keys;
    const counts = this.#counts;
    const texts = this.#texts;
    this.#bits++;
    const mask = (2 ** this.#bits - 1) * 2 ** (31 - this.#bits);
    this.#keys = new Uint32Array(2 * SLOTS);
    this.#counts = new Uint32Array(SLOTS);
    this.#texts = new Map();
    this.#filled = 0;
    for (let old = 0; old < SLOTS; old++) {
      const low = keys[2 * old]!;
      if (low === 0 || (low & mask) !== 0) continue;
      let slot = keys[2 * old + 1]! & (SLOTS - 1);
      while (this.#keys[2 * slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
      this.#keys[2 * slot] = low;
      this.#keys[2 * slot + 1] = keys[2 * old + 1]!;
      this.#counts[slot] = counts[old]!;
      const text = texts.get(old);
      if (text !== undefined) this.#texts.set(slot, text);
      this.#filled++;
    }
  }

  #text(seen: number): string {
    const start = seen % WINDOW;
    const codes = Array.from({ length: WINDOW }, (_, at) => this.#window[(start + at) % WINDOW]! - 1);
    return String.fromCodePoint(...codes);
  }
}

/** Windows of one passage: the same count, and half of one inside the other. */
const alike = (one: { text: string; count: number }, other: { text: string; count: number }): boolean =>
  other.text.includes(one.text.slice(0, WINDOW / 3)) || other.text.includes(one.text.slice(-WINDOW / 3));

function power(base: number, exponent: number): number {
  let result = 1;
  for (let at = 0; at < exponent; at++) result = Math.imul(result, base);
  return result;
}
