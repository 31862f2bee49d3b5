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
