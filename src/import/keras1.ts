import { invalid, isObject, type Json, textOf } from '../model/format/invalid.ts';
import type { Tensor } from './tensor.ts';

/**
 * Keras 1 called properties otherwise, and kept every gate's weights apart: `lstm_1_W_i`, in the order i c f o.
 *
 * Format: keras 1.2.2, keras/layers/recurrent.py; the renaming is that of Keras 2's legacy interfaces.
 */
export const isKeras1 = (version: string, model: Json): boolean =>
  version.startsWith('1.') || JSON.stringify(model).includes('"inner_activation"');

const renamed: Readonly<Record<string, string>> = {
  output_dim: 'units',
  inner_activation: 'recurrent_activation',
  bias: 'use_bias',
};

const gates: Readonly<Record<string, readonly string[]>> = {
  LSTM: ['i', 'f', 'c', 'o'],
  GRU: ['z', 'r', 'h'],
  SimpleRNN: [''],
};

export const upgradeKeras1 = (
  model: Json,
  given: ReadonlyMap<string, Tensor>,
): { readonly model: Json; readonly weights: ReadonlyMap<string, Tensor> } => {
  const weights = new Map<string, Tensor>();
  const upgrade = (layer: unknown): unknown => {
    if (!isObject(layer)) return layer;
    const { class_name: className, config } = layer;
    if (Array.isArray(config)) return { ...layer, config: config.map(upgrade) };
    if (!isObject(config)) return layer;
    if (Array.isArray(config.layers)) {
      return { ...layer, config: { ...config, layers: config.layers.map(upgrade) } };
    }
    if (isObject(config.layer)) return { ...layer, config: { ...config, layer: upgrade(config.layer) } };
    const name = textOf(config.name);
    const changed: Record<string, unknown> = {};
    for (const [property, value] of Object.entries(config)) {
      const keep = className === 'Embedding' && property === 'output_dim';
      changed[keep ? property : (renamed[property] ?? property)] = value;
    }
    if (className === 'GRU') changed.reset_after = false;
    addWeights(textOf(className), name, given, weights);
    return { ...layer, config: changed };
  };
  const upgraded = objectOf(upgrade(model));
  // Weights that already have Keras 2's names, as some files of the time between do.
  for (const [name, tensor] of given) if (!/_[WUb](_\w+)?$/.test(name)) weights.set(name, tensor);
  return { model: upgraded, weights };
};

const objectOf = (value: unknown): Json => (isObject(value) ? value : {});

const addWeights = (
  className: string,
  name: string,
  given: ReadonlyMap<string, Tensor>,
  weights: Map<string, Tensor>,
): void => {
  const find = (suffix: string): Tensor | undefined =>
    [...given].find(([path]) => path.split('/').at(-1) === `${name}_${suffix}`)?.[1] ??
    // A wrapper names its layer's weights.
    (className === 'Dense'
      ? [...given].find(([path]) => /timedistributed_\d+_/i.test(path) && path.endsWith(`_${suffix}`))?.[1]
      : undefined);
  const order = gates[className];
  if (order) {
    for (const [role, letter] of [
      ['kernel', 'W'],
      ['recurrent_kernel', 'U'],
      ['bias', 'b'],
    ] as const) {
      const parts = order.map((gate) => find(gate === '' ? letter : `${letter}_${gate}`));
      if (parts.some((part) => part === undefined)) continue;
      weights.set(`${name}/${role}`, joined(parts as readonly Tensor[], `${name}/${role}`));
    }
    return;
  }
  const kernel = find('W');
  const bias = find('b');
  if (kernel) weights.set(`${name}/${className === 'Embedding' ? 'embeddings' : 'kernel'}`, kernel);
  if (bias) weights.set(`${name}/bias`, bias);
};

/** Gates side by side: [inputs, units] each to [inputs, gates * units]. */
const joined = (parts: readonly Tensor[], where: string): Tensor => {
  const [first] = parts as readonly [Tensor];
  const units = first.shape.at(-1) ?? 0;
  if (parts.some((part) => part.values.length !== first.values.length)) {
    throw invalid(
      `${where}.shape`,
      'gates of one size',
      parts.map((part) => part.values.length),
    );
  }
  const width = parts.length * units;
  const rows = first.values.length / units;
  const values = new Float32Array(rows * width);
  parts.forEach((part, gate) => {
    for (let row = 0; row < rows; row++) {
      values.set(part.values.subarray(row * units, (row + 1) * units), row * width + gate * units);
    }
  });
  return { shape: first.shape.length === 1 ? [width] : [rows, width], values };
};
