import type { Random } from '../../../src/model/sampling/random.ts';
import type { Ids } from '../../corpus/encoder.ts';

/** Characters of the longest gram: longer ones gained nothing on texts of 30 kB. */
const ORDER = 6;

/** What follows one context. */
interface Context {
  /** By the character before: the context that is longer by it. */
  readonly longer: Map<number, Context>;
  /** How often each character stands after it. */
  readonly seen: Map<number, number>;
  /** Characters that follow, and their counts: those of `seen` in the longest contexts, before how many different characters
   * context and character stand in the others. */
  ids: Uint16Array;
  counts: Uint32Array;
  total: number;
  /** What the discounts take from the counts, for shorter contexts to share out. */
  freed: number;
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
export class KneserNey {
  readonly vocabulary: number;
  /** What it was counted in. */
  readonly text: Ids;
  readonly #root = emptyContext();
  readonly #path: Context[] = []; // of `draw`, shortest first
  readonly #discounts: readonly Float64Array[]; // by length of the context: [4], of counts of 0, 1, 2, and 3 or more

  constructor(text: Ids, vocabulary: number) {
    this.text = text;
    this.vocabulary = vocabulary;
    for (let at = 0; at < text.length; at++) {
      let context = this.#root;
      for (let length = 0; ; length++) {
        context.seen.set(text[at]!, (context.seen.get(text[at]!) ?? 0) + 1);
        if (length === ORDER - 1 || at - length === 0) break;
        context = longerContext(context, text[at - length - 1]!);
      }
    }
    const frequencies = Array.from({ length: ORDER }, () => new Float64Array(5)); // of counts of 1 to 4
    count(this.#root, 0, frequencies);
    this.#discounts = frequencies.map(discountsFor);
    free(this.#root, 0, this.#discounts);
  }

  /**
   * What follows the characters of a text up to and with the one at `at`.
   *
   * @param length Characters of the context at most.
   * @param into Set to the probabilities of all characters: [vocabulary].
   */
  probabilities(text: Ids, at: number, length: number, into: Float64Array): void {
    this.#expect(text, at, length, into, undefined);
  }

  /**
   * The same within the model's own text, as if the character after `at` did not stand there: one that has been counted would always be
   * expected (leave-one-out).
   */
  probabilitiesOfOthers(at: number, length: number, into: Float64Array): void {
    this.#expect(this.text, at, length, into, this.text[at + 1]);
  }

  /**
   * Draws what follows the characters of a text up to and with the one at `at`: from the longest context known on, each either
   * draws one of the characters that it counts or leaves the choice to the next shorter one.
   *
   * @param length Characters of the context at most.
   */
  draw(text: Ids, at: number, length: number, random: Random): number {
    const contexts = this.#path;
    let count = 0;
    for (
      let context: Context | undefined = this.#root;
      context !== undefined && count <= Math.min(length, ORDER - 1, at + 1);
      context = context.longer.get(text[at - count++]!)
    )
      contexts[count] = context;
    for (let known = count - 1; known >= 0; known--) {
      const { ids, counts, total, freed } = contexts[known]!;
      let left = random.uniform() * total - freed;
      if (left < 0 || total === 0) continue;
      for (let index = 0; index < ids.length; index++) {
        left -= counts[index]! - discount(counts[index]!, this.#discounts[known]!);
        if (left < 0) return ids[index]!;
      }
    }
    return Math.floor(random.uniform() * this.vocabulary);
  }

  #expect(text: Ids, at: number, length: number, into: Float64Array, left: number | undefined): void {
    into.fill(1 / this.vocabulary);
    const longest = Math.min(length, ORDER - 1, at + 1);
    let context: Context | undefined = this.#root;
    for (let known = 0; context !== undefined; known++) {
      const longer: Context | undefined =
        known < ORDER - 1 && known <= at ? context.longer.get(text[at - known]!) : undefined;
      // Without that one character, the gram that is longer by one is gone where it stood once, and so counts no more here.
      const isGone = left !== undefined && (known === ORDER - 1 || longer?.seen.get(left) === 1);
      blend(context, this.#discounts[known]!, isGone ? left : undefined, into);
      if (known === longest) break;
      context = longer;
    }
  }
}

const emptyContext = (): Context => ({
  ...{
    longer: new Map(),
    seen: new Map(),
    ids: new Uint16Array(0),
    counts: new Uint32Array(0),
    total: 0,
    freed: 0,
  },
});

const longerContext = (context: Context, before: number): Context => {
  const known = context.longer.get(before);
  if (known !== undefined) return known;
  const made = emptyContext();
  context.longer.set(before, made);
  return made;
};

/** Fills in what a context and all longer ones count. */
const count = (context: Context, length: number, frequencies: readonly Float64Array[]): void => {
  let counts = context.seen;
  if (length < ORDER - 1) {
    counts = new Map();
    for (const longer of context.longer.values()) {
      for (const id of longer.seen.keys()) counts.set(id, (counts.get(id) ?? 0) + 1);
      count(longer, length + 1, frequencies);
    }
  }
  context.ids = Uint16Array.from(counts.keys());
  context.counts = Uint32Array.from(counts.values());
  for (const value of counts.values()) {
    context.total += value;
    if (value <= 4) frequencies[length]![value]!++;
  }
};

/** Of counts of 0, 1, 2, and 3 or more: [4]. Bounded, since a short text may have no gram that was counted so often. */
const discountsFor = (frequencies: Float64Array): Float64Array => {
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

/** Fills in what the discounts take from a context and from all longer ones. */
const free = (context: Context, length: number, discounts: readonly Float64Array[]): void => {
  for (const count of context.counts) context.freed += discount(count, discounts[length]!);
  for (const longer of context.longer.values()) free(longer, length + 1, discounts);
};

/** Turns the probabilities after the shorter context into those after this one; `gone` is counted once less. */
const blend = (
  { ids, counts, total, freed }: Context,
  discounts: Float64Array,
  gone: number | undefined,
  into: Float64Array,
): void => {
  const goneCount = gone === undefined ? 0 : counts[ids.indexOf(gone)]!;
  const sum = gone === undefined ? total : total - 1;
  if (sum <= 0) return;
  const left =
    gone === undefined ? freed : freed - discount(goneCount, discounts) + discount(goneCount - 1, discounts);
  for (let id = 0; id < into.length; id++) into[id]! *= left / sum;
  for (let at = 0; at < ids.length; at++) {
    const count = ids[at] === gone ? goneCount - 1 : counts[at]!;
    into[ids[at]!]! += (count - discount(count, discounts)) / sum;
  }
};
