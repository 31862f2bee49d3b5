import { FolioError } from '../errors.ts';
import { parseAlphabet } from '../model/format/alphabet-file.ts';
import {
  invalid,
  isObject,
  type Json,
  objectAt,
  phrase,
  textOf,
  unsupported,
} from '../model/format/invalid.ts';
import { isKerasPath, kerasPaths, normalizeKerasPath } from '../model/format/keras-paths.ts';
import { type H5Group, openHdf5 } from './hdf5.ts';
import { parseJson } from './json.ts';
import { fromCudnn } from './keras-cudnn.ts';
import { dequantize } from './keras-quantized.ts';
import { isKeras1, upgradeKeras1 } from './keras1.ts';
import type { ParsedModel } from './parsed-model.ts';
import type { Tensor } from './tensor.ts';
import { unzip } from './zip.ts';

/** Keras' own file from 2.12 on: a zip archive of the configuration, the weights in HDF5, and layers' assets. */
export const readKerasArchive = (bytes: Uint8Array, where: string): ParsedModel => {
  const wanted = /^(config|metadata)\.json$|^model\.weights\.(h5|npz)$|^assets\/.*vocabulary\.txt$/;
  const files = unzip(bytes, where, (name) => wanted.test(name));
  const config = files.get('config.json');
  const weights = files.get('model.weights.h5');
  if (!config) throw invalid(where, 'config.json in the archive', undefined);
  if (!weights)
    throw invalid(
      where,
      'model.weights.h5 in the archive',
      files.has('model.weights.npz') ? 'npz' : undefined,
    );
  const metadata = files.get('metadata.json');
  const { keras_version: version = '3.0.0' } = metadata
    ? objectAt(parseJson(metadata, 'metadata.json'), 'metadata.json')
    : {};
  const model = objectAt(parseJson(config, 'config.json'), 'config.json');
  const vocabulary = [...files].find(([name]) => name.endsWith('vocabulary.txt'));
  return {
    ...kerasModel(model, textOf(version), openHdf5(weights, 'model.weights.h5'), where),
    ...(vocabulary ? { alphabet: parseAlphabet(vocabulary[1], vocabulary[0]) } : {}),
  };
};

/**
 * An `.h5` of Keras 1 to 3: the whole model, or its weights alone, whose configuration then comes from elsewhere.
 *
 * @param config `model.to_json()` as a file, for weights alone.
 */
export const readKerasH5 = (
  bytes: Uint8Array,
  where: string,
  config: Uint8Array | undefined,
): ParsedModel => {
  const root = openHdf5(bytes, where);
  const own = root.attributes.get('model_config');
  const given =
    typeof own === 'string'
      ? parseJson(new TextEncoder().encode(own), `${where} model_config`)
      : config && parseJson(config, 'config');
  if (given === undefined) {
    throw new FolioError(
      'model_invalid',
      `${where} holds weights without their model: give its configuration too, ` +
        'as model.to_json() or the config.json of a .keras archive has it (--config model.json).',
      { where, expected: 'a model, or --config', received: 'weights alone' },
    );
  }
  const outer = objectAt(given, 'config');
  // A topology as tfjs' model.json has it, or the model itself.
  const topology = isObject(outer.modelTopology) ? outer.modelTopology : outer;
  const model = isObject(topology.model_config) ? topology.model_config : topology;
  const version =
    root.attributes.get('keras_version') ?? topology.keras_version ?? outer.keras_version ?? '3.0.0';
  return kerasModel(objectAt(model, 'config'), textOf(version), root, where);
};

const kerasModel = (model: Json, version: string, root: H5Group, where: string): ParsedModel => {
  if (isObject(model.config) && !('layers' in model.config)) {
    throw unsupported(
      where,
      'a Sequential or functional model, which names its layers: build one of the same layers and set its weights (new.set_weights(old.get_weights()))',
      phrase(`${textOf(model.class_name)}, a class of the program that saved it`),
    );
  }
  const found = namedWeights(root, model, where);
  const read: ReadonlyMap<string, Tensor> = new Map([...found].map(([name, lazy]) => [name, lazy()]));
  const old = isKeras1(version, model) ? upgradeKeras1(model, read) : { model, weights: read };
  const plain = fromCudnn(old.model, dequantize(old.model, old.weights));
  return {
    format: `Keras ${version}`,
    topology: { keras_version: version, model_config: plain.model },
    weights: plain.weights,
    notes: [],
  };
};

