import type { TrainingPrecision } from '../../src/training-jobs/training-jobs.ts';
import { CompiledLoop } from '../../training/loop/compiled-loop.ts';
import { noDropout } from '../../training/loop/dropout.ts';
import { FastLoop } from '../../training/loop/fast-loop.ts';
import { Kernels } from '../../training/loop/kernels.ts';
import { freeState, zeroState } from '../../training/loop/lstm-steps.ts';
import { initialWeights, swapGates } from '../../training/loop/network.ts';
import { freshState, Optimiser } from '../../training/loop/optimiser.ts';
import { loadTensorFlow } from '../../training/loop/tensorflow.ts';
import type { Training, TrainingCase } from './pytorch.ts';
import { randomIds } from './tfjs-layers.ts';

/** The loop that `npm run train` runs: as one graph, or with its kernels called one by one. */
export const folioTraining = (
  { vocabulary, layers, units, batch, length }: TrainingCase,
  precision: TrainingPrecision,
  compiled = true,
): Training => {
  const kernels = new Kernels(loadTensorFlow());
  const shape = { vocabulary, embedding: 0, units: Array<number>(layers).fill(units) };
  const weights = initialWeights(kernels, shape, 1).map(swapGates);
  const optimiser = new Optimiser(
    kernels,
    weights.map((weight) => weight.shape),
    freshState(weights.map(({ values }) => values)),
    { weightDecay: 0, clipNorm: 1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, averaging: 0 },
  );
  const size = { batch, length };
  const graph = compiled
    ? new CompiledLoop(kernels, { shape, size, dropout: noDropout, precision, taught: false })
    : undefined;
  const loop = new FastLoop(kernels, shape, precision);
  const chunk = { batch, length, inputs: randomIds(batch * length), targets: randomIds(batch * length) };
  let state = zeroState(kernels, shape, batch);
  let seed = 0;
  const step = (): void => {
    seed += 1;
    const held = optimiser.weights();
    const result =
      graph?.gradients(held, chunk, state, seed) ?? loop.gradients(held, chunk, state, noDropout, seed);
    kernels.free(...held);
    state = result.state;
    if (!Number.isFinite(result.loss + optimiser.apply(result.gradients, 1e-3))) throw new Error('diverged');
  };
  return {
    rate: (steps) => {
      const start = performance.now();
      for (let count = 0; count < steps; count += 1) step();
      return (1000 * steps * batch * length) / (performance.now() - start);
    },
    close: () => {
      optimiser.dispose();
      graph?.dispose();
      freeState(kernels, state);
    },
  };
};
