import type { CorpusKind } from '../corpus/lines.ts';

/**
 * Trainings as `auto` makes them, by which `folio inspect` predicts. docs/quality.md has them as a table, which a test makes
 * of this one (`npx vitest run --project unit test/unit/training/auto.test.ts --update`), and docs/experiments.md every run.
 */
export interface Evidence {
  readonly text: string;
  readonly characters: number;
  readonly kind: CorpusKind;
  /** Share of its characters that are in the base's alphabet. */
  readonly known: number;
  readonly fromBase: boolean;
  /** Network and schedule. */
  readonly how: string;
  /** Of the text's own n-gram model, on the held-out tenth. Nats per character. */
  readonly ngramLoss: number;
  /** Of the trained model, on the same. */
  readonly loss: number;
}

/**
 * Prose is Jane Austen's, from the beginning of *Pride and Prejudice*; verse the King James Bible's Psalms and what follows; code
 * TypeScript; tunes ABC; names are given and family names of many languages in Latin letters.
 */
export const evidence: readonly Evidence[] = [
  {
    ...{ text: 'prose', characters: 2998, kind: 'text', known: 0.982, ngramLoss: 2.006 },
    ...{ fromBase: true, how: '6 epochs of 15 steps, 3e-3', loss: 1.447 },
  },
  {
    ...{ text: 'prose', characters: 29_951, kind: 'text', known: 0.989, ngramLoss: 1.553 },
    ...{ fromBase: false, how: '1 × 256 taught by its n-grams, 24 epochs of 110 steps', loss: 1.522 },
  },
  {
    ...{ text: 'prose', characters: 29_951, kind: 'text', known: 0.989, ngramLoss: 1.553 },
    ...{ fromBase: true, how: '6 epochs of 104 steps, 3e-3', loss: 1.287 },
  },
  {
    ...{ text: 'prose', characters: 99_986, kind: 'text', known: 0.99, ngramLoss: 1.411 },
    ...{ fromBase: true, how: '6 epochs of 129 steps, 3e-3', loss: 1.252 },
  },
  {
    ...{ text: 'prose', characters: 299_973, kind: 'text', known: 0.993, ngramLoss: 1.282 },
    ...{ fromBase: true, how: 'taught by its n-grams, 6 epochs of 222 steps, 3e-3', loss: 1.203 },
  },
  {
    ...{ text: 'verse', characters: 29_985, kind: 'text', known: 1, ngramLoss: 1.481 },
    ...{ fromBase: true, how: '6 epochs of 104 steps, 3e-3', loss: 1.193 },
  },
  {
    ...{ text: 'verse', characters: 99_971, kind: 'text', known: 1, ngramLoss: 1.333 },
    ...{ fromBase: true, how: '6 epochs of 129 steps, 3e-3', loss: 1.163 },
  },
  {
    ...{ text: 'code', characters: 30_000, kind: 'text', known: 0.888, ngramLoss: 1.93 },
    ...{ fromBase: false, how: '1 × 256 taught by its n-grams, 24 epochs of 110 steps', loss: 1.91 },
  },
  {
    ...{ text: 'code', characters: 99_927, kind: 'text', known: 0.899, ngramLoss: 1.5 },
    ...{ fromBase: false, how: '1 × 256 taught by its n-grams, 24 epochs of 146 steps', loss: 1.484 },
  },
  {
    ...{ text: 'ABC tunes', characters: 29_962, kind: 'text', known: 0.757, ngramLoss: 1.89 },
    ...{ fromBase: false, how: '1 × 256 taught by its n-grams, 24 epochs of 110 steps', loss: 1.699 },
  },
  {
    ...{ text: 'names', characters: 29_997, kind: 'lines', known: 1, ngramLoss: 2.439 },
    ...{ fromBase: false, how: '`tiny`: 1 × 128, 2 epochs of 312 steps', loss: 2.409 },
  },
  {
    ...{ text: 'tiny Shakespeare', characters: 1_115_394, kind: 'text', known: 1, ngramLoss: 1.523 },
    ...{ fromBase: false, how: '`standard`: 1 × 512, 18 epochs', loss: 1.489 },
  },
];
