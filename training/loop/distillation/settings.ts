import type { DistillationSettings, FitSettings } from '../fit-settings.ts';

/** docs/experiments.md has what was tried. */
const distillation: DistillationSettings = { ownCharacter: 0.3, generated: 0.4 };

/** What the teachers expect regularises already: more of it keeps a network from learning it. */
const DROPOUT = 0.05;

/** A preset's settings for a training with teachers. */
export const taught = (settings: FitSettings): FitSettings => ({
  ...settings,
  dropout: { input: 0, between: DROPOUT, output: DROPOUT, recurrent: DROPOUT, perSequence: true },
  optimiser: { ...settings.optimiser, weightDecay: 0 },
  distillation,
});
