import type { Network } from '../network.ts';
import { floatsOf, type Halves } from './halves.ts';
import { countAt, invalid, type Json, phrase, unsupported } from './invalid.ts';
import { kerasPaths } from './keras-paths.ts';
import { LayerWeights, type Place } from './layer-weights.ts';
import { type Affine, NetworkBuilder } from './network-builder.ts';
import { activationName, type Cell, cellsOf, namedActivation, readActivation } from './recurrent-config.ts';
import { type ChainLayer, readTopology, type Topology } from './topology.ts';
import type { Weights } from './weights.ts';

/** Layers that do nothing once a model is trained. */
const idle = new Set([
  'InputLayer',
  'Dropout',
  'SpatialDropout1D',
  'GaussianDropout',
  'GaussianNoise',
  'AlphaDropout',
  'ActivityRegularization',
  'Identity',
]);

const MAX_UNITS = 4096;

/**
 * Makes a LayersModel of the family that Folio runs into plain checked arrays: one-hot or Embedding input, 1 to 4
 * LSTM, GRU or SimpleRNN layers (or cells), Dense, LayerNormalization and BatchNormalization among them, and a Dense
 * that gives the characters, with a softmax or without.
 *
 * @throws FolioError `model_invalid` for files that contradict themselves; `model_unsupported`, naming layer,
 * property and value, for what cannot be run
 */
export const readNetwork = <Encoded extends Halves = never>(
  modelTopology: unknown,
  weights: Weights<Encoded>,
): Network<Encoded> => {
  const topology = readTopology(modelTopology);
  const reader = new LayerReader(weights, topology);
  for (const layer of topology.layers) reader.read(layer);
  return reader.finish();
};

class LayerReader<Encoded extends Halves> {
  readonly #weights: LayerWeights<Encoded>;
  readonly #kerasMajor: number;
  readonly #network = new NetworkBuilder<Encoded>();
  /** Names of the layers whose weights were read. */
  readonly #read: string[] = [];
  /** A recurrent layer gave its last step only: no recurrent layer can follow. */
  #lastStepOnly: string | undefined;

  constructor(weights: Weights<Encoded>, { name, layerNames, model, kerasMajor }: Topology) {
    let paths: ReadonlyMap<string, string> | undefined; // few models need them
    const kerasNames = (): ReadonlyMap<string, string> => {
      paths ??= kerasPaths(model);
      return paths;
    };
    this.#weights = new LayerWeights(weights, name, layerNames, kerasNames);
    this.#kerasMajor = kerasMajor;
  }

  read(layer: ChainLayer): void {
    const { className, name, config } = layer;
    if (idle.has(className)) return;
    if (!isEnd(className)) this.#network.settle(name);
    this.#read.push(name);
    if (className === 'Embedding') this.#readEmbedding(layer);
    else if (isRecurrent(className)) this.#readRecurrentLayer(layer);
    else if (className === 'Dense') this.#readDense(layer);
    else if (className === 'LayerNormalization') this.#readLayerNormalization(layer);
    else if (className === 'BatchNormalization') this.#readBatchNormalization(layer);
    else if (className === 'Activation') this.#readActivation(config.activation, `${name}.activation`);
    else if (className === 'ReLU') this.#readRelu(layer);
    else if (className === 'OneHot' || className === 'CategoryEncoding') this.#readOneHot(layer);
    else if (className === 'Reshape') this.#readReshape(layer);
    else if (className === 'Softmax') {
      const axis = config.axis ?? -1;
      // Over time unless there is but one step of it.
      const overCharacters = axis === -1 || axis === (this.#lastStepOnly === undefined ? 2 : 1);
      if (!overCharacters) throw unsupported(`${name}.axis`, '-1', axis);
      this.#network.softmax(`${name}.class_name`);
    } else {
      throw unsupported(
        `${name}.class_name`,
        'Embedding, LSTM, GRU, SimpleRNN, RNN, Dense, LayerNormalization, BatchNormalization, Activation, Softmax, ' +
          'Dropout or TimeDistributed',
        className,
      );
    }
  }

  finish(): Network<Encoded> {
    const network = this.#network.finish();
    this.#weights.checkAllRead(this.#read);
    return network;
  }

  #readEmbedding({ name, config, scopes }: ChainLayer): void {
    if (!this.#network.empty) {
      throw unsupported(`${name}.class_name`, 'an Embedding as the first layer only', phrase('Embedding'));
    }
    const rows = countAt(config.input_dim, `${name}.input_dim`);
    const size = countAt(config.output_dim, `${name}.output_dim`);
    const table = this.#weights.takeAdapted(scopes, 'embeddings', [rows, size], config.lora_alpha);
    this.#network.embedding(name, size, floatsOf(table), config.mask_zero === true);
  }