type LazyWeights = ReadonlyMap<string, () => Tensor>;

/** Weights by the names that LayersModels have, wherever the file keeps them. */
const namedWeights = (root: H5Group, model: Json, where: string): LazyWeights => {
  const saved = root.find('model_weights') ?? root;
  if (saved.kind === 'group' && saved.attributes.has('layer_names')) return byLayer(saved, model, where);
  if (saved.kind === 'group' && saved.attributes.has('layer_names0')) return byLayer(saved, model, where);
  const weights = new Map<string, () => Tensor>();
  const names = kerasPaths(model);
  for (const group of ['layers', '_layer_checkpoint_dependencies']) {
    const node = root.find(group);
    if (node?.kind === 'group') {
      walk(node, 0, (path, read) => {
        const name = isKerasPath(path) ? names.get(normalizeKerasPath(path)) : undefined;
        if (name !== undefined) weights.set(name, read);
        else if (!path.includes('seed_generator')) weights.set(path, read);
      });
    }
  }
  if (weights.size === 0)
    throw invalid(where, 'weights of a Keras model', phrase(`groups ${root.names.join(', ') || 'none'}`));
  return weights;
};

const MOST_DEPTH = 24;

const walk = (group: H5Group, depth: number, visit: (path: string, read: () => Tensor) => void): void => {
  if (depth > MOST_DEPTH) throw invalid(group.path, `groups ${MOST_DEPTH} deep at most`, phrase('more'));
  for (const name of group.names) {
    const node = group.get(name);
    if (node.kind === 'group') walk(node, depth + 1, visit);
    else visit(node.path, node.read);
  }
};

/** A list of texts that an attribute holds, in pieces (`layer_names0`, …) where it is long. */
const textsOf = (group: H5Group, attribute: string): readonly string[] => {
  const whole = group.attributes.get(attribute);
  if (whole !== undefined) return asTexts(whole, group, attribute);
  const pieces: string[] = [];
  for (let i = 0; group.attributes.has(`${attribute}${i}`); i++) {
    pieces.push(...asTexts(group.attributes.get(`${attribute}${i}`), group, attribute));
  }
  return pieces;
};

const asTexts = (value: unknown, { path }: H5Group, attribute: string): readonly string[] => {
  if (typeof value === 'string') return [value];
  // An empty list has no texts, and so no kind.
  if (value instanceof Float32Array && value.length === 0) return [];
  if (!Array.isArray(value))
    throw invalid(`${path || 'file'}@${attribute}`, 'a list of names', phrase('something else'));
  return value as readonly string[];
};

/** Keras 1 and 2, and Keras 3's .h5: a group a layer, whose weights are named in its attribute. */
const byLayer = (saved: H5Group, model: Json, where: string): LazyWeights => {
  const weights = new Map<string, () => Tensor>();
  const config = isObject(model.config) ? model.config : {};
  const prefix = typeof config.name === 'string' ? `${config.name}/` : undefined;
  for (const layer of textsOf(saved, 'layer_names')) {
    const group = saved.get(layer);
    if (group.kind !== 'group') throw invalid(`${where} ${layer}`, 'a group', phrase('a dataset'));
    const names = textsOf(group, 'weight_names');
    // The model's name goes only where every weight has it, and the layer's behind it.
    const strip = prefix !== undefined && names.every((name) => name.startsWith(`${prefix}${layer}/`));
    for (const name of names) {
      const node = group.get(name);
      if (node.kind !== 'dataset') throw invalid(`${where} ${name}`, 'a dataset', phrase('a group'));
      const within = strip ? name.slice(prefix!.length) : name;
      weights.set(within.startsWith(`${layer}/`) ? within : `${layer}/${within}`, node.read);
    }
  }
  if (weights.size === 0) throw unsupported(where, 'a model with weights', phrase('one without'));
  return weights;
};
