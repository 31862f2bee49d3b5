import type { Dropout } from '../dropout.ts';
import type { DistillationSettings, FitSettings } from '../fit-settings.ts';

/** docs/experiments.md has what was tried. */
const distillation: DistillationSettings = { ownCharacter: 0.3, generated: 0.4 };

const DROPOUT = 0.05;
/** What the teachers expect regularises already: more of it keeps a network from learning it. */
export const distilledDropout: Dropout = {
  ...{ input: 0, between: DROPOUT, output: DROPOUT, recurrent: DROPOUT, perSequence: true },
};

/** A preset's settings for a training with teachers. */
export const taught = (settings: FitSettings): FitSettings => ({
  ...settings,
  dropout: distilledDropout,
  optimiser: { ...settings.optimiser, weightDecay: 0 },
  distillation,
});
