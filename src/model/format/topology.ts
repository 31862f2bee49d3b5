import {
  invalid,
  isObject,
  type Json,
  listAt,
  nameAt,
  objectAt,
  phrase,
  textOf,
  unsupported,
} from './invalid.ts';

/** One layer of a model that is a plain chain, wrappers taken off. */
export interface ChainLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Json;
  /** The layer's name and its wrappers': the scopes in which its weights may stand. */
  readonly scopes: readonly string[];
}

export interface Topology {
  readonly layers: readonly ChainLayer[];
  /** What the model is called: Keras 3 puts it before every weight's name. */
  readonly name: string | undefined;
  /** Of the outermost model's layers. */
  readonly layerNames: ReadonlySet<string>;
  /** The model itself, for paths that follow its layers' order. */
  readonly model: Json;
  /** Which library wrote it: Keras 3 means other things by some names. */
  readonly kerasMajor: number;
}

const MAX_LAYERS = 256;
const MAX_DEPTH = 8;

/**
 * The layers of a LayersModel from input to output, whichever way it was written: Sequential or functional, by
 * tfjs-layers or by Keras 2 or 3 through the converter, with models within models.
 *
 * @throws FolioError `model_invalid`, `model_unsupported`
 */
export const readTopology = (modelTopology: unknown): Topology => {
  const topology = objectAt(modelTopology, 'modelTopology');
  const model = isObject(topology.model_config) ? topology.model_config : topology;
  const version = topology.keras_version;
  const layers = chainOf(model, 'modelTopology', [], 0);
  const { name } = isObject(model.config) ? model.config : model;
  return {
    layers,
    name: typeof name === 'string' ? name : undefined,
    layerNames: new Set(layers.map(({ scopes }) => scopes.at(-1)!)),
    model,
    kerasMajor: typeof version === 'string' && /^\d/.test(version) ? Number.parseInt(version, 10) : 2,
  };
};

const isModel = (className: string): boolean =>
  className === 'Sequential' || className === 'Model' || className === 'Functional';

const chainOf = (model: Json, where: string, scopes: readonly string[], depth: number): ChainLayer[] => {
  if (depth > MAX_DEPTH) throw invalid(where, `at most ${MAX_DEPTH} models within models`, phrase('more'));
  const className = nameAt(model.class_name, `${where}.class_name`);
  if (!isModel(className)) throw unsupported(where, 'a Sequential or functional model', className);
  // Keras before 2.2.3 wrote a Sequential's layers without anything round them.
  const config = Array.isArray(model.config)
    ? { layers: model.config }
    : objectAt(model.config, `${where}.config`);
  const layers = listAt(config.layers, `${where}.config.layers`);
  if (layers.length > MAX_LAYERS) throw invalid(where, `at most ${MAX_LAYERS} layers`, layers.length);
  const entries = layers.map((layer, i) => objectAt(layer, `${where}.config.layers[${i}]`));
  const ordered = className === 'Sequential' ? entries : followGraph(entries, config, where);
  const chain = ordered.flatMap((layer, i) => unwrap(layer, `${where}.layers[${i}]`, scopes, depth));
  if (chain.length > MAX_LAYERS) throw invalid(where, `at most ${MAX_LAYERS} layers`, chain.length);
  return chain;
};

const unwrap = (layer: Json, where: string, scopes: readonly string[], depth: number): ChainLayer[] => {
  if (depth > MAX_DEPTH) throw invalid(where, `at most ${MAX_DEPTH} layers round a layer`, phrase('more'));
  const className = nameAt(layer.class_name, `${where}.class_name`);
  const config = Array.isArray(layer.config) ? {} : objectAt(layer.config, `${where}.config`);
  const name = nameAt(layer.name ?? config.name, `${where}.name`);
  const inner = [name, ...scopes];
  if (isModel(className)) return chainOf(layer, name, inner, depth + 1);
  if (className === 'TimeDistributed') {
    return unwrap(objectAt(config.layer, `${name}.layer`), `${name}.layer`, inner, depth + 1);
  }
  return [{ className, name, config, scopes: inner }];
};

/** A functional model's layers on the way from its one output back to its one input, in the order of running. */
const followGraph = (entries: readonly Json[], config: Json, where: string): Json[] => {
  const byName = new Map<string, Json>();
  entries.forEach((entry, i) => {
    const name = nameAt(entry.name ?? objectAt(entry.config, `${where}.layers[${i}]`).name, where);
    if (byName.has(name)) throw invalid(`${where}.layers[${i}].name`, 'a name of its own', name);
    byName.set(name, entry);
  });
  const input = singleEnd(config.input_layers, `${where}.input_layers`);
  const chain: Json[] = [];
  const seen = new Set<string>();
  for (let name = singleEnd(config.output_layers, `${where}.output_layers`); ; ) {
    const entry = byName.get(name);
    if (entry === undefined) throw invalid(where, 'a layer of this name', name);
    if (seen.has(name)) throw invalid(name, 'layers in a row', phrase('a circle'));
    seen.add(name);
    chain.push(entry);
    if (name === input) return chain.reverse();
    name = singleSource(entry, name, byName, input);
  }
};

