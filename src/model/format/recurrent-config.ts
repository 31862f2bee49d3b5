import type { Activation, RecurrentLayer } from '../network.ts';
import { invalid, isObject, type Json, listAt, objectAt, unsupported } from './invalid.ts';

export const MAX_RECURRENT = 4;

/** A recurrent layer's arithmetic, alone or stacked with others in one layer. */
export interface Cell {
  readonly className: string;
  readonly config: Json;
}

/** The cells of an `RNN` layer. @throws FolioError `model_invalid`, `model_unsupported` */
export const cellsOf = (config: Json, name: string): readonly Cell[] => {
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

/** What stock tfjs takes where a file says nothing. */
const defaults = { activation: 'tanh', recurrent_activation: 'hard_sigmoid' } as const;

/**
 * @param name Of the layer, for messages.
 * @returns The function, and what its argument is multiplied by
 * @throws FolioError `model_unsupported`
 */
export const readActivation = (
  config: Json,
  property: keyof typeof defaults,
  name: string,
  kerasMajor: number,
): { kind: Activation; scale: number } => {
  const where = `${name}.${property}`;
  const given = activationName(config[property] === undefined ? defaults[property] : config[property], where);
  if (given === 'tanh' || given === 'sigmoid' || given === 'relu' || given === 'linear') {
    return { kind: given, scale: 1 };
  }
  if (given === 'hard_sigmoid' || given === 'hardSigmoid') {
    if (kerasMajor < 3) return { kind: 'hardSigmoid', scale: 1 };
    // Keras 3's is clip(x / 6 + 1/2, 0, 1): Keras 2's of 5/6 x.
    if (property === 'recurrent_activation') return { kind: 'hardSigmoid', scale: 5 / 6 };
  }
  throw unsupported(where, 'tanh, sigmoid, hard_sigmoid, relu or linear', given);
};

/** `"tanh"`, or an object that names it, as Keras 3 writes some. */
export const activationName = (value: unknown, where: string): string => {
  if (value === undefined || value === null) return 'linear';
  if (typeof value === 'string') return value;
  if (isObject(value)) {
    const { class_name: className, config } = value;
    if (typeof config === 'string') return config;
    if (typeof className === 'string') return className.toLowerCase();
  }
  throw invalid(where, 'the name of an activation', value);
};

/** Multiplies what goes into some of a layer's gates. */
export const scaleGates = <Layer extends RecurrentLayer>(
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
