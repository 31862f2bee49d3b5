import { countAt, isObject, type Json, listAt, malformed, objectAt, unsupported } from './malformed.ts';
import type { Activation, InputEncoding, Network, OutputLayer, RecurrentLayer } from './network.ts';
import { type ChainLayer, readTopology } from './topology.ts';
import type { WeightSpec, Weights } from './weights.ts';

/** Layers that do nothing once a model is trained. */
const idle = new Set([
  'InputLayer',
  'Dropout',
  'SpatialDropout1D',
  'GaussianDropout',
  'GaussianNoise',
  'AlphaDropout',
  'ActivityRegularization',
]);

const MAX_UNITS = 4096;
const MAX_RECURRENT = 4;

/**
 * Makes a LayersModel of the family that Folio runs into plain checked arrays: one-hot or Embedding input, 1 to 4
 * LSTM or GRU layers (or cells), one Dense, with a softmax or without.
 *
 * @throws FolioError `model_invalid` for files that contradict themselves; `model_unsupported`, naming layer,
 * property and value, for what cannot be run
 */
export const readNetwork = (modelTopology: unknown, weights: Weights): Network => {
  const { layers, kerasMajor } = readTopology(modelTopology);
  const reader = new LayerReader(weights, kerasMajor);
  for (const layer of layers) reader.read(layer);
  return reader.finish();
};

class LayerReader {
  readonly #weights: Weights;
  readonly #kerasMajor: number;
  readonly #recurrent: RecurrentLayer[] = [];
  #embedding: (InputEncoding & { kind: 'embedding' }) | undefined;
  #output: OutputLayer | undefined;
  #softmax = false;
  /** A recurrent layer gave its last step only: no recurrent layer can follow. */
  #lastStepOnly: string | undefined;

  constructor(weights: Weights, kerasMajor: number) {
    this.#weights = weights;
    this.#kerasMajor = kerasMajor;
  }

  read(layer: ChainLayer): void {
    const { className, name } = layer;
    if (idle.has(className)) return;
    if (className === 'Embedding') this.#readEmbedding(layer);
    else if (className === 'LSTM' || className === 'GRU' || className === 'RNN')
      this.#readRecurrentLayer(layer);
    else if (className === 'Dense') this.#readDense(layer);
    else if (className === 'Activation') this.#readActivation(layer.config.activation, `${name}.activation`);
    else if (className === 'Softmax') {
      const axis = layer.config.axis ?? -1;
      // Over time unless there is but one step of it.
      const overCharacters = axis === -1 || axis === (this.#lastStepOnly === undefined ? 2 : 1);
      if (!overCharacters) throw unsupported(`${name}.axis`, '-1', axis);
      this.#readActivation('softmax', `${name}.class_name`);
    } else {
      throw unsupported(
        `${name}.class_name`,
        'Embedding, LSTM, GRU, RNN, Dense, Activation, Softmax, Dropout or TimeDistributed',
        className,
      );
    }
  }

  finish(): Network {
    const output = this.#output;
    const first = this.#recurrent[0];
    if (first === undefined) throw unsupported('layers', '1 to 4 LSTM or GRU layers', 'none');
    if (output === undefined) throw unsupported('layers', 'a Dense layer at the end', 'none');
    const vocabulary = output.bias.length;
    const embedding = this.#embedding;
    if (embedding === undefined && first.inputs !== vocabulary) {
      throw unsupported(
        `${first.name}.kernel`,
        `one-hot input of the ${vocabulary} characters that ${output.name} gives`,
        `${first.inputs} inputs`,
      );
    }
    if (embedding !== undefined && embedding.table.length < vocabulary * embedding.size) {
      throw unsupported(
        `${embedding.name}.input_dim`,
        `at least the ${vocabulary} characters that ${output.name} gives`,
        embedding.table.length / embedding.size,
      );
    }
    return {
      vocabulary,
      input: embedding
        ? { ...embedding, table: embedding.table.subarray(0, vocabulary * embedding.size) }
        : { kind: 'one-hot' },
      layers: this.#recurrent,
      output,
    };
  }

  #readEmbedding({ name, config, scopes }: ChainLayer): void {
    if (this.#embedding !== undefined || this.#recurrent.length > 0) {
      throw unsupported(`${name}.class_name`, 'an Embedding as the first layer only', 'Embedding');
    }
    if (config.mask_zero === true) throw unsupported(`${name}.mask_zero`, 'false', true);
    const rows = countAt(config.input_dim, `${name}.input_dim`);
    const size = countAt(config.output_dim, `${name}.output_dim`);
    const table = this.#take(scopes, 'embeddings', [rows, size]);
    this.#embedding = { kind: 'embedding', name, size, table };
  }

