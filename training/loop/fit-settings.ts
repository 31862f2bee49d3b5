import type { TrainingPrecision } from '../../src/training-jobs/training-jobs.ts';
import type { Dropout } from './dropout.ts';
import type { OptimiserSettings } from './optimiser.ts';

/** How much a training with teachers learns from where. */
export interface DistillationSettings {
  /** Share of the text's own character in what is to be predicted there; the rest is what the teachers expect. */
  readonly ownCharacter: number;
  /** Share of the streams that read text which the teachers wrote, where the whole target is what they expect. */
  readonly generated: number;
  /** Whether an n-gram model of the text is one of the teachers. Default: networks alone. */
  readonly ngrams?: boolean;
}

/** How a network is trained. */
export interface FitSettings {
  readonly units: readonly number[];
  readonly embedding: number;
  readonly batch: number;
  readonly length: number;
  readonly carryState: boolean;
  readonly epochs: number;
  /** Steps of an epoch at least: a text too short for them is gone through several times. */
  readonly leastSteps: number;
  readonly learningRate: number;
  /** Steps in which the rate rises from nothing. */
  readonly warmUp: number;
  /** Share of the learning rate that is left at the end. */
  readonly finalRate: number;
  readonly dropout: Dropout;
  readonly optimiser: OptimiserSettings;
  /** Epochs without a better validation loss after which training stops. */
  readonly patience: number;
  readonly seed: number;
  /** In a training with teachers alone. */
  readonly distillation?: DistillationSettings;
  /** Of the products. Default f32. */
  readonly precision?: TrainingPrecision;
  readonly shards: 'float16' | 'float32';
}
