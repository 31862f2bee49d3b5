import { readNetwork } from '../model/format/layers-model.ts';
import { readManifest, Weights } from '../model/format/weights.ts';
import { firstLayer, type Layer, type Network } from '../model/network.ts';
import { type ParsedModel, SequentialBuilder } from './parsed-model.ts';
import type { Tensor } from './tensor.ts';

/** Weights by name as a model's reader takes them. */
const weightsOf = (tensors: ReadonlyMap<string, Tensor>): Weights => {
  // A layer's own weights may be scalars of counters; what has no values is none.
  const whole = [...tensors].filter(([, { values }]) => values.length > 0);
  const groups = readManifest(
    whole.map(([name, { shape }]) => ({ paths: ['weights'], weights: [{ name, shape, dtype: 'float32' }] })),
  );
  const data = whole.map(
    ([, { values }]) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
  return new Weights(groups, data);
};

/** The network that a file describes. @throws FolioError `model_invalid`, `model_unsupported` */
export const networkOf = ({ topology, weights }: ParsedModel): Network =>
  readNetwork(topology, weightsOf(weights));

/** A network's layers in tfjs' words: a Sequential that stock tfjs runs. */
const rebuild = (network: Network): Pick<ParsedModel, 'topology' | 'weights'> => {
  const { input, vocabulary, layers, output, maskZero = false } = network;
  const builder = new SequentialBuilder();
  if (input.kind === 'one-hot') builder.input([null, vocabulary]);
  else builder.input([null]).embedding({ shape: [vocabulary, input.size], values: input.table }, maskZero);
  for (const layer of layers) addLayer(builder, layer);
  builder.dense(
    { shape: [output.inputs, vocabulary], values: output.kernel },
    { shape: [vocabulary], values: output.bias },
    'softmax',
  );
  const { topology, weights } = builder.build();
  return { topology: usesKeras3(network) ? asKeras3(topology) : topology, weights };
};

const addLayer = (builder: SequentialBuilder, layer: Layer): void => {
  const { units, inputs } = layer;
  if (layer.kind === 'normalization') {
    const ones: Tensor = { shape: [units], values: new Float32Array(units).fill(1) };
    const zeros: Tensor = { shape: [units], values: new Float32Array(units) };
    builder.layerNormalization(ones, zeros, layer.epsilon);
    return;
  }
  const width = layer.bias.length;
  const kernel: Tensor = { shape: [inputs, width], values: layer.kernel };
  const bias: Tensor = { shape: [width], values: layer.bias };
  if (layer.kind === 'dense') {
    builder.dense(kernel, bias, layer.activation);
    return;
  }
  const recurrent: Tensor = { shape: [units, width], values: layer.recurrent };
  if (layer.kind === 'simple-rnn') {
    builder.recurrent('SimpleRNN', { kernel, recurrent, bias }, { activation: layer.activation });
    return;
  }
  const { activation, recurrentActivation } = layer;
  if (layer.kind === 'lstm') {
    builder.recurrent('LSTM', { kernel, recurrent, bias }, { activation, recurrentActivation });
    return;
  }
  const { resetAfter, recurrentBias } = layer;
  const both: Tensor = { shape: [2, width], values: Float32Array.from([...layer.bias, ...recurrentBias]) };
  builder.recurrent(
    'GRU',
    { kernel, recurrent, bias: resetAfter ? both : bias },
    { activation, recurrentActivation, resetAfter },
  );
};

const usesKeras3 = (network: Network): boolean =>
  [firstLayer(network), ...network.layers].some(
    (layer) =>
      ('activation' in layer && layer.activation === 'hardSigmoid6') ||
      ('recurrentActivation' in layer && layer.recurrentActivation === 'hardSigmoid6'),
  );

/**
 * Keras 3's hard_sigmoid is another function than the one that stock tfjs knows by the name. The topology then says that
 * Keras 3 wrote it, in words that stock tfjs refuses rather than compute another model.
 */
const asKeras3 = (topology: ParsedModel['topology']): ParsedModel['topology'] => {
  const text = JSON.stringify({ keras_version: '3.0.0', model_config: topology });
  return JSON.parse(text.replaceAll('"batch_input_shape"', '"batch_shape"')) as ParsedModel['topology'];
};

export interface LayersModelFiles {
  readonly modelTopology: unknown;
  readonly weightsManifest: unknown;
  /** By path, as the manifest names them. */
  readonly shards: ReadonlyMap<string, Uint8Array>;
}

const SHARD = 'weights-1-of-1.bin';

/** A network as a LayersModel: topology, manifest and one shard of float32. */
export const writeLayersModel = (network: Network): LayersModelFiles => {
  const { topology, weights } = rebuild(network);
  const specs = [...weights].map(([name, { shape }]) => ({ name, shape, dtype: 'float32' }));
  const length = [...weights.values()].reduce((sum, { values }) => sum + values.length, 0);
  const all = new Float32Array(length);
  let at = 0;
  for (const { values } of weights.values()) {
    all.set(values, at);
    at += values.length;
  }
  return {
    modelTopology: topology,
    weightsManifest: [{ paths: [SHARD], weights: specs }],
    shards: new Map([[SHARD, new Uint8Array(all.buffer)]]),
  };
};
