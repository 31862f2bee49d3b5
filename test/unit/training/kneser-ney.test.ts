import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/model/sampling/random.ts';
import type { TrainingChunk } from '../../../training/loop/chunks.ts';
import { KneserNey } from '../../../training/loop/distillation/kneser-ney.ts';
import { generateByNgrams, NgramTeacher } from '../../../training/loop/distillation/ngram-teacher.ts';

const ORDER = 6;

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

const texts = fc
  .integer({ min: 2, max: 4 })
  .chain((vocabulary) =>
    fc.tuple(fc.constant(vocabulary), fc.array(fc.nat(vocabulary - 1), { minLength: 8, maxLength: 40 })),
  );

describe('KneserNey', () => {
  it('gives the probabilities of the formulas, which sum to one', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(3), { maxLength: 5 }), ([vocabulary, text], drawn) => {
        const context = drawn.map((id) => id % vocabulary);
        const row = new Float64Array(vocabulary);
        new KneserNey(Uint8Array.from(text), vocabulary).probabilities(
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
        new KneserNey(Uint8Array.from(text), vocabulary).probabilitiesOfOthers(at, length, row);
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
    const ngrams = new KneserNey(text, 6); // of which the last never stands in the text
    const row = new Float64Array(6);
    for (const length of [0, 1, 3, 5]) {
      ngrams.probabilities(text, 100, length, row);
      const drawn = new Float64Array(6);
      for (let n = 0; n < 20_000; n++) drawn[ngrams.draw(text, 100, length, random)]! += 1 / 20_000;
      for (const [id, probability] of row.entries())
        expect(Math.abs(drawn[id]! - probability)).toBeLessThan(0.015);
    }
  });
});

/** Each character is the one five places before, but for one in ten. */
const echoes = (length: number): Uint8Array => {
  const random = Random.fromSeed(9);
  const ids = new Uint8Array(length);
  for (let at = 0; at < length; at++)
    ids[at] = at < 5 || random.uniform() < 0.1 ? Math.floor(4 * random.uniform()) : ids[at - 5]!;
  return ids;
};

describe('generateByNgrams', () => {
  const ngrams = new KneserNey(echoes(20_000), 4);

  it('writes texts like the one that was counted, each begun with the character fed first, the same for the same seed', async () => {
    const text = (await generateByNgrams(ngrams, 2, 5000, 1))!;
    expect(text).toHaveLength(2 * 4096);
    expect([text[0], text[4096]]).toEqual([2, 2]);
    const echoed = text.filter((id, at) => at >= 5 && id === text[at - 5]).length / text.length;
    expect(echoed).toBeGreaterThan(0.85);
    expect(echoed).toBeLessThan(0.97);
    expect(await generateByNgrams(ngrams, 2, 5000, 1)).toEqual(text);
    expect(await generateByNgrams(ngrams, 2, 5000, 2)).not.toEqual(text);
  });

  it('stops when it is asked to', async () => {
    expect(await generateByNgrams(ngrams, 2, 5000, 1, AbortSignal.abort())).toBeUndefined();
  });
});

describe('NgramTeacher', () => {
  it('expects by what a stream has read, leaving out each place of the text itself', () => {
    const text = echoes(600);
    const generated = echoes(100).reverse();
    const ngrams = new KneserNey(text, 4);
    const [batch, length] = [3, 8];
    const chunk: TrainingChunk = {
      ...{ batch, length, own: 2, inputs: new Int32Array(24), targets: new Int32Array(24) },
      ...{ places: Float64Array.of(40, 595, 20), begins: Uint8Array.of(1, 0, 0) },
    };
    const rows = new NgramTeacher(ngrams, generated).probabilities(chunk);
    const row = new Float64Array(4);
    const expected = (b: number, t: number) =>
      Array.from(rows.subarray((t * batch + b) * 4, (t * batch + b + 1) * 4), (value) =>
        Number(value.toFixed(6)),
      );
    const rounded = () => Array.from(row, (value) => Number(Math.fround(value).toFixed(6)));
    for (let t = 0; t < length; t++) {
      ngrams.probabilitiesOfOthers(40 + t, t + 1, row); // begun here: nothing before was read
      expect(expected(0, t)).toEqual(rounded());
      ngrams.probabilitiesOfOthers((595 + t) % 600, 5, row); // the text is a ring
      expect(expected(1, t)).toEqual(rounded());
      ngrams.probabilities(generated, 20 + t, 5, row);
      expect(expected(2, t)).toEqual(rounded());
    }
  });
});
