import type { Activation } from '../../src/model/network.ts';

/**
 * The activations a network may have, as stock tfjs computes them; `hardSigmoid` is Keras 2's
 * (`clip(0.2 x + 0.5, 0, 1)`), `hardSigmoid6` Keras 3's.
 */
export const activate: Readonly<Record<Activation, (x: number) => number>> = {
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  hardSigmoid: (x) => Math.min(1, Math.max(0, 0.2 * x + 0.5)),
  hardSigmoid6: (x) => Math.min(1, Math.max(0, x / 6 + 0.5)),
  relu: (x) => Math.max(0, x),
  linear: (x) => x,
};
