import { percent } from './format.ts';

/** The measurements that a judgement rests on; losses are nats per character. */
export interface Measurements {
  /** On the held-out part of the corpus. */
  readonly loss: number;
  /** Mean over the epoch whose weights are kept, in which the network still learnt: at its end the loss is lower. */
  readonly trainingLoss?: number | undefined;
  /** Whether the training loss was taken with dropout, and so is higher still than without. */
  readonly hasDropout?: boolean | undefined;
  /** Of the corpus's own n-gram models on the same: of order three, and of order six. */
  readonly trigramLoss: number;
  readonly ngramLoss: number;
  /** Share of windows of generated text that stand in the corpus, and the length of a window in characters. */
  readonly overlap?: { readonly share: number; readonly window: number } | undefined;
}

/** Above this share of windows copied, a text is no longer the model's own. */
const COPIES = 0.05;
/** Nats by which a loss on unseen text may exceed that on what was trained on, before it is called overfitting. */
const APART = 0.25;

/** What the numbers of a training come to, in one sentence. */
export const judgement = (measured: Measurements): string => {
  const { loss, trigramLoss, ngramLoss, overlap } = measured;
  if (!Number.isFinite(loss)) return 'Its numbers are not finite: train again with another --seed.';
  const beats = loss < ngramLoss;
  return `It predicts unseen text ${besideCounting(loss, trigramLoss, ngramLoss)}${besideTraining(measured, beats)}${overlap ? `; ${copied(overlap)}` : ''}.`;
};

const besideCounting = (loss: number, trigram: number, ngram: number): string => {
  const against = (other: number) => `(${loss.toFixed(4)} against ${other.toFixed(4)} nats per character)`;
  if (loss >= trigram) return `worse than a trigram model ${against(trigram)}`;
  if (loss >= ngram)
    return `better than a trigram model but worse than the corpus's n-gram model ${against(ngram)}`;
  return `better than the corpus's n-gram model ${against(ngram)}`;
};

/**
 * A training loss is higher than the loss of the finished model on the same text: one that is clearly below that on
 * unseen text shows overfitting, but one above it, or near it with dropout, shows nothing.
 *
 * @param beats Whether what was said before is good news.
 */
const besideTraining = ({ loss, trainingLoss, hasDropout }: Measurements, beats: boolean): string => {
  if (trainingLoss === undefined) return '';
  const figure = `(${trainingLoss.toFixed(4)})`;
  if (loss - trainingLoss > APART)
    return `, ${beats ? 'but' : 'and'} much worse than what it trained on ${figure}: it has overfitted, and more text would help most`;
  return trainingLoss > loss || hasDropout ? '' : `, and about as well as what it trained on ${figure}`;
};

const copied = ({ share, window }: NonNullable<Measurements['overlap']>): string => {
  if (share === 0) return 'it copies nothing from its corpus';
  const windows = `${percent(share)} of its ${window}-character windows`;
  return share > COPIES
    ? `it recites its corpus: ${windows} are copied from it`
    : `it copies ${windows} from its corpus`;
};
