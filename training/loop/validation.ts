import type { Corpus } from '../corpus/corpus.ts';
import type { FastLoop } from './fast-loop.ts';
import type { Handle, Kernels } from './kernels.ts';
import { freeState, zeroState } from './lstm-steps.ts';
import type { NetworkShape } from './network.ts';

const STREAMS = 64;
const WARM_UP = 256; // characters read before those that count, to give each stream its state
const CHUNK = 256; // characters

/**
 * Mean loss over every character of the held-out tail, in nats: the tail is cut into streams that are read side by
 * side, each starting from the state that the characters before it leave. Within a ten-thousandth of one reading
 * from end to end, which `evaluate` does, in a fiftieth of the time.
 */
export const validationLoss = (
  kernels: Kernels,
  loop: FastLoop,
  shape: NetworkShape,
  weights: readonly Handle[],
  corpus: Corpus,
): number => {
  const { ids } = corpus;
  const first = corpus.training.length; // the first character that is predicted
  const count = ids.length - first;
  const streams = Math.max(1, Math.min(STREAMS, Math.floor(count / WARM_UP)));
  const each = Math.ceil(count / streams);
  const warmUp = Math.min(WARM_UP, first - 1);
  let state = zeroState(kernels, shape, streams);
  let sum = 0;
  for (let from = -warmUp; from < each; from += CHUNK) {
    const length = Math.min(CHUNK, each - from);
    const inputs = new Int32Array(streams * length);
    const targets = new Int32Array(streams * length);
    for (let t = 0; t < length; t += 1) {
      for (let b = 0; b < streams; b += 1) {
        const target = Math.min(first + b * each + from + t, ids.length - 1);
        inputs[t * streams + b] = ids[target - 1]!;
        targets[t * streams + b] = ids[target]!;
      }
    }
    const result = loop.losses(weights, { batch: streams, length, inputs, targets }, state);
    state = result.state;
    for (let t = 0; t < length; t += 1) {
      for (let b = 0; b < streams; b += 1) {
        const counts = from + t >= 0 && b * each + from + t < count;
        if (counts) sum += result.losses[t * streams + b]!;
      }
    }
  }
  freeState(kernels, state);
  return sum / count;
};
