import { createModel, type ModelParts } from '../src/model/create-model.ts';
import { createAlphabet } from '../src/model/format/alphabet.ts';
import type { Model } from '../src/model/model.ts';
import { firstLayer, type Network } from '../src/model/network.ts';
import { Random } from '../src/model/sampling/random.ts';

/** A model of one small LSTM with random weights: what it writes is noise, but always the same. */
export const alphabetOfRandomModels = '\n abcdefghijklmnopqrstuvwxyz.,!?ABC';

const VOCABULARY = alphabetOfRandomModels.length;
const UNITS = 12;

/** Values of about the spread of a trained model's: [length]. */
const weightsOf = (random: Random, length: number, spread: number): Float32Array =>
  Float32Array.from({ length }, () => (random.uniform() - 0.5) * spread);

export const randomNetwork = (vocabulary = VOCABULARY, units = UNITS, seed = 5): Network => {
  const random = Random.fromSeed(seed);
  return {
    vocabulary,
    input: { kind: 'one-hot' },
    layers: [
      {
        kind: 'lstm',
        name: 'lstm',
        inputs: vocabulary,
        units,
        activation: 'tanh',
        recurrentActivation: 'sigmoid',
        kernel: weightsOf(random, vocabulary * 4 * units, 4),
        recurrent: weightsOf(random, units * 4 * units, 2),
        bias: weightsOf(random, 4 * units, 1),
      },
    ],
    output: {
      name: 'dense',
      inputs: units,
      kernel: weightsOf(random, units * vocabulary, 6),
      bias: weightsOf(random, vocabulary, 1),
    },
  };
};

export const randomModel = (parts: Partial<ModelParts> = {}): Model =>
  createModel({
    network: randomNetwork(),
    alphabet: createAlphabet(alphabetOfRandomModels, VOCABULARY),
    info: { name: 'tiny', version: '1', metadata: {} },
    digest: () => 'sha256:tiny',
    ...parts,
  });

export interface ModelFiles {
  modelTopology: {
    class_name: string;
    config: { name: string; layers: { class_name: string; config: Record<string, unknown> }[] };
    keras_version: string;
  };
  weightsManifest: { paths: string[]; weights: { name: string; shape: number[]; dtype: string }[] }[];
}

/** The same model as files, in the words of tfjs. */
export const randomFiles = (network = randomNetwork()): { json: ModelFiles; weights: Uint8Array } => {
  const { vocabulary, output } = network;
  const layer = firstLayer(network);
  const { units } = layer;
  const parts: [string, number[], Float32Array][] = [
    ['lstm/kernel', [vocabulary, 4 * units], layer.kernel],
    ['lstm/recurrent_kernel', [units, 4 * units], layer.recurrent],
    ['lstm/bias', [4 * units], layer.bias],
    ['dense/kernel', [units, vocabulary], output.kernel],
    ['dense/bias', [vocabulary], output.bias],
  ];
  const values = Float32Array.from(parts.flatMap(([, , part]) => [...part]));
  return {
    json: {
      modelTopology: {
        class_name: 'Sequential',
        config: {
          name: 'tiny',
          layers: [
            {
              class_name: 'LSTM',
              config: {
                name: 'lstm',
                units,
                activation: 'tanh',
                recurrent_activation: 'sigmoid',
                use_bias: true,
                return_sequences: true,
                batch_input_shape: [null, null, vocabulary],
              },
            },
            { class_name: 'Dense', config: { name: 'dense', units: vocabulary, activation: 'softmax' } },
          ],
        },
        keras_version: 'tfjs-layers 4.22.0',
      },
      weightsManifest: [
        {
          paths: ['weights.bin'],
          weights: parts.map(([name, shape]) => ({ name, shape, dtype: 'float32' })),
        },
      ],
    },
    weights: new Uint8Array(values.buffer),
  };
};

export const filesOf = (json: unknown, weights: Uint8Array): Record<string, Uint8Array> => ({
  'model.json': new TextEncoder().encode(JSON.stringify(json)),
  'weights.bin': weights,
});
