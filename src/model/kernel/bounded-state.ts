import type { Activation, RecurrentLayer } from '../network.ts';

const withinOne: ReadonlySet<Activation> = new Set(['tanh', 'sigmoid', 'hardSigmoid']);
const withinZeroAndOne: ReadonlySet<Activation> = new Set(['sigmoid', 'hardSigmoid']);

/** Whether |h| <= 1 in every step from zeros, so that one scale serves for its 7 bits. */
export const boundedState = ({ kind, activation, recurrentActivation }: RecurrentLayer): boolean =>
  withinOne.has(activation) && (kind === 'lstm' ? withinOne : withinZeroAndOne).has(recurrentActivation);
