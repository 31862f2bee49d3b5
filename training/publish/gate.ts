import { isFolioError } from '../../src/errors.ts';
import type { Corpus } from '../corpus/corpus.ts';
import type { GateEvent } from '../events.ts';
import {
  type EvaluatedModel,
  evaluateHeldOut,
  type HeldOutEvaluation,
  lineStartsText,
} from '../metrics/held-out.ts';
import { ngramModelOf, ORDER } from '../metrics/ngram-model.ts';

export interface GateOptions {
  /** Nats per character by which a new version may be worse than the current one. Default 0.02. */
  readonly tolerance?: number;
  /** Publish whatever is found. */
  readonly force?: boolean;
  /** How the candidate was trained, for advice. */
  readonly course?: TrainingCourse;
}

/** How a training went. */
export interface TrainingCourse {
  readonly preset: string;
  readonly epochs: number;
  /** 1-based, the one with the lowest loss on the held-out part. */
  readonly bestEpoch: number;
}

/** Measuring goes one character after another: beyond this the rest of the held-out part would change nothing. */
const MOST_MEASURED = 500_000;

/** What a candidate is compared with. */
export interface Rivals {
  /** The version that would be replaced, where there is one that can still be loaded. */
  readonly current?: EvaluatedModel | undefined;
  /** The model that the candidate started from, where it is a fine-tuning. */
  readonly parent?: EvaluatedModel | undefined;
}

/**
 * Whether a trained model may become the current version of its name: its numbers are finite, it beats the corpus's
 * own trigram model on the held-out part, and it is no worse there than the current version, nor than the model that it
 * started from, by more than the tolerance. All are measured on the same characters, from the artefact as it would be
 * published.
 */
export const judge = async (
  candidate: EvaluatedModel,
  { current, parent }: Rivals,
  corpus: Corpus,
  { tolerance = 0.02, force = false, course }: GateOptions = {},
): Promise<GateEvent> => {
  const start = corpus.training.length;
  const text = corpus.ids.subarray(0, start + MOST_MEASURED);
  const { trigramLoss, ngramLoss } = ngramModelOf(corpus.training, corpus.alphabet.length).losses(
    text,
    start,
  );
  const measured = await measure(candidate, corpus);
  const loss = measured?.loss ?? Number.NaN;
  const currentLoss = current && ((await measure(current, corpus))?.loss ?? Number.NaN);
  const parentLoss = parent && ((await measure(parent, corpus))?.loss ?? Number.NaN);

  const failed: string[] = [];
  const met: string[] = [];
  const check = (right: boolean, good: string, bad: string) =>
    void (right ? met.push(good) : failed.push(bad));
  const nats = (value: number) => value.toFixed(4);
  if (!Number.isFinite(loss)) failed.push('Its numbers are not finite.');
  else {
    check(
      loss < trigramLoss,
      `It beats the corpus's trigram model: ${nats(loss)} against ${nats(trigramLoss)} nats per character.`,
      `It does not beat the corpus's trigram model: ${nats(loss)} against ${nats(trigramLoss)} nats per character.`,
    );
    if (currentLoss !== undefined)
      check(
        !(loss > currentLoss + tolerance),
        `It is no worse than the current version: ${nats(loss)} against ${nats(currentLoss)}.`,
        `It is worse than the current version by more than ${tolerance}: ${nats(loss)} against ${nats(currentLoss)}.`,
      );
    if (parentLoss !== undefined)
      check(
        !(loss > parentLoss + tolerance),
        `It is no worse than the model that it started from: ${nats(loss)} against ${nats(parentLoss)}.`,
        `It is worse than the model that it started from by more than ${tolerance}: ${nats(loss)} against ${nats(parentLoss)}.`,
      );
  }
  return {
    type: 'gate',
    passed: failed.length === 0,
    forced: force && failed.length > 0,
    reasons: failed.length > 0 ? failed : met,
    remarks: [
      ...(failed.length > 0 ? met : []),
      ...(Number.isFinite(loss) ? [besideCounting(loss, ngramLoss, course)] : []),
      ...(measured?.lineStarts
        ? [`Loss at beginnings of lines: ${lineStartsText(measured.lineStarts)}.`]
        : []),
    ],
    loss,
    trigramLoss,
    ngramLoss,
    ...(currentLoss === undefined ? {} : { currentLoss }),
    ...(parentLoss === undefined ? {} : { parentLoss }),
    ...(measured?.lineStarts === undefined ? {} : { lineStarts: measured.lineStarts }),
  };
};

/** How a model stands to the corpus's n-gram model, with advice where that is better. */
const besideCounting = (loss: number, ngramLoss: number, course: TrainingCourse | undefined): string => {
  const figures = `${loss.toFixed(4)} against ${ngramLoss.toFixed(4)}`;
  return loss < ngramLoss
    ? `It beats the corpus's n-gram model of order ${ORDER}: ${figures}.`
    : `The corpus's n-gram model of order ${ORDER} is better: ${figures}.${course ? ` ${adviceAfter(course)}` : ''} A text that repeats itself may need counting alone.`;
};

const adviceAfter = ({ preset, epochs, bestEpoch }: TrainingCourse): string => {
  const isTiny = preset === 'tiny';
  return bestEpoch === epochs
    ? `The held-out loss was lowest at the end: train ${isTiny ? 'without --preset tiny, or longer (--epochs)' : 'longer (--epochs)'}.`
    : `The held-out loss was lowest after epoch ${bestEpoch} of ${epochs} and rose then: bring more text${isTiny ? ', and train without --preset tiny' : ''}.`;
};

/** None for a model whose numbers are not finite. */
const measure = async (model: EvaluatedModel, corpus: Corpus): Promise<HeldOutEvaluation | undefined> => {
  try {
    return await evaluateHeldOut(model, corpus, { maxCharacters: MOST_MEASURED });
  } catch (error) {
    if (isFolioError(error) && error.code === 'model_invalid') return undefined;
    throw error;
  }
};
