import { Halves } from '../src/model/format/halves.ts';
import type { LstmLayer, Network } from '../src/model/network.ts';

/** A Network of LSTM layers over one-hot characters, which every rival of the bench can run. */
export interface LstmNetwork extends Network {
  readonly layers: readonly LstmLayer[];
}

const VOCABULARY = 65;

/** The bench's models by name, layers x units. */
export const sizes = { '1x128': [128], '1x512': [512], '2x512': [512, 512], '3x1024': [1024, 1024, 1024] };

/**
 * Uniform weights of the size that training starts from, rounded to float16 as in what Folio publishes: rivals are given the
 * same numbers in float32. Speed depends on their number alone.
 */
export const benchNetwork = (units: readonly number[]): LstmNetwork => {
  let state = 1;
  const uniform = (length: number, limit: number): Float32Array =>
    Float32Array.from(
      Float16Array.from({ length }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator
        return (state / 2 ** 31 - 1) * limit;
      }),
    );
  let inputs = VOCABULARY;
  const layers = units.map((size, index): LstmLayer => {
    const limit = Math.sqrt(3 / size);
    const layer: LstmLayer = {
      kind: 'lstm',
      name: `lstm_${index + 1}`,
      inputs,
      units: size,
      activation: 'tanh',
      recurrentActivation: 'sigmoid',
      kernel: uniform(inputs * 4 * size, limit),
      recurrent: uniform(size * 4 * size, limit),
      bias: uniform(4 * size, 0.1),
    };
    inputs = size;
    return layer;
  });
  const output = {
    name: 'dense',
    inputs,
    kernel: uniform(inputs * VOCABULARY, Math.sqrt(3 / inputs)),
    bias: uniform(VOCABULARY, 0.1),
  };
  return { vocabulary: VOCABULARY, input: { kind: 'one-hot' }, layers, output };
};

/** The network as its artefact is read: matrices of float16. */
export const published = (network: LstmNetwork): Network<Halves> => {
  const halves = (name: string, values: Float32Array): Halves =>
    new Halves(name, new Uint8Array(Float16Array.from(values).buffer));
  return {
    ...network,
    layers: network.layers.map((layer) => ({
      ...layer,
      kernel: halves(`${layer.name}/kernel`, layer.kernel),
      recurrent: halves(`${layer.name}/recurrent_kernel`, layer.recurrent),
    })),
    output: { ...network.output, kernel: halves('dense/kernel', network.output.kernel) },
  };
};

/** The same network with a share of the blocks of 32 outputs by 4 inputs of each matrix that is multiplied set to zero. */
export const pruned = (network: LstmNetwork, share: number): LstmNetwork => {
  let state = 1;
  const prune = (matrix: Float32Array, outputs: number): Float32Array => {
    const left = matrix.slice();
    for (let output = 0; output < outputs; output += 32) {
      for (let at = output; at < left.length; at += 4 * outputs) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        if (state >= share * 2 ** 32) continue;
        for (let row = at; row < Math.min(at + 4 * outputs, left.length); row += outputs) {
          left.fill(0, row, Math.min(row + 32, row - output + outputs));
        }
      }
    }
    return left;
  };
  const layers = network.layers.map((layer, index) => ({
    ...layer,
    kernel: index === 0 ? layer.kernel : prune(layer.kernel, 4 * layer.units),
    recurrent: prune(layer.recurrent, 4 * layer.units),
  }));
  return { ...network, layers };
};

/** Weights that one step must read: all but the rows of the other characters. */
export const weightsPerStep = ({ layers, output }: LstmNetwork): number =>
  layers.reduce(
    (sum, { kernel, recurrent, bias, units }, index) =>
      sum + (index === 0 ? 4 * units : kernel.length) + recurrent.length + bias.length,
    output.kernel.length + output.bias.length,
  );

/** The likeliest next character: what every rival does with its logits. */
export const argmax = (logits: ArrayLike<number>, from = 0, length = logits.length): number => {
  let best = 0;
  for (let i = 1; i < length; i++) if (logits[from + i]! > logits[from + best]!) best = i;
  return best;
};
