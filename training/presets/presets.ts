import type { Preparation } from '../corpus/clean.ts';
import { noDropout } from '../loop/dropout.ts';
import type { FitSettings } from '../loop/fit-settings.ts';

export interface Preset extends FitSettings {
  /** One line for people. */
  readonly about: string;
  /** What is done to the text before it is learnt. */
  readonly preparation: Preparation;
}

/** The recipe of the model that ships; docs/quality.md says how it was found. */
const standard: Preset = {
  about: 'one layer of 512 units, strongly regularised: the recipe of the model that ships',
  preparation: 'plain',
  units: [512],
  embedding: 0,
  batch: 32, // streams side by side
  length: 64, // characters a chunk
  carryState: true,
  epochs: 18,
  leastSteps: 100,
  learningRate: 3e-3,
  warmUp: 400, // steps
  finalRate: 0.02, // of the learning rate, at the end of the cosine
  dropout: { input: 0.03, between: 0.25, output: 0.35, recurrent: 0.35, perSequence: true },
  optimiser: { weightDecay: 0.01, clipNorm: 1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, averaging: 0.998 },
  patience: 6, // epochs
  seed: 1,
  shards: 'float16',
};

/** A minute or two for a million characters: for tests, and for a first look at a corpus. */
const tiny: Preset = {
  ...standard,
  about: 'one layer of 128 units, a minute or two: for tests and for a first look',
  units: [128],
  batch: 32,
  length: 32,
  epochs: 2,
  leastSteps: 300,
  learningRate: 7e-3,
  warmUp: 10,
  dropout: noDropout,
  optimiser: { ...standard.optimiser, averaging: 0 },
  patience: 2,
  shards: 'float32',
};

/**
 * The tutorial's own: one layer of 512 units, Adam, batches of 32 windows each from a state of zeros, ten epochs,
 * lower-case letters and digits. Its windows here have 64 characters of context where it learnt pairs, and words
 * stay apart: what is not alphanumeric becomes a space where the tutorial dropped it.
 */
const tutorial: Preset = {
  ...standard,
  about: 'the tutorial’s configuration: lower-case letters, digits and spaces, Adam, ten epochs',
  preparation: 'tutorial',
  batch: 32,
  length: 64,
  carryState: false,
  epochs: 10,
  learningRate: 1e-3, // Adam's default, and constant
  warmUp: 0,
  finalRate: 1,
  dropout: noDropout,
  optimiser: {
    weightDecay: 0,
    clipNorm: Number.MAX_VALUE,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
    averaging: 0,
  },
  patience: 10,
  shards: 'float32',
};

/** Presets whose settings are the same for every corpus. */
export const presets = { tiny, standard, tutorial } as const;

export type FixedPreset = keyof typeof presets;

/** `auto` chooses by the corpus: `auto.ts`. */
export type PresetName = FixedPreset | 'auto';

/** The first is the default. */
export const presetNames = ['auto', ...(Object.keys(presets) as FixedPreset[])] as const;

/** What a preset does, in one line for people. */
export const aboutPreset = (name: PresetName): string =>
  name === 'auto'
    ? 'chosen by the corpus: whether to start from the model that ships, layers, steps'
    : presets[name].about;
