import { Random } from '../../src/model/sampling/random.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { lineStartOf } from './chunks.ts';
import type { FastLoop } from './fast-loop.ts';
import type { Handle, Kernels } from './kernels.ts';
import { freeState, zeroState } from './lstm-steps.ts';
import type { NetworkShape } from './network.ts';

const LENGTH = 200; // characters

/** A short text by the weights as they stand, to be watched while training; it begins as generation does. */
export const sample = (
  kernels: Kernels,
  loop: FastLoop,
  shape: NetworkShape,
  weights: readonly Handle[],
  corpus: Corpus,
  temperature: number,
  seed: number,
): string => {
  const random = Random.fromSeed(seed);
  let id = lineStartOf(corpus.alphabet) ?? 0;
  let state = zeroState(kernels, shape, 1);
  let text = '';
  for (let count = 0; count < LENGTH; count += 1) {
    const result = loop.logits(weights, id, state);
    state = result.state;
    id = pick(result.logits, temperature, random);
    text += corpus.alphabet[id];
  }
  freeState(kernels, state);
  return text;
};

/** Draws a character by a softmax of the logits over the temperature; 0 takes the likeliest. */
export const pick = (logits: Float32Array, temperature: number, random: Random): number => {
  const max = logits.reduce((a, b) => Math.max(a, b));
  if (temperature === 0) return logits.indexOf(max);
  const weights = Array.from(logits, (logit) => Math.exp((logit - max) / temperature));
  let left = random.uniform() * weights.reduce((a, b) => a + b);
  const found = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return found === -1 ? logits.indexOf(max) : found;
};
