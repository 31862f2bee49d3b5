import { boundedState } from '../../src/model/kernel/bounded-state.ts';
import { firstLayerTable } from '../../src/model/kernel/packing/first-layer.ts';
import {
  type Activation,
  firstLayer,
  type GruLayer,
  gateCount,
  type Layer,
  type LstmLayer,
  type Network,
  type NormalizationLayer,
  stateLength,
} from '../../src/model/network.ts';
import type { Stepper } from '../../src/model/stepper.ts';
import { plainStepper } from './plain-stepper.ts';
import {
  type QuantisedMatrix,
  quantiseInt4,
  quantiseMatrix,
  quantiseTable,
  STATE_LEVELS,
  wholeOf,
} from './quantise.ts';

const { fround } = Math;

/**
 * The int8 and the int4 kernel in plain TypeScript, bit for bit: the same whole numbers in any order of summation, and
 * the same float32 operations in the same order, each rounded by `Math.fround`.
 */
export const createQuantisedReferenceStepper = (
  network: Network,
  precision: 'int8' | 'int4' = 'int8',
): Stepper => {
  const { vocabulary, output } = network;
  const first = firstLayer(network);
  const table = quantiseTable(firstLayerTable(network), gateCount(first) * first.units);
  const quantise = precision === 'int4' ? quantiseInt4 : quantiseMatrix;
  const layers = network.layers.map((layer, index) => quantiseLayer(layer, index > 0, quantise));
  const dense = quantiseMatrix(output.kernel, vocabulary);

  const stepOne = (state: Float32Array, id: number): Float32Array => {
    let below: QuantisedVector | undefined;
    let values: Float32Array = new Float32Array(0); // of the layer below, before their quantisation
    let at = 0;
    for (const quantised of layers) {
      const { layer } = quantised;
      if (layer.kind === 'normalization') {
        values = normalizationStep(layer, values);
        below = quantiseVector(values, false);
        continue;
      }
      const sums =
        below === undefined
          ? tableRow(table, id, layer.bias)
          : addProduct(layer.bias.slice(), quantised.input!, below);
      if (layer.kind === 'dense') {
        values = sums.map(activations[layer.activation]);
        below = quantiseVector(values, quantised.bounded);
        continue;
      }
      const h = state.subarray(at, at + layer.units);
      at += layer.units;
      if (layer.kind === 'lstm') {
        const c = state.subarray(at, at + layer.units);
        at += layer.units;
        lstmStep(layer, quantised, sums, h, c);
      } else if (layer.kind === 'simple-rnn') {
        addProduct(sums, quantised.recurrent!, quantiseVector(h, quantised.bounded));
        h.set(sums.map(activations[layer.activation]));
      } else {
        gruStep(layer, quantised, sums, h);
      }
      values = h.slice();
      below = quantiseVector(h, quantised.bounded);
    }
    return addProduct(output.bias.slice(), dense, below!);
  };

  const matrices = [table, dense, ...layers.flatMap((layer) => layer.matrices)];
  return plainStepper({
    precision,
    vocabulary,
    stateLength: stateLength(network),
    weightBytes: matrices.reduce((sum, { values, scales }) => sum + values.byteLength + scales.byteLength, 0),
    stepOne,
  });
};

interface QuantisedLayer {
  readonly layer: Layer;
  readonly bounded: boolean;
  readonly input: QuantisedMatrix | undefined; // the first layer's is the table
  readonly recurrent: QuantisedMatrix | undefined; // of layers with a state
  readonly matrices: readonly QuantisedMatrix[];
}

const quantiseLayer = (
  layer: Layer,
  hasInput: boolean,
  quantise: (matrix: Float32Array, outputs: number) => QuantisedMatrix,
): QuantisedLayer => {
  const bounded = boundedState(layer);
  if (layer.kind === 'normalization') {
    return { layer, bounded, input: undefined, recurrent: undefined, matrices: [] };
  }
  const outputs = gateCount(layer) * layer.units;
  const input = hasInput ? quantise(layer.kernel, outputs) : undefined;
  const recurrent = layer.kind === 'dense' ? undefined : quantise(layer.recurrent, outputs);
  return {
    layer,
    bounded,
    input,
    recurrent,
    matrices: [input, recurrent].filter((matrix) => matrix !== undefined),
  };
};

/** Summed from the first unit to the last, as the kernel does. */
const normalizationStep = ({ units, epsilon }: NormalizationLayer, x: Float32Array): Float32Array => {
  const mean = fround(x.reduce((sum, value) => fround(sum + value), 0) / units);
  const differences = x.map((value) => fround(value - mean));
  const squares = differences.reduce((sum, value) => fround(sum + fround(value * value)), 0);
  const deviation = fround(Math.sqrt(fround(fround(squares / units) + fround(epsilon))));
  return differences.map((value) => fround(value / deviation));
};

interface QuantisedVector {
  readonly values: Int8Array; // -63 .. 63
  readonly scale: number;
}

/** `round(63 h / scale)`, ties to even as the rounding by addition of 1.5 * 2^23 has it. */
const quantiseVector = (h: Float32Array, bounded: boolean): QuantisedVector => {
  const scale = bounded ? 1 : largestOf(h);
  const factor = scale === 0 ? 0 : fround(STATE_LEVELS / scale);
  const values = Int8Array.from(h, (value) =>
    wholeOf(clip(fround(value * factor), -STATE_LEVELS, STATE_LEVELS)),
  );
  return { values, scale };
};

const largestOf = (values: Float32Array): number =>
  values.reduce((largest, value) => Math.max(largest, Math.abs(value) || 0), 0); // whatever is not a number is passed over

