import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/model/sampling/random.ts';
import { Trigram, trigramOf } from '../../../training/metrics/trigram.ts';

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

describe('Trigram', () => {
  it('gives the probabilities of the formula, which sum to one', () => {
    fc.assert(
      fc.property(texts, fc.nat(4), fc.nat(4), ([vocabulary, text], a, b) => {
        const model = new Trigram(vocabulary).train(text);
        const context = [a % vocabulary, b % vocabulary] as const;
        let sum = 0;
        for (let next = 0; next < vocabulary; next++) {
          const probability = model.probability(...context, next);
          expect(probability).toBeCloseTo(plainProbability(text, vocabulary, context, next), 10);
          sum += probability;
        }
        expect(sum).toBeCloseTo(1, 10);
      }),
    );
  });

  it('has next to no loss on a text that repeats, and that of guessing on one without a rule', () => {
    const pattern = Uint8Array.from({ length: 9000 }, (_, at) => at % 3);
    expect(trigramOf(pattern, 3).loss(pattern)).toBeLessThan(0.01);
    const random = Random.fromSeed(7);
    const noise = Uint8Array.from({ length: 50_000 }, () => Math.floor(16 * random.uniform()));
    expect(trigramOf(noise.subarray(0, 45_000), 16).loss(noise.subarray(45_000))).toBeCloseTo(
      Math.log(16),
      1,
    );
  });

  it('counts contexts of a large alphabet apart', () => {
    const text = Uint16Array.from({ length: 40_000 }, (_, at) => (at * 7919) % 5000);
    const model = trigramOf(text, 5000);
    expect(model.probability(text[0]!, text[1]!, text[2]!)).toBeGreaterThan(0.5);
    expect(model.probability(text[0]!, text[1]!, text[3]!)).toBeLessThan(0.01);
  });
});
