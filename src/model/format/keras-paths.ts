import { isObject, type Json, textOf } from './invalid.ts';

/** Layers and models that may lie within one another: more is refused by the topology's reader. */
const MOST_DEPTH = 16;

/**
 * Keras 3's own files number a layer's variables and name its group by class and order: `layers/lstm_1/cell/vars/0`
 * is the kernel of the second LSTM, whatever that layer is called. The converter keeps those paths.
 *
 * @param model `{ class_name, config: { layers } }`, as a topology's `model_config` has it.
 * @returns The name that every path has elsewhere: `reader/kernel`.
 */
export const kerasPaths = (model: Json): ReadonlyMap<string, string> => {
  const names = new Map<string, string>();
  addModel(model, '', '', names, 0);
  return names;
};

/** Whether a weight is named by such a path. */
export const isKerasPath = (name: string): boolean =>
  (name.startsWith('layers/') || name.startsWith('_layer_checkpoint_dependencies/')) &&
  /vars\/\d+$/.test(name);

/** Keras before 3.0 called the group by another name. */
export const normalizeKerasPath = (name: string): string =>
  name.replaceAll(/(^|\/)_layer_checkpoint_dependencies(?=\/)/g, '$1layers').replaceAll('\\', '/');

type Names = Map<string, string>;

const addModel = (model: Json, path: string, scope: string, names: Names, depth: number): void => {
  const config = Array.isArray(model.config) ? { layers: model.config } : model.config;
  const layers = isObject(config) && Array.isArray(config.layers) ? config.layers : [];
  const group = groupsIn(`${path}layers/`);
  for (const layer of layers) {
    if (isObject(layer) && typeof layer.class_name === 'string') {
      addLayer(layer, group(layer.class_name), scope, names, depth + 1);
    }
  }
};

/** Names of groups: the class in snake case, and a counter from the second of a class on. */
const groupsIn = (path: string): ((className: string) => string) => {
  const counts = new Map<string, number>();
  return (className) => {
    const name = snakeCase(className);
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return `${path}${name}${count === 0 ? '' : `_${count}`}/`;
  };
};

/** As keras.src.utils.naming.to_snake_case: `SimpleRNN` is `simple_rnn`. */
const snakeCase = (name: string): string =>
  name
    .replaceAll(/\W+/g, '')
    .replaceAll(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

const addLayer = (layer: Json, path: string, scope: string, names: Names, depth: number): void => {
  const config = isObject(layer.config) ? layer.config : {};
  const className = textOf(layer.class_name);
  const name = layer.name ?? config.name;
  if (typeof name !== 'string' || depth > MOST_DEPTH) return;
  const within = `${scope}${name}/`;
  if (Array.isArray(layer.config) || Array.isArray(config.layers)) {
    addModel(layer, path, within, names, depth);
    return;
  }
  if (className === 'TimeDistributed' && isObject(config.layer)) {
    addLayer(config.layer, `${path}layer/`, within, names, depth + 1);
    return;
  }
  if (className === 'RNN' && isObject(config.cell)) {
    addCells(config.cell, path, within, names);
    return;
  }
  const recurrent = className === 'LSTM' || className === 'GRU' || className === 'SimpleRNN';
  addVariables(`${path}${recurrent ? 'cell/' : ''}`, within, rolesOf(className, config), names);
};

const addCells = (cell: Json, path: string, scope: string, names: Names): void => {
  const config = isObject(cell.config) ? cell.config : {};
  if (cell.class_name !== 'StackedRNNCells' || !Array.isArray(config.cells)) {
    addVariables(`${path}cell/`, scope, rolesOf('RNN', config), names);
    return;
  }
  const group = groupsIn(`${path}cell/cells/`);
  config.cells.forEach((inner: unknown, index) => {
    if (!isObject(inner)) return;
    const innerConfig = isObject(inner.config) ? inner.config : {};
    const roles = rolesOf('RNN', innerConfig);
    addVariables(group(textOf(inner.class_name)), `${scope}RNNCell_${index}/`, roles, names);
  });
};

const addVariables = (path: string, scope: string, roles: readonly string[], names: Names): void => {
  roles.forEach((role, index) => {
    names.set(`${path}vars/${index}`, `${scope}${role}`);
  });
};

/** What a layer's variables are, in the order in which Keras numbers them; the last ones of quantised layers only. */
const rolesOf = (className: string, config: Json): readonly string[] => {
  const bias = config.use_bias === false ? [] : ['bias'];
  const scale = config.scale === false ? [] : ['gamma'];
  const center = config.center === false ? [] : ['beta'];
  switch (className) {
    case 'Embedding':
      return ['embeddings', 'embeddings_scale', 'embeddings_zero', 'embeddings_group'];
    case 'Dense':
      return ['kernel', ...bias, 'kernel_scale', 'kernel_zero', 'kernel_group'];
    case 'LSTM':
    case 'GRU':
    case 'SimpleRNN':
    case 'RNN':
      return ['kernel', 'recurrent_kernel', ...bias];
    case 'BatchNormalization':
      return [...scale, ...center, 'moving_mean', 'moving_variance'];
    case 'LayerNormalization':
      return [...scale, ...center];
    default:
      return [];
  }
};
