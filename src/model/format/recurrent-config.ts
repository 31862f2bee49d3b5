import type { Activation } from '../network.ts';
import { invalid, isObject, type Json, listAt, objectAt, unsupported } from './invalid.ts';

const MAX_CELLS = 4;

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
    if (className !== 'LSTMCell' && className !== 'GRUCell' && className !== 'SimpleRNNCell') {
      throw unsupported(`${where}.class_name`, 'LSTMCell, GRUCell or SimpleRNNCell', className);
    }
    return { className, config: objectAt(cellConfig, where) };
  };
  if (cell.class_name !== 'StackedRNNCells') return [read(cell, `${name}.cell`)];
  const cells = listAt(objectAt(cell.config, `${name}.cell`).cells, `${name}.cells`);
  if (cells.length < 1 || cells.length > MAX_CELLS) {
    throw unsupported(`${name}.cells`, `1 to ${MAX_CELLS} cells`, cells.length);
  }
  return cells.map((value, i) => read(value, `${name}.cells[${i}]`));
};

/** What stock tfjs takes where a file says nothing. */
const defaults = { activation: 'tanh', recurrent_activation: 'hard_sigmoid' } as const;

/** @param name Of the layer, for messages. @throws FolioError `model_unsupported` */
export const readActivation = (
  config: Json,
  property: keyof typeof defaults,
  name: string,
  kerasMajor: number,
): Activation => {
  const where = `${name}.${property}`;
  const given = config[property] === undefined ? defaults[property] : config[property];
  return namedActivation(activationName(given, where), where, kerasMajor);
};

/** @throws FolioError `model_unsupported` for a function that is none of the family's */
export const namedActivation = (name: string, where: string, kerasMajor: number): Activation => {
  if (name === 'tanh' || name === 'sigmoid' || name === 'relu' || name === 'linear') return name;
  if (name === 'hard_sigmoid' || name === 'hardSigmoid') {
    return kerasMajor < 3 ? 'hardSigmoid' : 'hardSigmoid6';
  }
  throw unsupported(where, 'tanh, sigmoid, hard_sigmoid, relu or linear', name);
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
