import type { Halves } from '../format/halves.ts';
import type { Activation, Layer } from '../network.ts';

const withinZeroAndOne: ReadonlySet<Activation> = new Set(['sigmoid', 'hardSigmoid', 'hardSigmoid6']);
const withinOne: ReadonlySet<Activation> = /* @__PURE__ */ new Set(['tanh', ...withinZeroAndOne]);

/** Whether a layer's output is small whatever its weights: a normalization's is below the root of its units. */
export const boundedOutput = (layer: Layer<Halves>): boolean =>
  layer.kind === 'normalization' || boundedState(layer);

/** Whether |h| <= 1 in every step from zeros, so that one scale serves for its 7 bits. */
export const boundedState = (layer: Layer<Halves>): boolean => {
  if (layer.kind === 'normalization' || !withinOne.has(layer.activation)) return false;
  if (layer.kind === 'lstm') return withinOne.has(layer.recurrentActivation);
  return layer.kind !== 'gru' || withinZeroAndOne.has(layer.recurrentActivation);
};
