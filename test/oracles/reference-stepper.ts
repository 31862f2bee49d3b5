import {
  type DenseLayer,
  type GruLayer,
  type LstmLayer,
  type Network,
  type NormalizationLayer,
  parameterCount,
  stateLength,
} from '../../src/model/network.ts';
import type { Stepper } from '../../src/model/stepper.ts';
import { activate } from './activations.ts';
import { plainStepper } from './plain-stepper.ts';

/**
 * The network's step as a textbook prints it: the judge of the kernel, slow and plain. Sums are made in float64,
 * state is kept in float32.
 *
 * Formulas: Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000, gates in Keras' order i f c o;
 * Cho et al. 2014 for the GRU, gates in Keras' order z r h, reset before or after the recurrent product.
 */
export const createReferenceStepper = (network: Network): Stepper => {
  const { vocabulary, layers, output } = network;

  /** Feeds one character to one run. @returns its logits [vocabulary] */
  const stepOne = (state: Float32Array, id: number): Float64Array => {
    let input = encode(network, id);
    let at = 0;
    for (const layer of layers) {
      if (layer.kind === 'dense' || layer.kind === 'normalization') {
        input = layer.kind === 'dense' ? denseStep(layer, input) : normalizationStep(layer, input);
        continue;
      }
      const h = state.subarray(at, at + layer.units);
      at += layer.units;
      if (layer.kind === 'lstm') {
        const c = state.subarray(at, at + layer.units);
        at += layer.units;
        lstmStep(layer, input, h, c);
      } else if (layer.kind === 'simple-rnn') {
        const sums = addProduct(
          addProduct(Float64Array.from(layer.bias), input, layer.kernel),
          h,
          layer.recurrent,
        );
        h.set(sums.map(activate[layer.activation]));
      } else {
        gruStep(layer, input, h);
      }
      input = h;
    }
    return addProduct(Float64Array.from(output.bias), input, output.kernel);
  };

  return plainStepper({
    precision: 'f32',
    vocabulary,
    stateLength: stateLength(network),
    weightBytes: 4 * parameterCount(network),
    stepOne,
  });
};

/** The first layer's input: [vocabulary] one-hot, or the character's row of the embedding [size]. */
const encode = ({ input, vocabulary }: Network, id: number): Float32Array => {
  if (input.kind === 'embedding') return input.table.subarray(id * input.size, (id + 1) * input.size);
  const oneHot = new Float32Array(vocabulary);
  oneHot[id] = 1;
  return oneHot;
};

/** `sums += x W` for x [inputs] and W [inputs, sums.length] row-major. */
const addProduct = (
  sums: Float64Array,
  x: ArrayLike<number>,
  matrix: Float32Array,
  from = 0,
): Float64Array => {
  const columns = matrix.length / x.length;
  for (let row = 0; row < x.length; row++) {
    const value = x[row]!;
    if (value === 0) continue;
    const start = row * columns + from;
    for (let i = 0; i < sums.length; i++) sums[i]! += value * matrix[start + i]!;
  }
  return sums;
};

const denseStep = ({ bias, kernel, activation }: DenseLayer, x: Float32Array): Float32Array =>
  Float32Array.from(addProduct(Float64Array.from(bias), x, kernel), activate[activation]);

const normalizationStep = ({ units, epsilon }: NormalizationLayer, x: Float32Array): Float32Array => {
  const mean = x.reduce((sum, value) => sum + value, 0) / units;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / units;
  return x.map((value) => (value - mean) / Math.sqrt(variance + epsilon));
};

/** One step of an LSTM layer: x [inputs]; h and c [units] are overwritten. */
const lstmStep = (layer: LstmLayer, x: Float32Array, h: Float32Array, c: Float32Array): void => {
  const { units } = layer;
  const act = activate[layer.activation];
  const gate = activate[layer.recurrentActivation];
  const sums = Float64Array.from(layer.bias); // [4 * units]
  addProduct(sums, x, layer.kernel);
  addProduct(sums, h, layer.recurrent);
  for (let u = 0; u < units; u++) {
    const i = gate(sums[u]!);
    const f = gate(sums[units + u]!);
    const candidate = act(sums[2 * units + u]!);
    const o = gate(sums[3 * units + u]!);
    c[u] = f * c[u]! + i * candidate;
    h[u] = o * act(c[u]!);
  }
};

/** One step of a GRU layer: x [inputs]; h [units] is overwritten. */
const gruStep = (layer: GruLayer, x: Float32Array, h: Float32Array): void => {
  const { units, resetAfter } = layer;
  const act = activate[layer.activation];
  const gate = activate[layer.recurrentActivation];
  const fromInput = addProduct(Float64Array.from(layer.bias), x, layer.kernel); // [3 * units]
  const fromState = Float64Array.from(layer.recurrentBias); // [3 * units]
  const gates = fromState.subarray(0, 2 * units);
  addProduct(gates, h, layer.recurrent);
  const z = Float64Array.from({ length: units }, (_, u) => gate(fromInput[u]! + gates[u]!));
  const r = Float64Array.from({ length: units }, (_, u) => gate(fromInput[units + u]! + gates[units + u]!));

  const candidates = fromState.subarray(2 * units); // [units]
  const seen = resetAfter ? h : h.map((value, u) => r[u]! * value);
  addProduct(candidates, seen, layer.recurrent, 2 * units);
  for (let u = 0; u < units; u++) {
    const recurrent = resetAfter ? r[u]! * candidates[u]! : candidates[u]!;
    h[u] = z[u]! * h[u]! + (1 - z[u]!) * act(fromInput[2 * units + u]! + recurrent);
  }
};
