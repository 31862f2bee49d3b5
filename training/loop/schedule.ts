import type { FitSettings } from './fit-settings.ts';

/** Of the epochs and of the learning rate of a training from fresh weights. */
const EPOCHS = 1 / 3;
const RATE = 1 / 4;

/**
 * A straight rise, then half a cosine down to a share of the rate (Loshchilov and Hutter 2017, arXiv:1608.03983).
 *
 * @param step From 0. @param total Steps of the whole training.
 */
export const learningRate = (
  step: number,
  total: number,
  { learningRate: rate, warmUp, finalRate }: { learningRate: number; warmUp: number; finalRate: number },
): number => {
  const risen = Math.min(1, (step + 1) / Math.max(1, warmUp));
  const fallen = finalRate + (1 - finalRate) * 0.5 * (1 + Math.cos((Math.PI * step) / Math.max(1, total)));
  return rate * risen * fallen;
};

/** The schedule of a training that starts from other weights: the last third of one from fresh weights. */
export const fineTunedSchedule = (settings: FitSettings): FitSettings => ({
  ...settings,
  epochs: Math.max(1, Math.round(settings.epochs * EPOCHS)),
  learningRate: settings.learningRate * RATE,
  warmUp: Math.round(settings.warmUp * RATE),
});
