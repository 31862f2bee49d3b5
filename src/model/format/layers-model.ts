import type { InputEncoding, Network, OutputLayer, RecurrentLayer } from '../network.ts';
import { countAt, invalid, unsupported } from './invalid.ts';
import { LayerWeights, type Place } from './layer-weights.ts';
import {
  activationName,
  type Cell,
  cellsOf,
  MAX_RECURRENT,
  readActivation,
  scaleGates,
} from './recurrent-config.ts';
import { type ChainLayer, readTopology } from './topology.ts';
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
]);

const MAX_UNITS = 4096;

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
  readonly #weights: LayerWeights;
  readonly #kerasMajor: number;
  readonly #recurrent: RecurrentLayer[] = [];
  #embedding: (InputEncoding & { kind: 'embedding' }) | undefined;
  #output: OutputLayer | undefined;
  #softmax = false;
  /** A recurrent layer gave its last step only: no recurrent layer can follow. */
  #lastStepOnly: string | undefined;

  constructor(weights: Weights, kerasMajor: number) {
    this.#weights = new LayerWeights(weights);
    this.#kerasMajor = kerasMajor;
  }

  read(layer: ChainLayer): void {
    const { className, name } = layer;
    if (idle.has(className)) return;
    if (className === 'Embedding') this.#readEmbedding(layer);
    else if (className === 'LSTM' || className === 'GRU' || className === 'RNN')
      this.#readRecurrentLayer(layer);
    else if (className === 'Dense') this.#readDense(layer);
    else if (className === 'Activation') this.#readEnd(layer.config.activation, `${name}.activation`);
    else if (className === 'Softmax') {
      const axis = layer.config.axis ?? -1;
      // Over time unless there is but one step of it.
      const overCharacters = axis === -1 || axis === (this.#lastStepOnly === undefined ? 2 : 1);
      if (!overCharacters) throw unsupported(`${name}.axis`, '-1', axis);
      this.#readEnd('softmax', `${name}.class_name`);
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
    const table = this.#weights.take(scopes, 'embeddings', [rows, size]);
    this.#embedding = { kind: 'embedding', name, size, table };
  }

  #readRecurrentLayer(layer: ChainLayer): void {
    const { className, name, config, scopes } = layer;
    if (this.#output !== undefined)
      throw unsupported(`${name}.class_name`, 'no layer after Dense', className);
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
    if (this.#recurrent.length === MAX_RECURRENT) {
      throw unsupported('layers', `at most ${MAX_RECURRENT} recurrent layers`, `${name} as one more`);
    }
    const units = countAt(config.units, `${name}.units`);
    if (units > MAX_UNITS) throw unsupported(`${name}.units`, `1 to ${MAX_UNITS}`, units);
    const inputs =
      this.#recurrent.at(-1)?.units ?? this.#embedding?.size ?? this.#weights.inputsOf(scopes, place);
    const activation = readActivation(config, 'activation', name, this.#kerasMajor);
    const recurrentActivation = readActivation(config, 'recurrent_activation', name, this.#kerasMajor);
    const kind = className.startsWith('LSTM') ? 'lstm' : 'gru';
    const gates = kind === 'lstm' ? 4 : 3;
    const width = gates * units;
    const kernel = this.#weights.take(scopes, 'kernel', [inputs, width], place);
    const recurrent = this.#weights.take(scopes, 'recurrent_kernel', [units, width], place);
    const useBias = config.use_bias !== false;
    const common = { name, inputs, units, activation: activation.kind, kernel, recurrent };
    if (kind === 'lstm') {
      const bias = useBias ? this.#weights.take(scopes, 'bias', [width], place) : new Float32Array(width);
      const layer = { ...common, kind, recurrentActivation: recurrentActivation.kind, bias } as const;
      this.#recurrent.push(scaleGates(layer, recurrentActivation.scale, [0, 1, 3]));
      return;
    }
    const found = useBias ? this.#weights.find(scopes, 'bias', place) : undefined;
    // tfjs writes `reset_after`; files older than the property are recognised by their bias.
    const resetAfter =
      typeof config.reset_after === 'boolean' ? config.reset_after : found?.shape.length === 2;
    const biases = useBias
      ? this.#weights.take(scopes, 'bias', resetAfter ? [2, width] : [width], place)
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
    const kernel = this.#weights.take(scopes, 'kernel', [last.units, units]);
    const bias =
      config.use_bias === false ? new Float32Array(units) : this.#weights.take(scopes, 'bias', [units]);
    this.#output = { name, inputs: last.units, kernel, bias };
    this.#readEnd(config.activation, `${name}.activation`);
  }

  /** What comes after the Dense: one softmax or nothing. */
  #readEnd(value: unknown, where: string): void {
    const activation = activationName(value, where);
    if (activation === 'linear') return;
    if (activation !== 'softmax') throw unsupported(where, '"softmax" or "linear"', activation);
    if (this.#output === undefined || this.#softmax)
      throw unsupported(where, 'one, after the Dense', activation);
    this.#softmax = true;
  }
}