  #readRecurrentLayer(layer: ChainLayer): void {
    const { className, name, config, scopes } = layer;
    if (this.#output !== undefined)
      throw unsupported(`${name}.class_name`, 'no layer after Dense', className);
    if (this.#lastStepOnly !== undefined) {
      throw malformed(`${this.#lastStepOnly}.return_sequences`, `true, as ${name} follows`, false);
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
    if (this.#recurrent.length === MAX_RECURRENT) {
      throw unsupported('layers', `at most ${MAX_RECURRENT} recurrent layers`, `${name} as one more`);
    }
    const units = countAt(config.units, `${name}.units`);
    if (units > MAX_UNITS) throw unsupported(`${name}.units`, `1 to ${MAX_UNITS}`, units);
    const inputs = this.#recurrent.at(-1)?.units ?? this.#embedding?.size ?? this.#inputsOf(scopes, place);
    const activation = this.#activation(config, 'activation', name);
    const recurrentActivation = this.#activation(config, 'recurrent_activation', name);
    const kind = className.startsWith('LSTM') ? 'lstm' : 'gru';
    const gates = kind === 'lstm' ? 4 : 3;
    const width = gates * units;
    const kernel = this.#take(scopes, 'kernel', [inputs, width], place);
    const recurrent = this.#take(scopes, 'recurrent_kernel', [units, width], place);
    const useBias = config.use_bias !== false;
    const common = { name, inputs, units, activation: activation.kind, kernel, recurrent };
    if (kind === 'lstm') {
      const bias = useBias ? this.#take(scopes, 'bias', [width], place) : new Float32Array(width);
      const layer = { ...common, kind, recurrentActivation: recurrentActivation.kind, bias } as const;
      this.#recurrent.push(scaleGates(layer, recurrentActivation.scale, [0, 1, 3]));
      return;
    }
    const found = useBias ? this.#find(scopes, 'bias', place) : undefined;
    // tfjs writes `reset_after`; files older than the property are told by their bias.
    const resetAfter =
      typeof config.reset_after === 'boolean' ? config.reset_after : found?.shape.length === 2;
    const biases = useBias
      ? this.#take(scopes, 'bias', resetAfter ? [2, width] : [width], place)
      : new Float32Array(2 * width);
    const layer = {
      ...common,
      kind,
      recurrentActivation: recurrentActivation.kind,
      resetAfter,
      bias: biases.slice(0, width),
      recurrentBias: resetAfter ? biases.slice(width, 2 * width) : new Float32Array(width),
    } as const;
    this.#recurrent.push(scaleGates(layer, recurrentActivation.scale, [0, 1]));
  }

  #readDense({ name, config, scopes }: ChainLayer): void {
    const last = this.#recurrent.at(-1);
    if (last === undefined) throw unsupported(`${name}.class_name`, 'a recurrent layer before it', 'Dense');
    if (this.#output !== undefined) {
      throw unsupported(`${name}.class_name`, `nothing after ${this.#output.name} but a softmax`, 'Dense');
    }
    const units = countAt(config.units, `${name}.units`);
    const kernel = this.#take(scopes, 'kernel', [last.units, units]);
    const bias = config.use_bias === false ? new Float32Array(units) : this.#take(scopes, 'bias', [units]);
    this.#output = { name, inputs: last.units, kernel, bias };
    this.#readActivation(config.activation, `${name}.activation`);
  }

  /** What comes after the Dense: one softmax or nothing. */
  #readActivation(value: unknown, where: string): void {
    const activation = activationName(value, where);
    if (activation === 'linear') return;
    if (activation !== 'softmax') throw unsupported(where, '"softmax" or "linear"', activation);
    if (this.#output === undefined || this.#softmax)
      throw unsupported(where, 'one, after the Dense', activation);
    this.#softmax = true;
  }

  #activation(config: Json, property: string, name: string): { kind: Activation; scale: number } {
    const where = `${name}.${property}`;
    const given = activationName(config[property], where);
    if (given === 'tanh' || given === 'sigmoid' || given === 'relu' || given === 'linear') {
      return { kind: given, scale: 1 };
    }
    if (given === 'hard_sigmoid' || given === 'hardSigmoid') {
      if (this.#kerasMajor < 3) return { kind: 'hardSigmoid', scale: 1 };
      // Keras 3's is clip(x / 6 + 1/2, 0, 1): Keras 2's of 5/6 x.
      if (property === 'recurrent_activation') return { kind: 'hardSigmoid', scale: 5 / 6 };
    }
    throw unsupported(where, 'tanh, sigmoid, hard_sigmoid, relu or linear', given);
  }

