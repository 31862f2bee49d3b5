import { setImmediate } from 'node:timers/promises';
import { FolioError } from '../../src/errors.ts';
import type { Ids } from '../corpus/encoder.ts';

/** How well a model predicts a text. */
export interface Evaluation {
  /** Characters that were predicted. */
  readonly characters: number;
  /** Mean of -ln p: nats per character. */
  readonly loss: number;
  readonly bitsPerCharacter: number;
  /** exp of the loss: among how many equally likely characters the model chooses. */
  readonly perplexity: number;
  /** Share of characters that the model had thought most likely. */
  readonly accuracy: number;
  /** How many of them the model does not know. */
  readonly unknown: number;
}

export interface EvaluateOptions {
  /** So many characters at the start are read to have a context, and not measured. Default 0. */
  readonly context?: number;
  /** Among how many characters an unknown one is to be guessed: those that the model knows, or more. */
  readonly alphabetSize: number;
  /** Called now and then with the number of characters read. */
  readonly onProgress?: (characters: number) => void;
  /** Called with the place and the loss, in nats, of every character that is measured. */
  readonly onLoss?: (at: number, nats: number) => void;
  readonly signal?: AbortSignal;
}

const PAUSE = 512; // characters between two looks at the event loop

/**
 * Measures a model on all of a text, one character after another from the state of zeros, state carried throughout.
 * A character that the model does not know costs ln(2 `alphabetSize`) nats, more than a blind guess, and is not fed; the
 * text's first character, for which there is no context, is not measured.
 *
 * @param step Feeds one character and gives the logits of the next: [vocabulary].
 * @param ids In the model's own numbering; a negative one is unknown to it.
 * @throws FolioError `model_invalid` for logits that are not finite
 */
export const evaluateText = async (
  step: (id: number) => Float32Array,
  ids: ArrayLike<number>,
  { context = 0, alphabetSize, onProgress, onLoss, signal }: EvaluateOptions,
): Promise<Evaluation> => {
  let logits: Float32Array | undefined;
  let nats = 0;
  let right = 0;
  let characters = 0;
  let unknown = 0;
  for (let at = 0; at < ids.length; at++) {
    const id = ids[at]!;
    if (at >= Math.max(context, 1) && (id < 0 || logits !== undefined)) {
      const { logSum, best } = logits === undefined ? { logSum: 0, best: 0 } : logSumExp(logits);
      if (!Number.isFinite(logSum)) throw notFinite(logSum, at);
      characters++;
      const loss = id < 0 ? Math.log(2 * alphabetSize) : logSum - logits![id]!;
      nats += loss;
      onLoss?.(at, loss);
      if (id === best) right++;
      if (id < 0) unknown++;
    }
    if (id >= 0) logits = step(id);
    if (at % PAUSE === 0) {
      await setImmediate();
      signal?.throwIfAborted();
      onProgress?.(at);
    }
  }
  const loss = nats / characters;
  return {
    characters,
    loss,
    bitsPerCharacter: loss / Math.LN2,
    perplexity: Math.exp(loss),
    accuracy: right / characters,
    unknown,
  };
};

/** -ln p of a character after these logits, in nats; an unknown one, of a negative id, costs ln(2 vocabulary). */
export const naturalLoss = (logits: Float32Array, id: number): number =>
  id < 0 ? Math.log(2 * logits.length) : logSumExp(logits).logSum - logits[id]!;

const notFinite = (sum: number, at: number): FolioError =>
  new FolioError('model_invalid', 'The model gives numbers that are not finite.', {
    expected: 'finite logits',
    received: `${sum} after ${at} characters`,
  });

const logSumExp = (logits: Float32Array): { logSum: number; best: number } => {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  const max = logits[best]!;
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id]! - max);
  return { logSum: max + Math.log(sum), best };
};

/** A text in a model's own numbering; -1 for characters that it does not know. */
export const recode = (
  ids: ArrayLike<number>,
  from: readonly string[],
  into: readonly string[],
): Int32Array => {
  const order = new Map(into.map((character, id) => [character, id]));
  const table = Int32Array.from(from, (character) => order.get(character) ?? -1);
  const out = new Int32Array(ids.length);
  for (let at = 0; at < ids.length; at++) out[at] = table[ids[at]!]!;
  return out;
};

/** Characters before the held-out part that give it a context. */
const CONTEXT = 256;

/** The held-out tenth in a model's numbering, with the characters before it as context. */
export const heldOutText = (
  corpus: { readonly ids: Ids; readonly alphabet: readonly string[]; readonly training: Ids },
  alphabet: readonly string[],
  maxCharacters = Number.POSITIVE_INFINITY,
): { ids: Int32Array; context: number } => {
  const start = corpus.training.length;
  const context = Math.min(CONTEXT, start);
  const end = Math.min(corpus.ids.length, start + maxCharacters);
  return { ids: recode(corpus.ids.subarray(start - context, end), corpus.alphabet, alphabet), context };
};
