import type { Ids } from './encoder.ts';
import { type CorpusKind, shuffleLines } from './lines.ts';

/** A text and where its held-out tenth begins. */
export interface CutText {
  /** [characters] */
  readonly ids: Ids;
  readonly heldOutStart: number;
}

/** Cuts a text as it is trained on: lines are shuffled before. @param alphabet In id order. */
export const cutText = (ids: Ids, alphabet: readonly string[], kind: CorpusKind): CutText =>
  kind === 'lines' ? shuffleLines(ids, alphabet) : { ids, heldOutStart: heldOutStart(ids.length) };

/** Where the held-out tenth of running text begins. */
export const heldOutStart = (characters: number): number => Math.floor(0.9 * characters);
