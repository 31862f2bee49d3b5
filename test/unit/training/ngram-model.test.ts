import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/model/sampling/random.ts';
import { evenStretches, NgramModel, ORDER } from '../../../training/metrics/ngram-model.ts';
import { echoes } from './echoes.ts';

/** Kneser and Ney's model as the formulas have it, by counting the text anew for every probability. */
class PlainKneserNey {
  readonly #text: readonly number[];
  readonly #vocabulary: number;

  constructor(text: readonly number[], vocabulary: number) {
    this.#text = text;
    this.#vocabulary = vocabulary;
  }

  /** @param left A place whose character counts nowhere as the last of a gram; -1 for none. */
  probability(context: readonly number[], next: number, left = -1): number {
    let probability = 1 / this.#vocabulary;
    for (let length = 0; length <= context.length; length++) {
      const before = context.slice(context.length - length);
      const counts = Array.from({ length: this.#vocabulary }, (_, c) => this.#count([...before, c], left));
      const total = counts.reduce((a, b) => a + b);
      if (total === 0) continue;
      const discount = (count: number) => Math.min(count, this.#discounts(length + 1)[Math.min(3, count)]!);
      const freed = counts.reduce((sum, count) => sum + discount(count), 0);
      probability = (counts[next]! - discount(counts[next]!) + freed * probability) / total;
    }
    return probability;
  }

  /** Every gram of a length, where it ends. */
  #grams(length: number, left: number): string[] {
    return this.#text.flatMap((_, end) =>
      end === left || end < length - 1 ? [] : [this.#text.slice(end - length + 1, end + 1).join()],
    );
  }

  #count(gram: readonly number[], left: number): number {
    const same = (other: string) => other === gram.join();
    if (gram.length === ORDER) return this.#grams(ORDER, left).filter(same).length;
    const longer = new Set(this.#grams(gram.length + 1, left));
    return [...longer].filter((one) => same(one.slice(one.indexOf(',') + 1))).length;
  }

  #discounts(length: number): number[] {
    const grams = new Set(this.#grams(length, -1));
    const counts = [...grams].map((gram) => this.#count(gram.split(',').map(Number), -1));
    const [n1, n2, n3, n4] = [1, 2, 3, 4].map((n) =>
      Math.max(1, counts.filter((count) => count === n).length),
    ) as [number, number, number, number];
    const y = n1 / (n1 + 2 * n2);
    const plain = [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3] as const;
    return [0, Math.max(0.05, plain[0]), Math.max(0.1, plain[1]), Math.max(0.1, plain[2])];
  }
}

/** A trigram model after Witten and Bell as the formula has it, by counting the text anew for every probability. */
const plainTrigram = (
  text: readonly number[],
  vocabulary: number,
  context: readonly number[],
  next: number,
): number => {
  if (context.length === 0) {
    const types = new Set(text).size;
    return (text.filter((id) => id === next).length + types / vocabulary) / (text.length + types);
  }
  const after = text.filter(
    (_, at) => at >= context.length && context.every((id, k) => text[at - context.length + k] === id),
  );
  const types = new Set(after).size;
  const lower = plainTrigram(text, vocabulary, context.slice(1), next);
  return types === 0
    ? lower
    : (after.filter((id) => id === next).length + types * lower) / (after.length + types);
};

const texts = fc
  .integer({ min: 2, max: 4 })
  .chain((vocabulary) =>
    fc.tuple(fc.constant(vocabulary), fc.array(fc.nat(vocabulary - 1), { minLength: 8, maxLength: 40 })),
  );

describe('NgramModel', () => {
  it('gives the probabilities of the formulas, which sum to one', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(3), { maxLength: 5 }), ([vocabulary, text], drawn) => {
        const context = drawn.map((id) => id % vocabulary);
        const row = new Float64Array(vocabulary);
        new NgramModel(Uint8Array.from(text), vocabulary).probabilities(
          Uint8Array.from(context),
          context.length - 1,
          context.length,
          row,
        );
        const plain = new PlainKneserNey(text, vocabulary);
        for (const [next, value] of row.entries())
          expect(value).toBeCloseTo(plain.probability(context, next), 10);
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 10);
      }),
      { numRuns: 30 },
    );
  });

  it('leaves out a place of its own text as if the character there had not been counted', () => {
    fc.assert(
      fc.property(texts, fc.nat(40), fc.nat(6), ([vocabulary, text], drawn, length) => {
        const at = drawn % (text.length - 1);
        const row = new Float64Array(vocabulary);
        new NgramModel(Uint8Array.from(text), vocabulary).probabilitiesOfOthers(at, length, row);
        const plain = new PlainKneserNey(text, vocabulary);
        const context = text.slice(Math.max(0, at + 1 - Math.min(length, ORDER - 1)), at + 1);
        for (const [next, value] of row.entries())
          expect(value).toBeCloseTo(plain.probability(context, next, at + 1), 10);
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 10);
      }),
      { numRuns: 30 },
    );
  });

  it('draws characters as often as it expects them, in contexts of every length', () => {
    const random = Random.fromSeed(3);
    const text = Uint8Array.from({ length: 300 }, () => Math.floor(5 * random.uniform() ** 2));
    const ngrams = new NgramModel(text, 6); // of which the last never stands in the text
    const row = new Float64Array(6);
    for (const length of [0, 1, 3, 5]) {
      ngrams.probabilities(text, 100, length, row);
      const drawn = new Float64Array(6);
      for (let n = 0; n < 20_000; n++) drawn[ngrams.draw(text, 100, length, random)]! += 1 / 20_000;
      for (const [id, probability] of row.entries())
        expect(Math.abs(drawn[id]! - probability)).toBeLessThan(0.015);
    }
  });

  it('has the losses of the formulas over a text', () => {
    fc.assert(
      fc.property(texts, ([vocabulary, text]) => {
        const from = Math.floor(text.length / 2);
        const counted = text.slice(0, from);
        const model = new NgramModel(Uint8Array.from(counted), vocabulary);
        const plain = new PlainKneserNey(counted, vocabulary);
        const mean = (probability: (at: number) => number) =>
          text.reduce((sum, _, at) => (at < from ? sum : sum - Math.log(probability(at))), 0) /
          (text.length - from);
        const { trigramLoss, ngramLoss } = model.losses(Uint8Array.from(text), from);
        const trigram = (at: number) =>
          plainTrigram(counted, vocabulary, text.slice(Math.max(0, at - 2), at), text[at]!);
        const ngram = (at: number) =>
          plain.probability(text.slice(Math.max(0, at - ORDER + 1), at), text[at]!);
        expect(trigramLoss).toBeCloseTo(mean(trigram), 10);
        expect(ngramLoss).toBeCloseTo(mean(ngram), 10);
      }),
      { numRuns: 30 },
    );
  });

  it('has next to no loss on a text that repeats, and that of guessing on one without a rule', () => {
    const pattern = Uint8Array.from({ length: 9000 }, (_, at) => at % 3);
    expect(new NgramModel(pattern, 3).losses(pattern, 5).trigramLoss).toBeLessThan(0.01);
    expect(new NgramModel(pattern, 3).losses(pattern, 5).ngramLoss).toBeLessThan(0.01);
    const random = Random.fromSeed(7);
    const noise = Uint8Array.from({ length: 50_000 }, () => Math.floor(16 * random.uniform()));
    const losses = new NgramModel(noise.subarray(0, 45_000), 16).losses(noise, 45_000);
    expect(losses.trigramLoss).toBeCloseTo(Math.log(16), 1);
    expect(losses.ngramLoss).toBeGreaterThan(Math.log(16));
    expect(losses.ngramLoss).toBeLessThan(2.9);
  });

  it('learns from long contexts what short ones do not show', () => {
    const text = echoes(60_000);
    const losses = new NgramModel(text.subarray(0, 54_000), 4).losses(text, 54_000);
    expect(losses.trigramLoss).toBeGreaterThan(1.2);
    expect(losses.ngramLoss).toBeLessThan(0.75);
  });

  it('counts contexts of a large alphabet apart', () => {
    const text = Uint16Array.from({ length: 40_000 }, (_, at) => (at * 7919) % 5000);
    const model = new NgramModel(text, 5000);
    const row = new Float64Array(5000);
    model.probabilities(text, 100, 5, row);
    expect(row[text[101]!]).toBeGreaterThan(0.5);
    expect(row[text[102]!]).toBeLessThan(0.01);
    expect(model.losses(text, 5).trigramLoss).toBeLessThan(0.2);
  });
});

describe('evenStretches', () => {
  it('takes parts of a text from its beginning to its end', () => {
    const text = Uint8Array.from({ length: 100 }, (_, at) => at);
    expect([...evenStretches(text, 3, 4)]).toEqual([0, 1, 2, 32, 33, 34, 65, 66, 67, 97, 98, 99]);
  });
});