/** `[["output", 0, 0]]` as Keras 2 and tfjs write it, `["output", 0, 0]` as Keras 3 does. */
const singleEnd = (value: unknown, where: string): string => {
  const ends = listAt(value, where);
  if (typeof ends[0] === 'string') return ends[0];
  if (ends.length !== 1) throw unsupported(where, 'one', ends.length);
  return nameAt(listAt(ends[0], where)[0], where);
};

/** The layer that this one is fed by: `[[["lstm", 0, 0, {}]]]`, or `[{ args: [tensor], kwargs: {} }]` of Keras 3. */
const singleSource = (
  entry: Json,
  name: string,
  byName: ReadonlyMap<string, Json>,
  input: string,
): string => {
  const where = `${name}.inbound_nodes`;
  const nodes = listAt(entry.inbound_nodes, where);
  if (nodes.length !== 1) throw unsupported(where, 'one use of the layer', phrase(`${nodes.length} uses`));
  const node = nodes[0];
  const given = isObject(node)
    ? [node.args]
    : listAt(node, where).map((one) => (isTensor(one) ? one.slice(0, 3) : one));
  const tensors = tensorsIn(given, byName, 0);
  const [only] = tensors;
  if (only === undefined) throw invalid(where, 'a layer before it', given);
  if (tensors.length !== 1) {
    throw unsupported(
      `${name}.class_name`,
      'layers one after another, each with one input',
      phrase(`${textOf(entry.class_name)} of ${tensors.length} inputs`),
    );
  }
  checkKeywords(isObject(node) ? node.kwargs : keywordsOf(node), name, byName, input);
  if (only.output !== 0) throw unsupported(where, 'the first output', only.output);
  return nameAt(only.layer, where);
};

/** The arguments that Keras 2 and tfjs write behind a tensor. */
const keywordsOf = (node: unknown): unknown =>
  Array.isArray(node) ? node.map((tensor) => (Array.isArray(tensor) ? tensor[3] : undefined)) : undefined;

/**
 * A tensor in a call's keywords feeds the layer too: an initial state, say. One is of no consequence, the mask that
 * Keras 3 makes of the input where an Embedding masks zeros, since id 0 is never fed.
 */
const checkKeywords = (
  keywords: unknown,
  name: string,
  byName: ReadonlyMap<string, Json>,
  input: string,
): void => {
  const named = isObject(keywords) ? Object.entries(keywords) : [['keywords', keywords] as const];
  for (const [keyword, value] of named) {
    for (const { layer } of tensorsIn(value, byName, 0)) {
      const source = byName.get(layer);
      const [node] = Array.isArray(source?.inbound_nodes) ? source.inbound_nodes : [];
      const compared = isObject(node) ? tensorsIn(node.args, byName, 0) : [];
      const ofInput = compared.length === 1 && compared[0]?.layer === input;
      if (keyword === 'mask' && source?.class_name === 'NotEqual' && ofInput) continue;
      throw unsupported(
        `${name}.${keyword}`,
        'nothing that depends on the text',
        phrase(`a tensor of ${layer}`),
      );
    }
  }
};

interface TensorName {
  readonly layer: string;
  readonly output: unknown;
}

const isTensor = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) && typeof value[0] === 'string' && value.length >= 3 && Number.isInteger(value[1]);

/** Every tensor in what a layer is called with, however deep. */
const tensorsIn = (
  value: unknown,
  byName: ReadonlyMap<string, Json>,
  depth: number,
): readonly TensorName[] => {
  if (depth > MAX_DEPTH || typeof value !== 'object' || value === null) return [];
  if (isTensor(value) && (byName.has(value[0] as string) || depth < 2)) {
    return [{ layer: value[0] as string, output: value[2] }];
  }
  if (isObject(value)) {
    const { keras_history: history } = isObject(value.config) ? value.config : {};
    if (Array.isArray(history)) return [{ layer: textOf(history[0]), output: history[2] ?? 0 }];
    return Object.values(value).flatMap((inner) => tensorsIn(inner, byName, depth + 1));
  }
  return (value as readonly unknown[]).flatMap((inner) => tensorsIn(inner, byName, depth + 1));
};
