import { invalid, isObject, type Json, listAt, nameAt, objectAt, unsupported } from './invalid.ts';

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
  return {
    layers: chainOf(model, 'modelTopology', [], 0),
    kerasMajor: typeof version === 'string' && /^\d/.test(version) ? Number.parseInt(version, 10) : 2,
  };
};

const isModel = (className: string): boolean =>
  className === 'Sequential' || className === 'Model' || className === 'Functional';

const chainOf = (model: Json, where: string, scopes: readonly string[], depth: number): ChainLayer[] => {
  if (depth > MAX_DEPTH) throw invalid(where, `at most ${MAX_DEPTH} models within models`, 'more');
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
  if (depth > MAX_DEPTH) throw invalid(where, `at most ${MAX_DEPTH} layers round a layer`, 'more');
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
    if (seen.has(name)) throw invalid(name, 'layers in a row', 'a circle');
    seen.add(name);
    chain.push(entry);
    if (name === input) return chain.reverse();
    name = singleSource(entry.inbound_nodes, name);
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
const singleSource = (value: unknown, name: string): string => {
  const where = `${name}.inbound_nodes`;
  const nodes = listAt(value, where);
  if (nodes.length !== 1) throw unsupported(where, 'one use of the layer', `${nodes.length} uses`);
  const node = nodes[0];
  const tensors = isObject(node) ? listAt(node.args, where) : listAt(node, where);
  if (tensors.length !== 1) throw unsupported(where, 'one input', `${tensors.length} inputs`);
  const history = isObject(node)
    ? objectAt(objectAt(tensors[0], where).config, where).keras_history
    : tensors[0];
  const [source, , tensor] = listAt(history, where);
  if (tensor !== 0 && tensor !== undefined) throw unsupported(where, 'the first output', tensor);
  return nameAt(source, where);
};
