import { fineTunedSchedule } from '../loop/schedule.ts';
import type { NgramLosses } from '../metrics/ngram-model.ts';
import { BASE_UNITS, type CorpusFacts, chooseRecipe } from '../presets/auto.ts';

/**
 * What a training on a corpus would take and give, before it is begun, and the losses of the corpus's own n-gram models on its last tenth.
 * Rough: time may be off by a factor of two.
 */
export interface Estimate extends NgramLosses {
  /** The one suggested. */
  readonly preset: string;
  /** Whether it starts from the weights of the model that ships. */
  readonly fromBase: boolean;
  /** Of each layer. */
  readonly units: readonly number[];
  /** Why the preset chooses so: one clause. */
  readonly why: string;
  /** Of the model that ships as it is, without training, where `auto` may start from it. Nats per character of the last tenth. */
  readonly baseLoss?: number;
  /** Held-out loss that the preset may reach. Nats per character. */
  readonly expectedLoss: number;
  /** Between which it lay for the trainings that the prediction rests on, each predicted from the others. */
  readonly expectedLossRange: readonly [low: number, high: number];
  readonly charactersPerSecond: number;
  readonly seconds: number;
  /** US dollars on Fargate, and on Fargate Spot. */
  readonly dollars: number;
  readonly spotDollars: number;
}

/** Arithmetic that training sustains on two cores (four hyperthreads, as 4 vCPU on Fargate are). Operations a second. */
const SUSTAINED = 100e9;

/** Starting the kernels of one character of a chunk, whatever their size. Seconds. */
const OVERHEAD = 0.25e-3;

/** Fargate, Linux on x86, us-east-1, as listed in March 2026. US dollars an hour; 4 vCPU and 8 GB. */
export const FARGATE_PRICE = { month: 'March 2026', vcpu: 0.04048, gigabyte: 0.004445, spot: 0.3 } as const;
const HOUR_DOLLARS = 4 * FARGATE_PRICE.vcpu + 8 * FARGATE_PRICE.gigabyte;

/** @param ngramLoss Of the corpus's own n-gram model. */
export const estimate = (facts: CorpusFacts, vocabulary: number, ngramLoss: number): Estimate => {
  const { characters } = facts;
  const { fromBase, settings, fineTuning, lossRatio, lossMargin, why } = chooseRecipe(facts);
  const { units, embedding, epochs, leastSteps, batch, length, distillation } = fromBase
    ? { ...fineTunedSchedule(settings), units: BASE_UNITS, ...fineTuning }
    : settings;
  const step = length * OVERHEAD + (batch * length * operations(units, embedding, vocabulary)) / SUSTAINED; // seconds
  const charactersPerSecond = (batch * length) / step;
  const ownShare = 1 - (distillation?.generated ?? 0); // of the streams: those that read the text itself
  const anEpoch = Math.max((0.9 * characters) / ownShare, leastSteps * batch * length); // characters
  const seconds = (epochs * anEpoch) / charactersPerSecond;
  const expectedLoss = ngramLoss * lossRatio;
  const dollars = (seconds / 3600) * HOUR_DOLLARS;
  return {
    ...{ preset: 'auto', fromBase, units, why },
    ...{ trigramLoss: facts.trigramLoss, ngramLoss },
    ...(facts.baseLoss === undefined ? {} : { baseLoss: facts.baseLoss }),
    expectedLoss,
    expectedLossRange: [expectedLoss * (1 - lossMargin), expectedLoss * (1 + lossMargin)],
    charactersPerSecond,
    seconds,
    dollars,
    spotDollars: dollars * FARGATE_PRICE.spot,
  };
};

/** Of one character forward and backward: six for every weight of a product; one-hot input costs none. */
const operations = (units: readonly number[], embedding: number, vocabulary: number): number => {
  const inputs = [embedding, ...units];
  const recurrent = units.reduce((sum, size, layer) => sum + 4 * size * (size + inputs[layer]!), 0);
  return 6 * (recurrent + units.at(-1)! * vocabulary);
};
