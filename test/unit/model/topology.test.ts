import { describe, expect, it } from 'vitest';
import { openModel } from '../../../src/model/open-model.ts';
import { filesOf, type ModelFiles, randomFiles } from '../../random-model.ts';

type Layers = ModelFiles['modelTopology']['config']['layers'];

/** The random model with other layers about the same weights: its greedy text, or what it is refused with. */
const write = async (
  change: (layers: Layers, json: ModelFiles) => void = () => undefined,
): Promise<string> => {
  const { json, weights } = randomFiles();
  change(json.modelTopology.config.layers, json);
  const files = filesOf(json, weights);
  const model = await openModel((file) => Promise.resolve(files[file]), { precision: 'f32' });
  return (await model.complete({ prompt: '3 1 4', length: 30, temperature: 0 }).result()).choices[0]!.text;
};

const layer = (className: string, config: Record<string, unknown> = {}) => ({
  class_name: className,
  config: { name: className.toLowerCase(), ...config },
});

/** The same layers as a functional model, each fed as `source` writes it. */
const functional = (layers: Layers, json: ModelFiles, source: (name: string) => unknown): void => {
  const chain = [layer('InputLayer', { name: 'ids' }), ...layers];
  const names = chain.map(({ config }) => config.name as string);
  Object.assign(json.modelTopology, {
    class_name: 'Functional',
    config: {
      name: 'functional',
      layers: chain
        .map((one, i) => ({ ...one, name: names[i], inbound_nodes: i === 0 ? [] : [source(names[i - 1]!)] }))
        .toReversed(),
      input_layers: ['ids', 0, 0],
      output_layers: [['dense', 0, 0]],
    },
  });
};

const keras3 = (name: string) => ({
  args: [{ class_name: '__keras_tensor__', config: { keras_history: [name, 0, 0] } }],
  kwargs: { training: false },
});

describe('the same network', () => {
  it.each<[string, (layers: Layers, json: ModelFiles) => void]>([
    [
      'with layers that only training knows',
      (layers) => layers.splice(1, 0, layer('Dropout'), layer('GaussianNoise')),
    ],
    [
      'that gives its last step only',
      (layers) => Object.assign(layers[0]!.config, { return_sequences: false }),
    ],
    ['without its softmax', (layers) => Object.assign(layers[1]!.config, { activation: 'linear' })],
    [
      'with a softmax of its own',
      (layers) => {
        Object.assign(layers[1]!.config, { activation: null });
        layers.push(layer('Softmax', { axis: -1 }));
      },
    ],
    [
      'with its softmax as an activation',
      (layers) => {
        Object.assign(layers[1]!.config, { activation: 'linear' });
        layers.push(layer('Activation', { activation: { class_name: 'function', config: 'softmax' } }));
      },
    ],
    [
      'with its Dense in a wrapper',
      (layers) => {
        layers[1] = layer('TimeDistributed', { name: 'each', layer: layers[1] });
      },
    ],
    [
      'within another model',
      (layers) => {
        const [first] = layers;
        layers[0] = { class_name: 'Sequential', config: { name: 'inner', layers: [first] } };
      },
    ],
    [
      'as a list of layers, as Keras once wrote it',
      (layers, json) => {
        Object.assign(json.modelTopology, { config: layers });
      },
    ],
    [
      'in the converter’s frame',
      (_, json) => {
        const { class_name, config } = json.modelTopology;
        Object.assign(json, {
          modelTopology: { keras_version: '2.15.0', model_config: { class_name, config } },
        });
      },
    ],
    [
      'as a functional model of Keras 2',
      (layers, json) => functional(layers, json, (name) => [[name, 0, 0, {}]]),
    ],
    ['as a functional model of Keras 3', (layers, json) => functional(layers, json, keras3)],
  ])('%s writes the same text', async (_, change) => {
    expect(await write(change)).toBe(await write());
  });
});

describe('a network that is none of the family', () => {
  it.each<[string, (layers: Layers, json: ModelFiles) => void, string]>([
    [
      'a recurrent layer after a last step',
      (layers) => {
        Object.assign(layers[0]!.config, { return_sequences: false });
        layers.splice(1, 0, layer('LSTM', { units: 3 }));
      },
      'lstm.return_sequences',
    ],
    ['a softmax over time', (layers) => layers.push(layer('Softmax', { axis: 1 })), 'softmax.axis'],
    ['two softmaxes', (layers) => layers.push(layer('Softmax')), 'softmax.class_name'],
    [
      'a Dense after a Dense',
      (layers) => layers.push(layer('Dense', { name: 'second', units: 2 })),
      'dense.activation',
    ],
    ['a Dense alone', (layers) => layers.shift(), 'dense.class_name'],
    [
      'an initial state in a keyword',
      (layers, json) =>
        functional(layers, json, (name) => ({
          ...keras3(name),
          kwargs: {
            initial_state: [{ class_name: '__keras_tensor__', config: { keras_history: ['ids', 0, 1] } }],
          },
        })),
      'dense.initial_state',
    ],
    [
      'an initial state in a keyword of Keras 2',
      (layers, json) => functional(layers, json, (name) => [[name, 0, 0, { state: [['ids', 0, 1]] }]]),
      'dense.keywords',
    ],
    ['no Dense', (layers) => layers.pop(), 'layers'],
    [
      'five recurrent layers',
      (layers) =>
        Object.assign(layers[0]!, {
          class_name: 'RNN',
          config: {
            name: 'rnn',
            cell: layer('StackedRNNCells', { cells: new Array(5).fill(layer('LSTMCell')) }),
          },
        }),
      'rnn.cells',
    ],
    [
      'a cell of another kind',
      (layers) =>
        Object.assign(layers[0]!, {
          class_name: 'RNN',
          config: { name: 'rnn', cell: layer('ConvLSTM2DCell') },
        }),
      'rnn.cell.class_name',
    ],
    [
      'two inputs of one layer',
      (layers, json) =>
        functional(layers, json, (name) => [
          [name, 0, 0],
          ['ids', 0, 0],
        ]),
      'dense.class_name',
    ],
    [
      'a state as an input',
      (layers, json) => functional(layers, json, (name) => [[name, 0, 1]]),
      'dense.inbound_nodes',
    ],
  ])('%s is refused by name', async (_, change, where) => {
    await expect(write(change)).rejects.toMatchObject({
      code: expect.stringMatching(/^model_(unsupported|invalid)$/),
      details: { where },
    });
  });
});