/** Not a number becomes `high`, as in the kernel. */
const clip = (t: number, low: number, high: number): number =>
  Number.isNaN(t) ? high : Math.max(low, Math.min(high, t));

/** bias + the character's row of the table */
const tableRow = (
  { values, scales, outputs }: QuantisedMatrix,
  id: number,
  bias: Float32Array,
): Float32Array => bias.map((value, i) => fround(value + fround(values[id * outputs + i]! * scales[i]!)));

/** `sums += W x`, for outputs `from` .. `from + sums.length`. */
const addProduct = (
  sums: Float32Array,
  { values, scales, outputs }: QuantisedMatrix,
  x: QuantisedVector,
  from = 0,
): Float32Array => {
  const whole = new Int32Array(sums.length);
  for (let input = 0; input < x.values.length; input++) {
    const value = x.values[input]!;
    const start = input * outputs + from;
    for (let i = 0; i < whole.length; i++) whole[i]! += value * values[start + i]!;
  }
  for (let i = 0; i < sums.length; i++) {
    const scaled = fround(fround(fround(whole[i]!) * scales[from + i]!) * x.scale);
    sums[i] = fround(sums[i]! + scaled);
  }
  return sums;
};

const lstmStep = (
  layer: LstmLayer,
  { recurrent, bounded }: QuantisedLayer,
  sums: Float32Array,
  h: Float32Array,
  c: Float32Array,
): void => {
  const { units, activation, recurrentActivation } = layer;
  addProduct(sums, recurrent!, quantiseVector(h, bounded));
  const usual = activation === 'tanh' && recurrentActivation === 'sigmoid';
  const act = activations[activation];
  const gate = activations[recurrentActivation];
  for (let u = 0; u < units; u++) {
    const [zi, zf, zg, zo] = [sums[u]!, sums[units + u]!, sums[2 * units + u]!, sums[3 * units + u]!];
    if (usual) {
      const i = fround(1 + decay(zi));
      const f = fround(1 + decay(zf));
      const g = decayTwice(zg);
      const ig = fround(i * fround(1 + g));
      const numerator = fround(fround(c[u]! * ig) + fround(fround(1 - g) * f));
      c[u] = fround(numerator / fround(f * ig));
      const o = fround(1 + decay(zo));
      const t = decayTwice(c[u]!);
      h[u] = fround(fround(1 - t) / fround(o * fround(1 + t)));
    } else {
      c[u] = fround(fround(gate(zf) * c[u]!) + fround(gate(zi) * act(zg)));
      h[u] = fround(gate(zo) * act(c[u]!));
    }
  }
};

const gruStep = (
  layer: GruLayer,
  { recurrent, bounded }: QuantisedLayer,
  sums: Float32Array,
  h: Float32Array,
): void => {
  const { units, resetAfter } = layer;
  const act = activations[layer.activation];
  const gate = activations[layer.recurrentActivation];
  const before = quantiseVector(h, bounded);
  const fromState = layer.recurrentBias.slice();
  const resets = (u: number): number => gate(fround(sums[units + u]! + fromState[units + u]!));
  if (resetAfter) {
    addProduct(fromState, recurrent!, before);
  } else {
    addProduct(fromState.subarray(0, 2 * units), recurrent!, before);
    const seen = h.map((value, u) => fround(resets(u) * value));
    addProduct(fromState.subarray(2 * units), recurrent!, quantiseVector(seen, bounded), 2 * units);
  }
  for (let u = 0; u < units; u++) {
    const z = gate(fround(sums[u]! + fromState[u]!));
    const state = fromState[2 * units + u]!;
    const candidate = act(fround(sums[2 * units + u]! + (resetAfter ? fround(resets(u) * state) : state)));
    h[u] = fround(fround(z * h[u]!) + fround(fround(1 - z) * candidate));
  }
};

/** Coefficients of (2^f - 1) / f, as in `kernel/assembly/gates.ts`. */
const [C1, C2, C3, C4, C5] = [
  Math.LN2,
  0.24022349038020388,
  0.05550381013796484,
  0.009666368515384533,
  0.0013381302537301026,
].map(fround) as [number, number, number, number, number];
const LOG2E = fround(Math.LOG2E);
const LIMIT = 40;

const bits = new DataView(new ArrayBuffer(4));

/** 2^(x factor) within 2^-40 .. 2^40 */
const power = (x: number, factor: number): number => {
  const t = clip(fround(x * factor), -LIMIT, LIMIT);
  const whole = wholeOf(t);
  const f = fround(t - whole);
  const square = fround(f * f);
  const p45 = fround(C4 + fround(f * C5));
  const p23 = fround(C2 + fround(f * C3));
  const p01 = fround(1 + fround(f * C1));
  const p = fround(p01 + fround(square * fround(p23 + fround(square * p45))));
  bits.setFloat32(0, p);
  bits.setInt32(0, bits.getInt32(0) + (whole << 23));
  return bits.getFloat32(0);
};

const decay = (x: number): number => power(x, -LOG2E);
const decayTwice = (x: number): number => power(x, fround(-2 * LOG2E));

const activations: Readonly<Record<Activation, (x: number) => number>> = {
  tanh: (x) => {
    const e = decayTwice(x);
    return fround(fround(1 - e) / fround(1 + e));
  },
  sigmoid: (x) => fround(1 / fround(1 + decay(x))),
  hardSigmoid: (x) => clip(fround(fround(x * fround(0.2)) + 0.5), 0, 1),
  hardSigmoid6: (x) => clip(fround(fround(x * fround(1 / 6)) + 0.5), 0, 1),
  relu: (x) => (Number.isNaN(x) ? 0 : Math.max(0, x)),
  linear: (x) => x,
};
