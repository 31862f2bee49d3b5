import fc from 'fast-check';
import type { Activation, Layer, Network } from '../src/model/network.ts';

/** A small fast generator of the tests' own (mulberry32): the project's is under test elsewhere. */
export const numbers = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

export interface LayerShape {
  /** A first layer that is not recurrent becomes an LSTM. */
  readonly kind: Layer['kind'];
  readonly units: number;
  readonly activation?: Activation;
  readonly recurrentActivation?: Activation;
  readonly resetAfter?: boolean;
}

export interface NetworkShape {
  readonly vocabulary: number;
  /** Absent for one-hot input. */
  readonly embedding?: number | undefined;
  readonly layers: readonly LayerShape[];
  readonly seed: number;
}

/** A network of normal weights, scaled by 1 / sqrt(inputs) so that it neither dies nor blows up. */
export const randomNetwork = ({ vocabulary, embedding, layers, seed }: NetworkShape): Network => {
  const next = numbers(seed);
  const normal = (length: number, deviation: number): Float32Array =>
    Float32Array.from({ length }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - next()));
      return deviation * radius * Math.cos(2 * Math.PI * next());
    });
  let inputs = embedding ?? vocabulary;
  const input: Network['input'] =
    embedding === undefined
      ? { kind: 'one-hot' }
      : { kind: 'embedding', name: 'embedding', size: embedding, table: normal(vocabulary * embedding, 0.7) };
  const made = layers.map((shape, index): Layer => {
    const { units: wanted, activation = 'tanh', recurrentActivation = 'sigmoid', resetAfter = true } = shape;
    const stateless = shape.kind === 'dense' || shape.kind === 'normalization';
    const kind = index === 0 && stateless ? 'lstm' : shape.kind;
    const name = `${kind}_${index + 1}`;
    if (kind === 'normalization') return { kind, name, inputs, units: inputs, epsilon: 1e-3 };
    const units = wanted;
    const outputs = (kind === 'lstm' ? 4 : kind === 'gru' ? 3 : 1) * units;
    const spread = index === 0 && embedding === undefined ? 0.8 : 1 / Math.sqrt(inputs);
    const kernel = normal(inputs * outputs, spread);
    const recurrent = kind === 'dense' ? kernel : normal(units * outputs, 1 / Math.sqrt(units));
    const common = { name, inputs, units, activation, kernel, bias: normal(outputs, 0.3) };
    inputs = units;
    if (kind === 'dense') return { kind, ...common };
    if (kind === 'simple-rnn') return { kind, ...common, recurrent };
    if (kind === 'lstm') return { kind, ...common, recurrent, recurrentActivation };
    const recurrentBias = resetAfter ? normal(outputs, 0.3) : new Float32Array(outputs);
    return { kind, ...common, recurrent, recurrentActivation, resetAfter, recurrentBias };
  });
  const output = {
    name: 'dense',
    inputs,
    kernel: normal(inputs * vocabulary, 1 / Math.sqrt(inputs)),
    bias: normal(vocabulary, 0.3),
  };
  return { vocabulary, input, layers: made, output };
};

/** The same network with the last bits of its weights changed, up or down by chance. */
export const nudged = (network: Network, seed: number): Network => {
  const next = numbers(seed);
  const copy = (value: unknown): unknown => {
    if (value instanceof Float32Array) return value.map((x) => x * (1 + (next() < 0.5 ? 1 : -1) * 2 ** -23));
    if (Array.isArray(value)) return value.map(copy);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
  };
  return copy(network) as Network;
};

/** Sets a share of the blocks of 32 outputs by 4 inputs of every matrix that is multiplied to zero, in place. */
export const prune = (network: Network, share: number, seed: number): Network => {
  const next = numbers(seed);
  const pruneMatrix = (matrix: Float32Array, inputs: number, units: number): void => {
    const outputs = matrix.length / inputs;
    for (let gate = 0; gate < outputs; gate += units) {
      for (let output = gate; output < gate + units; output += 32) {
        for (let input = 0; input < inputs; input += 4) {
          if (next() >= share) continue;
          for (let i = input; i < Math.min(input + 4, inputs); i++) {
            matrix.fill(0, i * outputs + output, i * outputs + Math.min(output + 32, gate + units));
          }
        }
      }
    }
  };
  for (const [index, layer] of network.layers.entries()) {
    if (layer.kind === 'normalization') continue;
    if (index > 0) pruneMatrix(layer.kernel, layer.inputs, layer.units);
    if (layer.kind !== 'dense') pruneMatrix(layer.recurrent, layer.units, layer.units);
  }
  pruneMatrix(network.output.kernel, network.output.inputs, network.vocabulary);
  return network;
};

const activation = fc.constantFrom<Activation>(
  'tanh',
  'sigmoid',
  'hardSigmoid',
  'hardSigmoid6',
  'relu',
  'linear',
);

/** Shapes over the whole family, usual ones more often; sizes on and off multiples of the lanes. */
export const networkShape = ({ units = 40 } = {}): fc.Arbitrary<NetworkShape> =>
  fc.record({
    vocabulary: fc.integer({ min: 1, max: 70 }),
    embedding: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
    layers: fc.array(
      fc.record({
        kind: fc.constantFrom<Layer['kind']>(
          'lstm',
          'gru',
          'lstm',
          'gru',
          'simple-rnn',
          'dense',
          'normalization',
        ),
        units: fc.integer({ min: 1, max: units }),
        activation: fc.oneof({ weight: 2, arbitrary: fc.constant<Activation>('tanh') }, activation),
        recurrentActivation: fc.oneof(
          { weight: 2, arbitrary: fc.constant<Activation>('sigmoid') },
          activation,
        ),
        resetAfter: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    seed: fc.nat(),
  });
