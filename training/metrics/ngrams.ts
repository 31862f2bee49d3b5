import type { Ids } from '../corpus/encoder.ts';

/** Orders whose losses are reported: a network that does not beat the best of them has not learnt much. */
export const ORDERS = [3, 4, 5, 6] as const;
const HIGHEST = 6;

/** Nats per character by order. */
export type NgramLosses = Readonly<Record<(typeof ORDERS)[number], number>>;

/**
 * n-gram models of characters of all orders up to six, smoothed by interpolation after Witten and Bell (1991; Chen &
 * Goodman 1998, 2.5):
 *
 *     p(c | context) = (n(context c) + t(context) p(c | shorter context)) / (n(context) + t(context))
 *
 * with n the count, t the number of different characters seen after the context, and so on down to the uniform
 * distribution. They have no parameter to tune.
 */
export class Ngrams {
  readonly #vocabulary: number;
  readonly #tables: readonly GramTable[]; // of 1-grams, 2-grams …
  readonly #keys = new Float64Array(HIGHEST + 1); // of the grams that end at a place, by length
  #total = 0;
  #types = 0;

  constructor(vocabulary: number) {
    this.#vocabulary = vocabulary;
    this.#tables = Array.from({ length: HIGHEST }, () => new GramTable());
  }

  /** Counts a stretch of text; contexts do not reach from one stretch to the next. */
  train(ids: ArrayLike<number>): this {
    const keys = this.#keys;
    const slots = new Int32Array(HIGHEST + 1); // of the grams that end before a place, by length
    for (let at = 0; at < ids.length; at++) {
      const c = ids[at]!;
      const longest = Math.min(HIGHEST, at + 1);
      // From the longest to the shortest: each key is made of the one before it, and slots of contexts are read first.
      for (let length = longest; length >= 1; length--) keys[length] = this.#key(keys[length - 1]!, c);
      this.#total++;
      let isNew = false;
      for (let length = longest; length >= 2; length--) {
        isNew = this.#tables[length - 1]!.count(keys[length]!) === 1;
        this.#tables[length - 2]!.follow(slots[length - 1]!, isNew);
      }
      if (this.#tables[0]!.count(keys[1]!) === 1) this.#types++;
      for (let length = 1; length < HIGHEST; length++)
        if (length <= longest) slots[length] = this.#tables[length - 1]!.find(keys[length]!);
    }
    return this;
  }

  /** p(c | context) of the order one longer than the context: 0 < p <= 1, summing to 1 over c. */
  probability(context: readonly number[], c: number): number {
    return this.#probabilities(context, c, context.length + 1)[context.length + 1]!;
  }

  /** Means of -ln p over the text, by order, from the character on that has the longest context. */
  losses(ids: ArrayLike<number>): NgramLosses {
    const guess = Math.log(this.#vocabulary);
    if (ids.length < HIGHEST) return { 3: guess, 4: guess, 5: guess, 6: guess };
    const sums = new Float64Array(HIGHEST + 1);
    for (let at = HIGHEST - 1; at < ids.length; at++) {
      const context = Array.from({ length: HIGHEST - 1 }, (_, k) => ids[at - HIGHEST + 1 + k]!);
      const probabilities = this.#probabilities(context, ids[at]!, HIGHEST);
      for (const order of ORDERS) sums[order]! -= Math.log(probabilities[order]!);
    }
    const mean = (order: number) => sums[order]! / (ids.length - HIGHEST + 1);
    return { 3: mean(3), 4: mean(4), 5: mean(5), 6: mean(6) };
  }

  /** By order, up to `highest`. */
  #probabilities(context: readonly number[], c: number, highest: number): Float64Array {
    const probabilities = new Float64Array(highest + 1);
    const singles = this.#tables[0]!;
    const seen = singles.counts(singles.find(this.#key(0, c)));
    probabilities[1] = (seen + this.#types / this.#vocabulary) / (this.#total + this.#types || 1);
    for (let order = 2; order <= highest; order++) {
      const start = context.length - order + 1;
      let key = 0;
      for (let k = start; k < context.length; k++) key = this.#key(key, context[k]!);
      const contexts = this.#tables[order - 2]!;
      const slot = contexts.find(key);
      const types = contexts.types(slot);
      const grams = this.#tables[order - 1]!;
      const count = types === 0 ? 0 : grams.counts(grams.find(this.#key(key, c)));
      const lower = probabilities[order - 1]!;
      probabilities[order] =
        types === 0 ? lower : (count + types * lower) / (contexts.followed(slot) + types);
    }
    return probabilities;
  }

  /** Of a gram that is one character longer: exact while it fits a number, a hash of 53 bits beyond. */
  #key(before: number, c: number): number {
    const key = before * this.#vocabulary + c + 1;
    if (key < Number.MAX_SAFE_INTEGER) return key;
    const high = Math.floor(before / 2 ** 32);
    const low = before >>> 0;
    const a = Math.imul(low ^ (c + 0x9e3779b9), 0x85ebca6b) ^ high;
    const b = Math.imul(high ^ Math.imul(c + 1, 0xc2b2ae35), 0x27d4eb2f) ^ (low >>> 7) ^ a;
    return ((b >>> 0) & 0x1fffff) * 2 ** 32 + (Math.imul(a ^ (a >>> 15), 0x2c1b3c6d) >>> 0);
  }
}

/** The order with the lowest loss. */
export const bestOrder = (losses: NgramLosses): (typeof ORDERS)[number] =>
  ORDERS.reduce((best, order) => (losses[order] < losses[best] ? order : best));

/** Characters that n-gram models are trained on at most, for the sake of memory. */
const MOST_TRAINED = 2_000_000;
const STRETCH = 1 << 16; // characters

/** The n-gram models of a corpus: of its training part, or of evenly spaced stretches where that is very long. */
export const ngramsOf = (training: Ids, vocabulary: number): Ngrams => {
  const model = new Ngrams(vocabulary);
  if (training.length <= MOST_TRAINED) return model.train(training);
  const stride = Math.ceil((training.length / MOST_TRAINED) * STRETCH);
  for (let at = 0; at < training.length; at += stride) model.train(training.subarray(at, at + STRETCH));
  return model;
};

/** By gram: how often it stands, how often another character follows it, and how many different ones. */
class GramTable {
  #keys = new Float64Array(1 << 10).fill(-1);
  #counts = new Uint32Array(1 << 10);
  #followed = new Uint32Array(1 << 10);
  #types = new Uint32Array(1 << 10);
  #filled = 0;

  counts(slot: number): number {
    return this.#keys[slot] === -1 ? 0 : this.#counts[slot]!;
  }

  followed(slot: number): number {
    return this.#followed[slot]!;
  }

  types(slot: number): number {
    return this.#types[slot]!;
  }

  /** @returns the new count */
  count(key: number): number {
    let slot = this.find(key);
    if (this.#keys[slot] !== key) {
      if (this.#filled >= this.#keys.length * 0.6) {
        this.#grow();
        slot = this.find(key);
      }
      this.#keys[slot] = key;
      this.#filled++;
    }
    return ++this.#counts[slot]!;
  }

  /** Counts a character after the gram in a slot; `isNew` where it is the first of its kind. */
  follow(slot: number, isNew: boolean): void {
    this.#followed[slot]!++;
    if (isNew) this.#types[slot]!++;
  }

  /** The slot of a gram, or the free one where it would stand. */
  find(key: number): number {
    const mask = this.#keys.length - 1;
    const low = key % 4294967296;
    let slot = Math.imul(low ^ Math.imul((key - low) / 4294967296, 0x9e3779b1), 0x85ebca6b);
    slot = (slot ^ (slot >>> 13)) & mask;
    while (this.#keys[slot] !== key && this.#keys[slot] !== -1) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [keys, counts, followed, types] = [this.#keys, this.#counts, this.#followed, this.#types];
    this.#keys = new Float64Array(2 * keys.length).fill(-1);
    this.#counts = new Uint32Array(2 * keys.length);
    this.#followed = new Uint32Array(2 * keys.length);
    this.#types = new Uint32Array(2 * keys.length);
    for (let old = 0; old < keys.length; old++) {
      if (keys[old] === -1) continue;
      const slot = this.find(keys[old]!);
      this.#keys[slot] = keys[old]!;
      this.#counts[slot] = counts[old]!;
      this.#followed[slot] = followed[old]!;
      this.#types[slot] = types[old]!;
    }
  }
}
