import type { Ids } from '../corpus/encoder.ts';

/**
 * A trigram model of characters, smoothed by interpolation after Witten and Bell (1991; Chen & Goodman 1998, 2.5):
 *
 *     p(c | ab) = (n(abc) + t(ab) p(c | b)) / (n(ab) + t(ab))
 *
 * with n the count, t the number of different characters seen after the context, and so on down to the uniform
 * distribution. It has no parameter to tune: what a network is worth begins where it ends.
 */
export class Trigram {
  readonly #vocabulary: number;
  readonly #triples = new CountTable();
  readonly #pairs = new CountTable();
  readonly #pairEnds = new CountTable(); // pairs that nothing follows
  readonly #pairTypes = new CountTable(); // different third characters after a pair
  readonly #singles: Float64Array; // [vocabulary]
  readonly #singleEnds: Float64Array; // characters that nothing follows
  readonly #singleTypes: Float64Array; // different second characters after a first
  #total = 0;
  #types = 0;

  constructor(vocabulary: number) {
    this.#vocabulary = vocabulary;
    this.#singles = new Float64Array(vocabulary);
    this.#singleEnds = new Float64Array(vocabulary);
    this.#singleTypes = new Float64Array(vocabulary);
  }

  /** Counts a stretch of text; contexts do not reach from one stretch to the next. */
  train(ids: ArrayLike<number>): this {
    const size = this.#vocabulary;
    for (let at = 0; at < ids.length; at++) {
      const c = ids[at]!;
      if (this.#singles[c]!++ === 0) this.#types++;
      this.#total++;
      if (at < 1) continue;
      const b = ids[at - 1]!;
      if (this.#pairs.increment(b * size + c) === 1) this.#singleTypes[b]!++;
      if (at < 2) continue;
      const ab = ids[at - 2]! * size + b;
      if (this.#triples.increment(ab * size + c) === 1) this.#pairTypes.increment(ab);
    }
    const last = ids[ids.length - 1];
    if (last !== undefined) this.#singleEnds[last]!++;
    if (ids.length > 1) this.#pairEnds.increment(ids[ids.length - 2]! * size + last!);
    return this;
  }

  /** p(c | ab): 0 < p <= 1, summing to 1 over c. */
  probability(a: number, b: number, c: number): number {
    const size = this.#vocabulary;
    const unigram = (this.#singles[c]! + this.#types / size) / (this.#total + this.#types || 1);
    const followed = this.#singles[b]! - this.#singleEnds[b]!;
    const bigram = interpolate(this.#pairs.get(b * size + c), followed, this.#singleTypes[b]!, unigram);
    const ab = a * size + b;
    const pairFollowed = this.#pairs.get(ab) - this.#pairEnds.get(ab);
    return interpolate(this.#triples.get(ab * size + c), pairFollowed, this.#pairTypes.get(ab), bigram);
  }

  /** Mean of -ln p over the text from its third character on: nats per character. */
  loss(ids: ArrayLike<number>): number {
    if (ids.length < 3) return Math.log(this.#vocabulary);
    let sum = 0;
    for (let at = 2; at < ids.length; at++)
      sum -= Math.log(this.probability(ids[at - 2]!, ids[at - 1]!, ids[at]!));
    return sum / (ids.length - 2);
  }
}

const interpolate = (count: number, contexts: number, types: number, lower: number): number =>
  types === 0 ? lower : (count + types * lower) / (contexts + types);

/** Characters that a trigram model is trained on at most: more would hardly change it. */
const MOST_TRAINED = 8_000_000;
const STRETCH = 1 << 16; // characters

/** The trigram model of a corpus: of its training part, or of evenly spaced stretches where that is very long. */
export const trigramOf = (training: Ids, vocabulary: number): Trigram => {
  const model = new Trigram(vocabulary);
  if (training.length <= MOST_TRAINED) return model.train(training);
  const stride = Math.ceil((training.length / MOST_TRAINED) * STRETCH);
  for (let at = 0; at < training.length; at += stride) model.train(training.subarray(at, at + STRETCH));
  return model;
};

/** Counts by number, in open addressing: 12 bytes a slot. Keys are whole numbers below 2^53. */
class CountTable {
  #keys = new Float64Array(1 << 12).fill(-1);
  #counts = new Uint32Array(1 << 12);
  #filled = 0;

  get(key: number): number {
    const slot = this.#find(key);
    return this.#keys[slot] === key ? this.#counts[slot]! : 0;
  }

  /** @returns the new count */
  increment(key: number): number {
    let slot = this.#find(key);
    if (this.#keys[slot] !== key) {
      if (this.#filled >= this.#keys.length * 0.6) {
        this.#grow();
        slot = this.#find(key);
      }
      this.#keys[slot] = key;
      this.#filled++;
    }
    return ++this.#counts[slot]!;
  }

  #find(key: number): number {
    const mask = this.#keys.length - 1;
    const low = key % 4294967296;
    let slot = Math.imul(low ^ Math.imul((key - low) / 4294967296, 0x9e3779b1), 0x85ebca6b);
    slot = (slot ^ (slot >>> 13)) & mask;
    while (this.#keys[slot] !== key && this.#keys[slot] !== -1) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const keys = this.#keys;
    const counts = this.#counts;
    this.#keys = new Float64Array(2 * keys.length).fill(-1);
    this.#counts = new Uint32Array(2 * keys.length);
    for (let old = 0; old < keys.length; old++) {
      if (keys[old] === -1) continue;
      const slot = this.#find(keys[old]!);
      this.#keys[slot] = keys[old]!;
      this.#counts[slot] = counts[old]!;
    }
  }
}
