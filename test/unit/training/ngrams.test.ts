import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/model/sampling/random.ts';
import { bestOrder, Ngrams, ngramsOf } from '../../../training/metrics/ngrams.ts';

/** Witten-Bell as the formula has it, by counting the text anew for every probability. */
const plainProbability = (
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
  const lower = plainProbability(text, vocabulary, context.slice(1), next);
  return types === 0
    ? lower
    : (after.filter((id) => id === next).length + types * lower) / (after.length + types);
};

const texts = fc
  .integer({ min: 2, max: 5 })
  .chain((vocabulary) =>
    fc.tuple(fc.constant(vocabulary), fc.array(fc.nat(vocabulary - 1), { minLength: 3, maxLength: 60 })),
  );

describe('Ngrams', () => {
  it('gives the probabilities of the formula, which sum to one, for every order', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(4), { maxLength: 5 }), ([vocabulary, text], drawn) => {
        const model = new Ngrams(vocabulary).train(text);
        const context = drawn.map((id) => id % vocabulary);
        let sum = 0;
        for (let next = 0; next < vocabulary; next++) {
          const probability = model.probability(context, next);
          expect(probability).toBeCloseTo(plainProbability(text, vocabulary, context, next), 10);
          sum += probability;
        }
        expect(sum).toBeCloseTo(1, 10);
      }),
    );
  });

  it('has next to no loss on a text that repeats, and that of guessing on one without a rule', () => {
    const pattern = Uint8Array.from({ length: 9000 }, (_, at) => at % 3);
    expect(ngramsOf(pattern, 3).losses(pattern)[3]).toBeLessThan(0.01);
    const random = Random.fromSeed(7);
    const noise = Uint8Array.from({ length: 50_000 }, () => Math.floor(16 * random.uniform()));
    const losses = ngramsOf(noise.subarray(0, 45_000), 16).losses(noise.subarray(45_000));
    expect(losses[3]).toBeCloseTo(Math.log(16), 1);
    expect(bestOrder(losses)).toBe(3);
  });

  it('learns from long contexts what short ones do not show', () => {
    // Each character repeats the one five places before.
    const random = Random.fromSeed(9);
    const ids = new Uint8Array(60_000);
    for (let at = 0; at < ids.length; at++) {
      const fresh = at < 5 || random.uniform() < 0.1;
      ids[at] = fresh ? Math.floor(4 * random.uniform()) : ids[at - 5]!;
    }
    const losses = ngramsOf(ids.subarray(0, 54_000), 4).losses(ids.subarray(54_000));
    expect(losses[5]).toBeGreaterThan(1.2);
    expect(losses[6]).toBeLessThan(0.75);
    expect(bestOrder(losses)).toBe(6);
  });

  it('counts contexts of a large alphabet apart, at every order', () => {
    const text = Uint16Array.from({ length: 40_000 }, (_, at) => (at * 7919) % 5000);
    const model = ngramsOf(text, 5000);
    for (const length of [2, 3, 4, 5]) {
      const context = [...text.subarray(0, length)];
      expect(model.probability(context, text[length]!)).toBeGreaterThan(0.5);
      expect(model.probability(context, text[length + 1]!)).toBeLessThan(0.01);
    }
  });
});
