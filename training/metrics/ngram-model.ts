import type { Random } from '../../src/model/sampling/random.ts';
import type { Ids } from '../corpus/encoder.ts';
import { type ContextLevel, contextLevels } from './ngram-counts.ts';

/** Characters of the longest gram: longer ones gained nothing on texts of 30 kB. */
export const ORDER = 6;
/** The same for the trigram model. */
const TRIGRAM = 3;

/** Mean losses over a text. Nats per character. */
export interface NgramLosses {
  /** Of the trigram model, plainly smoothed: a network that does not beat it has learnt next to nothing. */
  readonly trigramLoss: number;
  /** Of the n-gram model of order six: what careful counting makes of the text. */
  readonly ngramLoss: number;
}

/**
 * An n-gram model of a text's characters, of orders up to six, smoothed after Kneser and Ney with three discounts an order (Chen &
 * Goodman 1998, "An empirical study of smoothing techniques for language modeling", 3.6 and 4.1.7):
 *
 *     p(c | context) = (count(context c) - D(count) + sum of D p(c | shorter context)) / sum of counts
 *
 * where shorter contexts count before how many different characters a gram stands, not how often. The discounts follow from
 * how many grams were counted once, twice, three and four times.
 */
export class NgramModel {
  readonly vocabulary: number;
  /** What it was counted in. */
  readonly text: Ids;
  readonly #levels: readonly ContextLevel[]; // by length of the context
  readonly #discounts: readonly Float64Array[]; // by length of the context: [4], of counts of 0, 1, 2, and 3 or more
  readonly #freed: readonly Float64Array[]; // what the discounts take from each context: [contexts]
  readonly #path = new Int32Array(ORDER); // contexts of a place, shortest first

  constructor(text: Ids, vocabulary: number) {
    this.text = text;
    this.vocabulary = vocabulary;
    this.#levels = contextLevels(text, vocabulary, ORDER);
    this.#discounts = this.#levels.map(discountsOf);
    this.#freed = this.#levels.map((level, length) => freedOf(level, this.#discounts[length]!));
  }

  /**
   * What follows the characters of a text up to and with the one at `at`.
   *
   * @param length Characters of the context at most.
   * @param into Set to the probabilities of all characters: [vocabulary].
   */
  probabilities(text: Ids, at: number, length: number, into: Float64Array): void {
    this.#expect(this.#find(text, at, length), into);
  }

  /**
   * The same within the model's own text, as if the character after `at` did not stand there: one that has been counted would always be
   * expected (leave-one-out).
   */
  probabilitiesOfOthers(at: number, length: number, into: Float64Array): void {
    const known = this.#find(this.text, at, ORDER - 1);
    this.#expect(Math.min(known, length), into, this.text[at + 1], known);
  }