  #inputsOf(scopes: readonly string[], place: Place | undefined): number {
    const { name, shape } = this.#find(scopes, 'kernel', place);
    if (shape.length !== 2) throw malformed(`${name}.shape`, '2 sizes', shape);
    return shape[0]!;
  }

  #take(scopes: readonly string[], role: string, shape: readonly number[], place?: Place): Float32Array {
    const spec = this.#find(scopes, role, place);
    if (spec.shape.length !== shape.length || spec.shape.some((size, i) => size !== shape[i])) {
      throw malformed(`${spec.name}.shape`, `[${shape.join(', ')}]`, spec.shape);
    }
    return this.#weights.values(spec);
  }

  #find(scopes: readonly string[], role: string, place?: Place): WeightSpec {
    const [layer] = scopes;
    let found = this.#weights.find([layer!], role);
    if (place !== undefined) {
      // Each cell's own scope, or as many weights as there are cells, in their order.
      const own = found.filter(({ name }) =>
        [`RNNCell_${place.index}`, place.cell.config.name].some((scope) => name.includes(`/${scope}/`)),
      );
      found = own.length === 1 ? own : found.length === place.count ? [found[place.index]!] : own;
    }
    if (found.length > 1 && scopes.length > 1) {
      found = found.filter(({ name }) => scopes.every((scope) => `/${name}`.includes(`/${scope}/`)));
    }
    if (found.length === 0) {
      for (const scope of scopes.slice(1)) {
        found = this.#weights.find([scope], role);
        if (found.length > 0) break;
      }
    }
    if (found.length !== 1) {
      throw malformed(
        `${layer}/${role}`,
        'one weight in the manifest',
        found.length === 0 ? 'none' : found.length,
      );
    }
    return found[0]!;
  }
}

interface Cell {
  readonly className: string;
  readonly config: Json;
}

/** Which of a layer's stacked cells. */
interface Place {
  readonly cell: Cell;
  readonly index: number;
  readonly count: number;
}

const cellsOf = (config: Json, name: string): readonly Cell[] => {
  const cell = objectAt(config.cell, `${name}.cell`);
  const read = (value: unknown, where: string): Cell => {
    const { class_name: className, config: cellConfig } = objectAt(value, where);
    if (className !== 'LSTMCell' && className !== 'GRUCell') {
      throw unsupported(`${where}.class_name`, 'LSTMCell or GRUCell', className);
    }
    return { className, config: objectAt(cellConfig, where) };
  };
  if (cell.class_name !== 'StackedRNNCells') return [read(cell, `${name}.cell`)];
  const cells = listAt(objectAt(cell.config, `${name}.cell`).cells, `${name}.cells`);
  if (cells.length < 1 || cells.length > MAX_RECURRENT) {
    throw unsupported(`${name}.cells`, `1 to ${MAX_RECURRENT} cells`, cells.length);
  }
  return cells.map((value, i) => read(value, `${name}.cells[${i}]`));
};

/** `"tanh"`, or an object that names it, as Keras 3 writes some. */
const activationName = (value: unknown, where: string): string => {
  if (value === undefined || value === null) return 'linear';
  if (typeof value === 'string') return value;
  if (isObject(value)) {
    const { class_name: className, config } = value;
    if (typeof config === 'string') return config;
    if (typeof className === 'string') return className.toLowerCase();
  }
  throw malformed(where, 'the name of an activation', value);
};

/** Multiplies what goes into some of a layer's gates. */
const scaleGates = <Layer extends RecurrentLayer>(
  layer: Layer,
  scale: number,
  gates: readonly number[],
): Layer => {
  if (scale === 1) return layer;
  const { units } = layer;
  const width = layer.bias.length;
  const scaled = (values: Float32Array): Float32Array =>
    values.map((value, i) => (gates.includes(Math.floor((i % width) / units)) ? value * scale : value));
  return {
    ...layer,
    kernel: scaled(layer.kernel),
    recurrent: scaled(layer.recurrent),
    bias: scaled(layer.bias),
    ...(layer.kind === 'gru' ? { recurrentBias: scaled(layer.recurrentBias) } : {}),
  };
};
