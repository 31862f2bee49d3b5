import type { Ids } from '../corpus/encoder.ts';
import { type Evaluation, evaluateText, heldOutText, naturalLoss } from './evaluate.ts';

/** One sequence of a model, from the state of zeros. */
export interface Stepping {
  /** Feeds one character and gives the logits of the next: [vocabulary]. */
  step(id: number): Float32Array;
  /** Frees its state. */
  close(): void;
}

/** A model as it is measured. */
export interface EvaluatedModel {
  readonly alphabet: readonly string[];
  start(): Stepping;
}

/**
 * How well a model begins lines: the loss of their first characters from a fresh start (a state of zeros that is fed a
 * newline, as generation does) beside that of the same characters in context. Nats per character.
 */
export interface LineStarts {
  readonly lines: number;
  /** Characters of each line, at most; they may run on into the next line. */
  readonly characters: number;
  readonly fresh: number;
  readonly inContext: number;
}

export interface HeldOutEvaluation extends Evaluation {
  /** None where the held-out part has no lines, or the model no newline. */
  readonly lineStarts?: LineStarts;
}

const LINES = 250;
const BEGINNING = 20; // characters

export interface HeldOutOptions {
  readonly maxCharacters?: number;
  readonly onProgress?: (characters: number) => void;
}

/**
 * Measures a model on the held-out part of a corpus, and on the beginnings of its lines.
 *
 * @throws FolioError `model_invalid` for logits that are not finite
 */
export const evaluateHeldOut = async (
  model: EvaluatedModel,
  corpus: { readonly ids: Ids; readonly alphabet: readonly string[]; readonly training: Ids },
  { maxCharacters, onProgress }: HeldOutOptions = {},
): Promise<HeldOutEvaluation> => {
  const { ids, context } = heldOutText(corpus, model.alphabet, maxCharacters);
  const losses = new Float32Array(ids.length); // of each character, nats
  const sequence = model.start();
  const evaluation = await evaluateText((id) => sequence.step(id), ids, {
    context,
    alphabetSize: model.alphabet.length,
    onLoss: (at, nats) => {
      losses[at] = nats;
    },
    ...(onProgress === undefined ? {} : { onProgress }),
  }).finally(() => sequence.close());
  const newline = model.alphabet.indexOf('\n');
  const all = lineStartsIn(ids, context, newline);
  if (all.length === 0) return evaluation;
  const chosen = Array.from(
    { length: Math.min(LINES, all.length) },
    (_, at) => all[Math.floor((at * all.length) / Math.min(LINES, all.length))]!,
  );
  const count = chosen.length * BEGINNING;
  const sum = (start: number) =>
    losses.subarray(start, start + BEGINNING).reduce((total, loss) => total + loss, 0);
  const lineStarts: LineStarts = {
    lines: chosen.length,
    characters: BEGINNING,
    fresh:
      chosen.reduce(
        (total, start) => total + freshLoss(model, newline, ids.subarray(start, start + BEGINNING)),
        0,
      ) / count,
    inContext: chosen.reduce((total, start) => total + sum(start), 0) / count,
  };
  return { ...evaluation, lineStarts };
};

/** First characters of lines within the measured part, with enough text after them. */
const lineStartsIn = (ids: Int32Array, context: number, newline: number): number[] => {
  const starts: number[] = [];
  if (newline < 0) return starts;
  for (let at = Math.max(context, 1); at + BEGINNING <= ids.length; at++)
    if (ids[at - 1] === newline && ids[at] !== newline) starts.push(at);
  return starts;
};

/** Sum of the losses of a line's first characters from a fresh start, in nats. */
const freshLoss = (model: EvaluatedModel, newline: number, line: Int32Array): number => {
  const sequence = model.start();
  let logits = sequence.step(newline);
  let nats = 0;
  for (const id of line) {
    nats += naturalLoss(logits, id);
    if (id >= 0) logits = sequence.step(id);
  }
  sequence.close();
  return nats;
};

/** `1.933 nats per character where a text starts with them, 1.867 where they follow other text (+3.5 %); …`. */
export const lineStartsText = ({ lines, characters, fresh, inContext }: LineStarts): string =>
  `${fresh.toFixed(3)} nats per character where a text starts with them, ${inContext.toFixed(3)} where they follow other text (${fresh < inContext ? '' : '+'}${(100 * (fresh / inContext - 1)).toFixed(1)} %); first ${characters} characters of ${lines} held-out lines`;