  /**
   * Draws what follows the characters of a text up to and with the one at `at`: from the longest context known on, each either
   * draws one of the characters that it counts or leaves the choice to the next shorter one.
   *
   * @param length Characters of the context at most.
   */
  draw(text: Ids, at: number, length: number, random: Random): number {
    for (let known = this.#find(text, at, length); known >= 0; known--) {
      const context = this.#path[known]!;
      const { ids, counts, firstGram, totals } = this.#levels[known]!;
      let left = random.uniform() * totals[context]! - this.#freed[known]![context]!;
      if (left < 0 || totals[context] === 0) continue;
      for (let gram = firstGram[context]!; gram < firstGram[context + 1]!; gram++) {
        left -= counts[gram]! - discount(counts[gram]!, this.#discounts[known]!);
        if (left < 0) return ids[gram]!;
      }
    }
    return Math.floor(random.uniform() * this.vocabulary);
  }

  /**
   * Means over a text, from its character `from` on. The trigram model is interpolated after Witten and Bell (1991; Chen &
   * Goodman 1998, 2.5), which has no parameter to tune:
   *
   *     p(c | context) = (n(context c) + t(context) p(c | shorter context)) / (n(context) + t(context))
   *
   * with n how often a gram stands and t how many different characters follow a context.
   */
  losses(text: Ids, from: number): NgramLosses {
    let trigram = 0;
    let all = 0;
    const occurrences = this.#levels.slice(0, TRIGRAM).map((level) => level.occurrences());
    for (let at = from; at < text.length; at++) {
      const longest = this.#find(text, at - 1, ORDER - 1);
      let plain = 1 / this.vocabulary;
      let best = plain;
      for (let known = 0; known <= longest; known++) {
        const level = this.#levels[known]!;
        const context = this.#path[known]!;
        const gram = level.gram(context, text[at]!);
        const total = level.totals[context]!;
        if (total > 0) {
          const count = gram < 0 ? 0 : level.counts[gram]!;
          const discounted = count - discount(count, this.#discounts[known]!);
          best = (discounted + this.#freed[known]![context]! * best) / total;
        }
        if (known < TRIGRAM) {
          const types = level.firstGram[context + 1]! - level.firstGram[context]!;
          const stands = gram < 0 ? 0 : level.occurring[gram]!;
          plain = (stands + types * plain) / (occurrences[known]![context]! + types);
        }
      }
      trigram -= Math.log(plain);
      all -= Math.log(best);
    }
    const characters = text.length - from;
    return characters > 0
      ? { trigramLoss: trigram / characters, ngramLoss: all / characters }
      : { trigramLoss: Math.log(this.vocabulary), ngramLoss: Math.log(this.vocabulary) };
  }

  /** Fills in the path of contexts that are known before the character after `at`. @returns the length of the longest */
  #find(text: Ids, at: number, length: number): number {
    const longest = Math.min(length, ORDER - 1, at + 1);
    this.#path[0] = 0;
    for (let known = 0; known < longest; known++) {
      const context = this.#levels[known]!.longer(
        this.#path[known]!,
        text[at - known]!,
        this.#levels[known + 1]!,
      );
      if (context < 0) return known;
      this.#path[known + 1] = context;
    }
    return longest;
  }

  /**
   * @param longest Length of the longest context that counts.
   * @param left A character that stands once less than was counted after all contexts of the path, of which the longest has the length `known`.
   */
  #expect(longest: number, into: Float64Array, left?: number, known = longest): void {
    into.fill(0);
    let weight = 1; // of what shorter contexts expect
    for (let length = longest; length >= 0; length--) {
      const level = this.#levels[length]!;
      const context = this.#path[length]!;
      const discounts = this.#discounts[length]!;
      // Without that one character, the gram that is longer by one is gone where it stood once, and so counts no more here.
      const isGone =
        left !== undefined &&
        (length === ORDER - 1 ||
          (length < known && this.#levels[length + 1]!.occursOnce(this.#path[length + 1]!, left)));
      const total = isGone ? level.totals[context]! - 1 : level.totals[context]!;
      if (total <= 0) continue;
      for (let gram = level.firstGram[context]!; gram < level.firstGram[context + 1]!; gram++) {
        const count = level.counts[gram]!;
        into[level.ids[gram]!]! += (weight * (count - discount(count, discounts))) / total;
      }
      let freed = this.#freed[length]![context]!;
      if (isGone) {
        const count = level.counts[level.gram(context, left)]!;
        const change = discount(count, discounts) - discount(count - 1, discounts);
        into[left]! -= (weight * (1 - change)) / total;
        freed -= change;
      }
      weight *= freed / total;
    }
    const rest = weight / this.vocabulary;
    for (let id = 0; id < into.length; id++) into[id]! += rest;
  }
}

/** Characters that a model counts at most, for the sake of memory: some 50 bytes for each. */
const MOST_COUNTED = 2_000_000;
const STRETCH = 1 << 16; // characters

/** The n-gram model of a corpus: of its training part, or of evenly spaced stretches where that is very long. */
export const ngramModelOf = (training: Ids, vocabulary: number): NgramModel =>
  new NgramModel(
    training.length <= MOST_COUNTED
      ? training
      : evenStretches(training, STRETCH, Math.floor(MOST_COUNTED / STRETCH)),
    vocabulary,
  );

/** So many stretches of a text, joined: the first from its beginning, the last to its end, the others evenly between. */
export const evenStretches = (text: Ids, length: number, count: number): Ids => {
  const joined = text.slice(0, count * length);
  for (let stretch = 1; stretch < count; stretch++) {
    const at = Math.round((stretch * (text.length - length)) / (count - 1));
    joined.set(text.subarray(at, at + length), stretch * length);
  }
  return joined;
};

/** Of counts of 0, 1, 2, and 3 or more: [4]. Bounded, since a short text may have no gram that was counted so often. */
const discountsOf = ({ counts }: ContextLevel): Float64Array => {
  const frequencies = new Float64Array(5);
  for (const count of counts) if (count <= 4) frequencies[count]!++;
  const [, n1, n2, n3, n4] = frequencies.map((value) => Math.max(1, value)) as unknown as number[];
  const y = n1! / (n1! + 2 * n2!);
  return Float64Array.of(
    0,
    Math.max(0.05, 1 - (2 * y * n2!) / n1!),
    Math.max(0.1, 2 - (3 * y * n3!) / n2!),
    Math.max(0.1, 3 - (4 * y * n4!) / n3!),
  );
};

const discount = (count: number, discounts: Float64Array): number =>
  Math.min(count, discounts[Math.min(3, count)]!);

/** What the discounts take from each context, for shorter ones to share out: [contexts]. */
const freedOf = ({ contexts, firstGram, counts }: ContextLevel, discounts: Float64Array): Float64Array => {
  const freed = new Float64Array(contexts);
  for (let context = 0; context < contexts; context++)
    for (let gram = firstGram[context]!; gram < firstGram[context + 1]!; gram++)
      freed[context]! += discount(counts[gram]!, discounts);
  return freed;
};
