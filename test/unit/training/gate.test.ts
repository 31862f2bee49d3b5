import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/model/sampling/random.ts';
import type { Corpus } from '../../../training/corpus/corpus.ts';
import type { EvaluatedModel } from '../../../training/metrics/held-out.ts';
import { judge } from '../../../training/publish/gate.ts';

/** Letters of which every other repeats the one before. */
const length = 20_000;
const random = Random.fromSeed(3);
const ids = new Uint8Array(length);
for (let at = 0; at < length; at++) ids[at] = at % 2 === 1 ? ids[at - 1]! : Math.floor(4 * random.uniform());
const corpus: Corpus = {
  kind: 'text' as const,
  source: 'letters',
  digest: 'sha256:0',
  alphabet: ['a', 'b', 'c', 'd'],
  ids,
  training: ids.subarray(0, 18_000),
  heldOut: ids.subarray(18_000),
};

/** Predicts what is right with this logit, the text being known from where the held-out part's context begins. */
const knowing = (firmness: number): EvaluatedModel => ({
  alphabet: corpus.alphabet,
  start: () => {
    let at = 18_000 - 256;
    const step = () => {
      const logits = new Float32Array(4);
      at++;
      if (at < length) logits[ids[at]!] = firmness;
      return logits;
    };
    return { step, close: () => undefined };
  },
});

describe('judge', () => {
  it('lets a model pass that beats the trigram model', async () => {
    const verdict = await judge(knowing(3), {}, corpus);
    expect(verdict).toMatchObject({ passed: true, forced: false });
    expect(verdict.loss).toBeCloseTo(Math.log(1 + 3 * Math.exp(-3)), 4);
    expect(verdict.trigramLoss).toBeGreaterThan(verdict.loss);
    expect(verdict.currentLoss).toBeUndefined();
  });

  it('keeps back one that guesses', async () => {
    const verdict = await judge(knowing(0), {}, corpus);
    expect(verdict.passed).toBe(false);
    expect(verdict.reasons[0]).toMatch(/does not beat the corpus's trigram model: 1\.3863 against/);
  });

  it('keeps back one that is worse than the current version by more than the tolerance', async () => {
    const worse = await judge(knowing(2.9), { current: knowing(3) }, corpus, { tolerance: 0.001 });
    expect(worse.passed).toBe(false);
    expect(worse.reasons[0]).toMatch(/worse than the current version by more than 0\.001/);
    const within = await judge(knowing(2.9), { current: knowing(3) }, corpus, { tolerance: 0.1 });
    expect(within.passed).toBe(true);
    expect(within.currentLoss).toBeLessThan(within.loss);
  });

  it('keeps back numbers that are not finite, even beside a version that is as bad', async () => {
    const verdict = await judge(knowing(Number.NaN), {}, corpus);
    expect(verdict).toMatchObject({ passed: false, reasons: ['Its numbers are not finite.'] });
  });

  it('is overridden by force, and says so', async () => {
    expect(await judge(knowing(0), {}, corpus, { force: true })).toMatchObject({
      passed: false,
      forced: true,
    });
    expect(await judge(knowing(3), {}, corpus, { force: true })).toMatchObject({
      passed: true,
      forced: false,
    });
  });

  it('charges a current version for characters that it never learnt', async () => {
    const old: EvaluatedModel = {
      alphabet: ['a', 'b'],
      start: () => ({ step: () => Float32Array.of(0, 0), close: () => undefined }),
    };
    const { currentLoss } = await judge(knowing(3), { current: old }, corpus);
    expect(currentLoss).toBeGreaterThan(Math.log(2));
    expect(currentLoss).toBeLessThan(Math.log(4));
  });

  it.each([
    ['tiny', 2, 'lowest at the end: train without --preset tiny, or longer (--epochs).'],
    ['auto', 2, 'lowest at the end: train longer (--epochs).'],
    ['auto', 1, 'lowest after epoch 1 of 2 and rose then: bring more text.'],
    ['tiny', 1, 'bring more text, and train without --preset tiny.'],
  ])('advises after the preset %s with its best epoch %i of 2', async (preset, bestEpoch, advice) => {
    const { remarks } = await judge(knowing(0), {}, corpus, { course: { preset, epochs: 2, bestEpoch } });
    expect(remarks?.join(' ')).toContain(advice);
  });
});