  #readRecurrentLayer(layer: ChainLayer): void {
    const { className, name, config, scopes } = layer;
    if (this.#lastStepOnly !== undefined) {
      throw invalid(`${this.#lastStepOnly}.return_sequences`, `true, as ${name} follows`, false);
    }
    for (const property of ['go_backwards', 'time_major', 'zero_output_for_mask']) {
      if (config[property] === true) throw unsupported(`${name}.${property}`, 'false', true);
    }
    const cells = className === 'RNN' ? cellsOf(config, name) : [{ className, config }];
    cells.forEach((cell, index) => {
      const places = cells.length > 1 ? { cell, index, count: cells.length } : undefined;
      this.#readCell(cell, scopes, cells.length > 1 ? `${name}.cells[${index}]` : name, places);
    });
    if (config.return_sequences !== true) this.#lastStepOnly = name;
  }

  #readCell(cell: Cell, scopes: readonly string[], name: string, place: Place | undefined): void {
    const { className, config } = cell;
    const units = unitsOf(config, name);
    const inputs = this.#network.width ?? this.#weights.inputsOf(scopes, place);
    const activation = readActivation(config, 'activation', name, this.#kerasMajor);
    const gates = className.startsWith('LSTM') ? 4 : className.startsWith('GRU') ? 3 : 1;
    const width = gates * units;
    const kernel = this.#weights.takeMatrix(scopes, 'kernel', [inputs, width], place);
    const recurrent = this.#weights.takeMatrix(scopes, 'recurrent_kernel', [units, width], place);
    const useBias = config.use_bias !== false;
    const biasOf = (shape: readonly number[]): Float32Array =>
      this.#weights.take(scopes, 'bias', shape, place);
    const common = { name, inputs, units, activation, kernel, recurrent };
    if (gates === 1) {
      const bias = useBias ? biasOf([width]) : new Float32Array(width);
      this.#network.recurrent({ kind: 'simple-rnn', ...common, bias });
      return;
    }
    const recurrentActivation = readActivation(config, 'recurrent_activation', name, this.#kerasMajor);
    if (gates === 4) {
      const bias = useBias ? biasOf([width]) : new Float32Array(width);
      this.#network.recurrent({ kind: 'lstm', ...common, recurrentActivation, bias });
      return;
    }
    const found = useBias ? this.#weights.find(scopes, 'bias', place) : undefined;
    // tfjs writes `reset_after`; in files older than the property the bias says it.
    const resetAfter =
      typeof config.reset_after === 'boolean' ? config.reset_after : found?.shape.length === 2;
    const biases = useBias ? biasOf(resetAfter ? [2, width] : [width]) : new Float32Array(2 * width);
    this.#network.recurrent({
      kind: 'gru',
      ...common,
      recurrentActivation,
      resetAfter,
      bias: biases.slice(0, width),
      recurrentBias: resetAfter ? biases.slice(width, 2 * width) : new Float32Array(width),
    });
  }

  #readDense({ name, config, scopes }: ChainLayer): void {
    const units = countAt(config.units, `${name}.units`);
    const inputs = this.#network.width ?? this.#weights.inputsOf(scopes);
    const kernel = this.#weights.takeAdapted(scopes, 'kernel', [inputs, units], config.lora_alpha);
    const bias =
      config.use_bias === false ? new Float32Array(units) : this.#weights.take(scopes, 'bias', [units]);
    const where = `${name}.activation`;
    const given = activationName(config.activation, where);
    const softmax = given === 'softmax';
    if (softmax && this.#network.recurrentCount === 0) {
      throw unsupported(`${name}.class_name`, 'a recurrent layer before it', phrase('Dense'));
    }
    const activation = softmax ? 'linear' : namedActivation(given, where, this.#kerasMajor);
    this.#network.dense({ name, inputs, units, activation, kernel, bias });
    if (softmax) this.#network.softmax(where);
  }

  /** An activation that is a layer of its own. */
  #readActivation(value: unknown, where: string): void {
    const name = activationName(value, where);
    if (name === 'softmax') this.#network.softmax(where);
    else this.#network.activation(where, namedActivation(name, where, this.#kerasMajor));
  }

  #readRelu({ name, config }: ChainLayer): void {
    const { max_value: most, negative_slope: slope, threshold } = config;
    if ((most ?? null) !== null || (slope ?? 0) !== 0 || (threshold ?? 0) !== 0) {
      throw unsupported(
        `${name}.class_name`,
        'a ReLU without limit, slope and threshold',
        phrase('another ReLU'),
      );
    }
    this.#network.activation(`${name}.class_name`, 'relu');
  }

  #readLayerNormalization({ name, config, scopes }: ChainLayer): void {
    const affine = this.#readAffine(name, config, scopes);
    if (config.rms_scaling === true) throw unsupported(`${name}.rms_scaling`, 'false', true);
    this.#network.normalization(name, affine.scale.length, epsilonOf(config, name), affine);
  }

  #readBatchNormalization({ name, config, scopes }: ChainLayer): void {
    const { scale, shift } = this.#readAffine(name, config, scopes);
    const units = scale.length;
    const mean = this.#weights.take(scopes, 'moving_mean', [units]);
    const variance = this.#weights.take(scopes, 'moving_variance', [units]);
    const epsilon = epsilonOf(config, name);
    const whole = scale.map((value, i) => value / Math.sqrt(variance[i]! + epsilon));
    this.#network.affine(name, units, {
      scale: whole,
      shift: shift.map((value, i) => value - mean[i]! * whole[i]!),
    });
  }

  /** Gamma and beta of a normalization over the last axis. */
  #readAffine(name: string, config: Json, scopes: readonly string[]): Affine {
    const axis =
      Array.isArray(config.axis) && config.axis.length === 1 ? config.axis[0] : (config.axis ?? -1);
    if (axis !== -1 && axis !== 2) throw unsupported(`${name}.axis`, '-1', axis);
    const role = ['gamma', 'beta', 'moving_mean'].find((one) => this.#weights.has(scopes, one));
    const found = role === undefined ? 0 : (this.#weights.find(scopes, role).shape[0] ?? 0);
    const units = this.#network.width ?? found;
    const ones = new Float32Array(units).fill(1);
    return {
      scale: config.scale === false ? ones : this.#weights.take(scopes, 'gamma', [units]),
      shift: config.center === false ? new Float32Array(units) : this.#weights.take(scopes, 'beta', [units]),
    };
  }

  /** Ids made one-hot within the model: the same input by another way. */
  #readOneHot({ name, className, config }: ChainLayer): void {
    if (!this.#network.empty) throw unsupported(`${name}.class_name`, 'one-hot as the input', className);
    const mode = config.output_mode ?? 'one_hot';
    if (className === 'CategoryEncoding' && mode !== 'one_hot') {
      throw unsupported(`${name}.output_mode`, '"one_hot"', mode);
    }
  }

  /** A Reshape that leaves the last axis as it is leaves every step as it is. */
  #readReshape({ name, config }: ChainLayer): void {
    const target = Array.isArray(config.target_shape) ? config.target_shape : [];
    const width = this.#network.width;
    const kept = target.at(-1) === width || (width === undefined && target.length === 2);
    if (target.length < 1 || target.length > 2 || !kept) {
      throw unsupported(`${name}.target_shape`, 'the shape that it has', target);
    }
  }
}

/** Layers that go on with a Dense instead of following it. */
const isEnd = (className: string): boolean =>
  className === 'Activation' || className === 'ReLU' || className === 'Softmax';

const isRecurrent = (className: string): boolean =>
  className === 'LSTM' || className === 'GRU' || className === 'SimpleRNN' || className === 'RNN';

const unitsOf = (config: Json, name: string): number => {
  const units = countAt(config.units, `${name}.units`);
  if (units > MAX_UNITS) throw unsupported(`${name}.units`, `1 to ${MAX_UNITS}`, units);
  return units;
};

const epsilonOf = ({ epsilon = 1e-3 }: Json, name: string): number => {
  if (typeof epsilon !== 'number' || !(epsilon >= 0)) throw invalid(`${name}.epsilon`, 'a number', epsilon);
  return epsilon;
};
