import { describe, expect, test } from 'vitest';
import { judgement } from '../../../training/report/judgement.ts';

const good = {
  ...{ loss: 1.5, trainingLoss: 1.4, trigramLoss: 2, ngramLoss: 1.7 },
  overlap: { share: 0, window: 32 },
};

describe('judgement', () => {
  test('of a good model', () => {
    expect(judgement(good)).toBe(
      "It predicts unseen text better than the corpus's n-gram model (1.5000 against 1.7000 nats per character), and about as well as what it trained on (1.4000); it copies nothing from its corpus.",
    );
  });

  test.each([
    [
      { loss: 1.9 },
      "better than a trigram model but worse than the corpus's n-gram model (1.9000 against 1.7000",
    ],
    [{ loss: 2.1 }, 'worse than a trigram model (2.1000 against 2.0000'],
    [{ trainingLoss: 1 }, 'but much worse than what it trained on (1.0000): it has overfitted'],
    [{ loss: 2.1, trainingLoss: 1 }, 'nats per character), and much worse than what it trained on (1.0000)'],
    [
      { overlap: { share: 0.012, window: 32 } },
      'it copies 1.2 % of its 32-character windows from its corpus',
    ],
    [
      { overlap: { share: 0.4, window: 32 } },
      'it recites its corpus: 40 % of its 32-character windows are copied from it',
    ],
    [{ loss: Number.NaN }, 'Its numbers are not finite'],
  ])('of %j', (change, expected) => {
    expect(judgement({ ...good, ...change })).toContain(expected);
  });

  test.each([{ trainingLoss: 2 }, { trainingLoss: undefined }, { hasDropout: true }])(
    'says nothing of the training text with %j, which shows nothing',
    (change) => {
      expect(judgement({ ...good, ...change })).toBe(
        "It predicts unseen text better than the corpus's n-gram model (1.5000 against 1.7000 nats per character); it copies nothing from its corpus.",
      );
    },
  );

  test('finds overfitting with dropout too', () => {
    expect(judgement({ ...good, trainingLoss: 1, hasDropout: true })).toContain('it has overfitted');
  });

  test('without a measurement of copies says nothing of them', () => {
    expect(judgement({ ...good, overlap: undefined })).toMatch(/trained on \(1\.4000\)\.$/);
  });
});
