import { setImmediate } from 'node:timers/promises';
import { Random } from '../../../src/model/sampling/random.ts';
import type { Ids } from '../../corpus/encoder.ts';
import type { NgramModel } from '../../metrics/ngram-model.ts';
import type { TrainingChunk } from '../chunks.ts';
import { emptyText, TEXT } from './generated-text.ts';

/** Longer contexts than any n-gram model has. */
const WHOLE = Number.POSITIVE_INFINITY;

/**
 * The n-gram model of a text as a teacher: what follows each character, in the text itself as if that one place had not been
 * counted.
 */
export class NgramTeacher {
  readonly #ngrams: NgramModel;
  readonly #generated: Ids;

  /** @param generated What streams read that do not read the model's own text. */
  constructor(ngrams: NgramModel, generated: Ids) {
    this.#ngrams = ngrams;
    this.#generated = generated;
  }

  /** After every character of a chunk, from what its stream has read: [length * batch, vocabulary]. */
  probabilities({ batch, length, places, begins, own }: TrainingChunk): Float32Array {
    const { vocabulary, text } = this.#ngrams;
    const row = new Float64Array(vocabulary);
    const rows = new Float32Array(length * batch * vocabulary);
    for (let b = 0; b < batch; b++) {
      const isOwn = b < own;
      const read = isOwn ? text : this.#generated;
      for (let t = 0; t < length; t++) {
        const at = (places[b]! + t) % read.length;
        const context = begins[b] === 1 ? t + 1 : WHOLE;
        if (isOwn) this.#ngrams.probabilitiesOfOthers(at, context, row);
        else this.#ngrams.probabilities(read, at, context, row);
        rows.set(row, (t * batch + b) * vocabulary);
      }
    }
    return rows;
  }
}

/**
 * What an n-gram model writes: texts of some 4,000 characters that begin with `lineStart`, one after the other.
 *
 * @param least Characters at least.
 * @returns Ids [characters], the same for the same seed; none where the signal says stop.
 */
export const generateByNgrams = async (
  ngrams: NgramModel,
  lineStart: number,
  least: number,
  seed: number,
  signal?: AbortSignal,
): Promise<Ids | undefined> => {
  const count = Math.ceil(least / TEXT);
  const text = emptyText(count * TEXT, ngrams.vocabulary);
  const random = Random.fromSeed(seed);
  for (let at = 0; at < text.length; at++) {
    const length = at % TEXT; // of the context
    if (length === 0) {
      await setImmediate();
      if (signal?.aborted === true) return undefined;
      text[at] = lineStart;
    } else {
      text[at] = ngrams.draw(text, at - 1, length, random);
    }
  }
  return text;
};
