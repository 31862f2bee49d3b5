import type { CorpusKind } from '../corpus/lines.ts';
import { distilledDropout } from '../loop/distillation/settings.ts';
import type { FitSettings } from '../loop/fit-settings.ts';
import { type Evidence, evidence } from './evidence.ts';
import { presets } from './presets.ts';

/** What `auto` chooses by. */
export interface CorpusFacts {
  readonly characters: number;
  readonly kind: CorpusKind;
  /** Share of the corpus' characters that the base knows, 0 to 1. */
  readonly known: number;
  /** Of the corpus' own trigram model, on the held-out tenth. Nats per character. */
  readonly trigramLoss: number;
  /** Of the base as it is, on the same; undefined where there is no base, or none is asked for. */
  readonly baseLoss?: number | undefined;
  /** Whether it starts from the weights of a model that somebody named. */
  readonly isGiven?: boolean;
}

/** How `auto` trains a corpus. */
export interface Recipe {
  /** Whether it starts from the weights of the shipped model, the base. */
  readonly fromBase: boolean;
  /** Of a training from fresh weights; one from other weights takes `fineTuned` of them, and `fineTuning`. */
  readonly settings: FitSettings;
  /** What a training from other weights sets beside. */
  readonly fineTuning: Partial<FitSettings>;
  /** Held-out loss to be expected, over that of the corpus' own n-gram model; see docs/quality.md. */
  readonly lossRatio: number;
  /** Share by which that may be off: as much as the worst of the trainings would be, predicted from the others. */
  readonly lossMargin: number;
  /** One clause for people. */
  readonly why: string;
}

/** The characters of `models/shakespeare`, the base; a test compares them. */
export const BASE_ALPHABET = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Of the base's layers. */
export const BASE_UNITS: readonly number[] = [512];

/** Characters from which a corpus is trained from fresh weights: it is large enough to teach them all. */
const ENOUGH = 400_000;
/** Characters below which fine-tuning takes few steps, and a training from fresh weights a small network. */
const LITTLE = 10_000;
/** The same of a list. */
const SHORT_LIST = 100_000;
/**
 * Characters of a text below which its n-gram model teaches fresh weights, since it predicts better than `standard` does, and from which it
 * teaches the base.
 */
const SMALL = 150_000;
/** The text's own n-gram model as the teacher. */
const taughtByNgrams = {
  dropout: distilledDropout,
  optimiser: { ...presets.standard.optimiser, weightDecay: 0 },
  distillation: { ownCharacter: 0.3, generated: 0.4, ngrams: true },
} satisfies Partial<FitSettings>;
/** A network from fresh weights that it teaches: a smaller one. */
const smallTaught = {
  ...taughtByNgrams,
  units: [256],
  epochs: 24,
  learningRate: 5e-3,
  warmUp: 80,
  optimiser: { ...taughtByNgrams.optimiser, averaging: 0.995 },
} satisfies Partial<FitSettings>;

/** Share of a text's characters that are in the base's alphabet. */
export const knownShare = (
  alphabet: readonly { readonly character: string; readonly count: number }[],
): number => {
  const known = new Set(BASE_ALPHABET);
  const total = alphabet.reduce((sum, { count }) => sum + count, 0);
  const found = alphabet.reduce((sum, { character, count }) => sum + (known.has(character) ? count : 0), 0);
  return found / Math.max(1, total);
};

/** Whether a corpus may be small enough for the base: if so, its loss decides. */
export const leavesBaseOpen = (characters: number): boolean => characters < ENOUGH;

/**
 * Chooses how a corpus is trained, by the trainings of docs/quality.md. A small one starts from the base where that,
 * without any training, predicts it better than the corpus' own trigram model: the languages are alike.
 */
export const chooseRecipe = (facts: CorpusFacts): Recipe => {
  const { characters, kind, trigramLoss, baseLoss, isGiven } = facts;
  const isLittle = characters < LITTLE;
  const fromBase = leavesBaseOpen(characters) && baseLoss !== undefined && baseLoss < trigramLoss;
  const isFresh = !fromBase && !isGiven;
  const isTiny = kind === 'lines' ? characters < SHORT_LIST && !fromBase : isLittle && isFresh;
  const { preparation: _, about: __, ...settings } = isTiny ? presets.tiny : presets.standard;
  const isTaught =
    kind === 'text' &&
    (isFresh ? !isTiny && characters < SMALL : characters >= SMALL && leavesBaseOpen(characters));
  return {
    fromBase,
    settings: isFresh && isTaught ? { ...settings, ...smallTaught } : settings,
    fineTuning: {
      ...(isTaught ? taughtByNgrams : {}),
      ...(kind === 'text' && leavesBaseOpen(characters)
        ? { learningRate: presets.standard.learningRate }
        : {}),
      ...(isLittle ? { leastSteps: 15, warmUp: 15 } : {}),
    },
    lossRatio: ratioLike({ ...facts, fromBase }, evidence),
    lossMargin: LOSS_MARGIN,
    why: `${reason(facts, fromBase)}${isTaught ? '; the text’s own n-gram model teaches' : ''}`,
  };
};

const reason = ({ characters, trigramLoss, baseLoss }: CorpusFacts, fromBase: boolean): string => {
  const enough = `${ENOUGH.toLocaleString('en')} characters`;
  if (!leavesBaseOpen(characters)) return `the text is large enough (${enough} or more)`;
  if (baseLoss === undefined) return 'there is no model to start from';
  const figures = `${baseLoss.toFixed(2)} nats per character untrained, a trigram model of the text ${trigramLoss.toFixed(2)}`;
  if (fromBase)
    return `the text is small (under ${enough}) and like that of the model that ships: ${figures}`;
  return `the text is unlike that of the model that ships: ${figures}`;
};

/** Loss over that of the n-gram model in the training that is most like one: by start, kind, characters known and size. */
const ratioLike = (
  one: Pick<Evidence, 'characters' | 'kind' | 'known' | 'fromBase'>,
  trainings: readonly Evidence[],
): number => {
  const distance = ({ characters, kind, known, fromBase }: Evidence) =>
    (fromBase === one.fromBase ? 0 : 100) +
    (kind === one.kind ? 0 : 1) +
    Math.abs(Math.log10(characters / one.characters)) +
    4 * Math.abs(known - one.known);
  const { loss, ngramLoss } = trainings.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return loss / ngramLoss;
};

/** Share by which the worst of several trainings is off, each predicted from the others; they need two of each start. */
export const lossMarginOf = (trainings: readonly Evidence[]): number =>
  Math.max(
    ...trainings.map((one) => {
      const others = trainings.filter((other) => other !== one && other.fromBase === one.fromBase);
      return Math.abs((ratioLike(one, others) * one.ngramLoss) / one.loss - 1);
    }),
  );

const LOSS_MARGIN = lossMarginOf(evidence);
