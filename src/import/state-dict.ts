import { FolioError } from '../errors.ts';
import { invalid, phrase, unsupported } from '../model/format/invalid.ts';
import type { Activation } from '../model/network.ts';
import { type ParsedModel, SequentialBuilder } from './parsed-model.ts';
import { add, expectRank, reorderGates, type Tensor, transpose } from './tensor.ts';

/**
 * What a state dict does not hold: it is weights by name, without the functions between them.
 */
export interface StateDictOptions {
  /** `nonlinearity` of an nn.RNN. Default: tanh, as PyTorch's. */
  readonly nonlinearity?: 'tanh' | 'relu' | undefined;
  /** The function after every Linear but the last. There is no default: it must be said where there are several. */
  readonly denseActivation?: Activation | undefined;
  /** Whether the entries' order is that of their names, not of the model's modules. */
  readonly sorted?: boolean;
}

export type NamedShapes = ReadonlyMap<string, { readonly shape: readonly number[]; read(): Tensor }>;

/** PyTorch's gates i f g o are Keras' i f c o; r z n are Keras' z r h. */
const kinds = {
  4: { kind: 'LSTM', order: [0, 1, 2, 3] },
  3: { kind: 'GRU', order: [1, 0, 2] },
  1: { kind: 'SimpleRNN', order: [0] },
} as const;

/**
 * The model that a PyTorch state dict's names and shapes describe: nn.Embedding or one-hot input, nn.LSTM, nn.GRU or
 * nn.RNN (or their cells), nn.LayerNorm and nn.Linear after it, in the order in which the model registered them.
 *
 * @throws FolioError `model_unsupported` naming what is not of the family, `invalid_parameter` where an option must say
 * what the file does not
 */
export const fromStateDict = (
  entries: NamedShapes,
  where: string,
  options: StateDictOptions = {},
): Omit<ParsedModel, 'format' | 'alphabet'> => {
  const notes: string[] = [];
  const modules = modulesOf(entries);
  const builder = new SequentialBuilder();
  if (!modules.some(({ parameters }) => isRecurrent(parameters))) {
    throw unsupported(where, 'an nn.LSTM, nn.GRU or nn.RNN among its modules', shown(modules));
  }
  for (const module of modules) refuseComputed(module);
  for (const module of modules) refuseUnknown(module);
  const { embedding, ordered } = orderOf(modules, where, options.sorted === true);
  const linears = ordered.filter(({ parameters }) => isLinear(parameters));
  if (linears.length > 1 && options.denseActivation === undefined) {
    const names = linears.map(({ name }) => name).join(', ');
    throw new FolioError(
      'invalid_parameter',
      `${where} has ${linears.length} nn.Linear (${names}), and a state dict does not hold the function that follows each ` +
        'but the last: give --dense-activation relu (or tanh, sigmoid, linear), as the model applies it.',
      { where: 'dense_activation', expected: 'relu, tanh, sigmoid or linear', received: 'nothing' },
    );
  }
  if (embedding) builder.input([null]).embedding(readRank(embedding, 'weight', 2));
  else builder.input([null, widthsOf(ordered[0]!).inputs]);
  for (const module of ordered) {
    const { parameters } = module;
    if (isRecurrent(parameters)) addRecurrent(builder, module, options, notes);
    else if (isLinear(parameters)) {
      const last = module === linears.at(-1);
      const bias = parameters.has('bias') ? readRank(module, 'bias', 1) : undefined;
      const kernel = transpose(readRank(module, 'weight', 2));
      builder.dense(kernel, bias, last ? 'linear' : options.denseActivation);
    } else if (parameters.has('running_mean')) {
      const read = (parameter: string): Tensor => readRank(module, parameter, 1);
      builder.batchNormalization(
        read('weight'),
        read('bias'),
        read('running_mean'),
        read('running_var'),
        TORCH_EPSILON,
      );
    } else {
      builder.layerNormalization(readRank(module, 'weight', 1), readRank(module, 'bias', 1), TORCH_EPSILON);
    }
  }
  return { ...builder.build(), notes };
};

const TORCH_EPSILON = 1e-5;

interface Module {
  readonly name: string;
  readonly parameters: Map<string, { readonly shape: readonly number[]; read(): Tensor }>;
}

/** Parameters by the module that owns them, in order of appearance. */
const modulesOf = (entries: NamedShapes): readonly Module[] => {
  const modules = new Map<string, Module>();
  for (const [path, tensor] of entries) {
    const at = path.lastIndexOf('.');
    const name = path.slice(0, Math.max(0, at));
    const parameter = path.slice(at + 1);
    if (parameter === 'num_batches_tracked') continue;
    const module = modules.get(name) ?? { name, parameters: new Map() };
    module.parameters.set(parameter, tensor);
    modules.set(name, module);
  }
  return [...modules.values()];
};

const refuseComputed = ({ name, parameters }: Module): void => {
  const parameter = [...parameters.keys()].find((one) =>
    /^(original\d*|weight_([gvu]|orig)|weight_[ih]h_l\d+_raw)$/.test(one),
  );
  if (parameter === undefined) return;
  throw unsupported(
    `${name}.${parameter}`,
    'plain weights: torch.nn.utils.parametrize.remove_parametrizations or remove_weight_norm before saving',
    phrase('a weight that is computed from others'),
  );
};

/** What to do about a parameter that the output does not depend on: a loss's, a metric's. @param prefix Of its name. */
const unlessUnused = (prefix: string): string =>
  `. If the model computes its output without it, save the state dict without what begins with '${prefix}'`;

/** Every parameter is one that is read: none may be left out in silence. */
const refuseUnknown = ({ name, parameters }: Module): void => {
  for (const parameter of parameters.keys()) {
    if (/^(weight|bias)_[ih]h_l\d+_reverse$/.test(parameter))
      throw unsupported(
        name,
        'one direction, since what comes after a character is not written yet',
        phrase('bidirectional=True'),
      );
    if (parameter.startsWith('weight_hr')) throw unsupported(name, 'no projection', phrase('proj_size'));
  }
  const known = isRecurrent(parameters)
    ? /^(weight|bias)_[ih]h(_l\d+)?$/
    : isLinear(parameters) || isLayerNorm(parameters)
      ? parameters.has('running_mean')
        ? /^(weight|bias|running_(mean|var))$/
        : /^(weight|bias)$/
      : /^$/;
  const parameter = [...parameters.keys()].find((one) => !known.test(one));
  if (parameter === undefined) return;
  const where = name === '' ? parameter : `${name}.${parameter}`;
  throw unsupported(
    where,
    'parameters of nn.Embedding, nn.LSTM, nn.GRU, nn.RNN, nn.LayerNorm, nn.BatchNorm1d and nn.Linear' +
      unlessUnused(where),
    phrase(`a parameter of shape [${parameters.get(parameter)!.shape.join(', ')}]`),
  );
};

const isRecurrent = (parameters: Module['parameters']): boolean =>
  parameters.has('weight_ih_l0') || parameters.has('weight_ih');

const isLinear = (parameters: Module['parameters']): boolean => parameters.get('weight')?.shape.length === 2;

const isLayerNorm = (parameters: Module['parameters']): boolean =>
  parameters.get('weight')?.shape.length === 1 && parameters.get('bias')?.shape.length === 1;

const isNormalization = (parameters: Module['parameters']): boolean =>
  isLayerNorm(parameters) || parameters.has('running_mean');

/** Values that a module takes and gives for a character. */
const widthsOf = ({ parameters }: Module): { readonly inputs: number; readonly outputs: number } => {
  const shapeOf = (name: string): readonly number[] => parameters.get(name)?.shape ?? [];
  if (isRecurrent(parameters)) {
    const last = [...parameters.keys()].findLast((name) => name.startsWith('weight_hh')) ?? '';
    const [, inputs = 0] = shapeOf(parameters.has('weight_ih') ? 'weight_ih' : 'weight_ih_l0');
    return { inputs, outputs: shapeOf(last)[1] ?? 0 };
  }
  const [outputs = 0, inputs = outputs] = shapeOf('weight');
  return { inputs, outputs };
};

/** safetensors sorts by name. */
const orderLost = (where: string, received: string): FolioError =>
  unsupported(
    where,
    'a file that keeps the order of its modules: torch.save of the same state dict',
    phrase(received),
  );

interface Order {
  /** The table of characters; undefined where the input is one-hot. */
  readonly embedding: Module | undefined;
  /** All others, from the input on. */
  readonly ordered: readonly Module[];
}

/**
 * The order in which the modules are run: as they were registered, but for the embedding and nn.Linear, which a model may
 * register anywhere: where the sizes do not fit together in the registered order alone, every nn.Linear comes after the
 * recurrent layers.
 */
const orderOf = (modules: readonly Module[], where: string, sorted: boolean): Order => {
  const firstInputs = widthsOf(modules.find(({ parameters }) => isRecurrent(parameters))!).inputs;
  const tables = modules.filter(({ parameters }) => isLinear(parameters) && !parameters.has('bias'));
  const recurrentAt = modules.findIndex(({ parameters }) => isRecurrent(parameters));
  const isNamed = ({ name }: Module): boolean => /emb|encoder/i.test(name);
  const fitting = tables.filter((module) => widthsOf(module).inputs === firstInputs);
  const candidates = fitting.filter((module) => isNamed(module) || modules.indexOf(module) < recurrentAt);
  if (sorted && candidates.length > 1 && candidates.filter(isNamed).length !== 1) {
    throw orderLost(
      where,
      `${candidates.map(({ name }) => name).join(' and ')}, of which either may be the embedding`,
    );
  }
  const embedding = candidates.find(isNamed) ?? candidates[0];
  const rest = modules.filter((module) => module !== embedding);
  if (sorted && rest.some(({ parameters }) => isNormalization(parameters)))
    throw orderLost(where, 'a normalization whose place among the layers is lost');
  const lastRecurrent = rest.findLastIndex(({ parameters }) => isRecurrent(parameters));
  const linears = rest.filter(({ parameters }) => isLinear(parameters));
  if (linears.length === 0) throw unsupported(where, 'an nn.Linear that gives the characters', undefined);
  const late = sorted
    ? chained(linears, widthsOf(rest[lastRecurrent]!).outputs, where)
    : rest.slice(0, lastRecurrent).filter((module) => linears.includes(module));
  const usual = { embedding, ordered: [...rest.filter((module) => !late.includes(module)), ...late] };
  const registered = (table: Module | undefined): Order => ({
    embedding: table,
    ordered: modules.filter((module) => module !== table),
  });
  const orders = sorted
    ? [usual]
    : [registered(embedding), usual, ...[...tables, undefined].map((table) => registered(table))];
  const fits = (order: Order): boolean => isLinear(order.ordered.at(-1)!.parameters) && !misfitOf(order);
  const misfit = misfitOf(usual);
  const order = orders.find(fits);
  if (order) return order;
  if (!misfit) return usual;
  const { module, before } = misfit;
  const { inputs } = widthsOf(module);
  const expected =
    module === usual.ordered[0] && !embedding
      ? `one-hot input of the ${before.width} characters that ${before.name} gives`
      : `one that takes the ${before.width} values that ${before.name} gives${unlessUnused(`${module.name}.`)}`;
  throw unsupported(module.name || where, expected, phrase(`a module of ${inputs} inputs`));
};

/** The first module that does not take what the one before it gives; a one-hot input is as wide as the output. */
const misfitOf = ({ embedding, ordered }: Order) => {
  let before = embedding && { name: embedding.name, width: widthsOf(embedding).inputs };
  for (const module of ordered) {
    const { inputs, outputs } = widthsOf(module);
    if (before && before.width !== inputs) return { module, before };
    before = { name: module.name, width: outputs };
  }
  const [first] = ordered;
  if (!embedding && first && before && before.width !== widthsOf(first).inputs)
    return { module: first, before };
  return undefined;
};

const MOST_CHAINED = 6;

/** nn.Linear in the one order in which each takes what the one before gives. */
const chained = (linears: readonly Module[], inputs: number, where: string): readonly Module[] => {
  if (linears.length > MOST_CHAINED)
    throw unsupported(where, `at most ${MOST_CHAINED} nn.Linear`, linears.length);
  const chains = (left: readonly Module[], width: number): readonly (readonly Module[])[] =>
    left.length === 0
      ? [[]]
      : left.flatMap((module) => {
          const [outputs = 0, taken] = module.parameters.get('weight')!.shape;
          if (taken !== width) return [];
          return chains(
            left.filter((other) => other !== module),
            outputs,
          ).map((chain) => [module, ...chain]);
        });
  const [only, ...others] = chains(linears, inputs);
  if (only === undefined || others.length > 0) {
    throw orderLost(where, 'nn.Linear whose order is lost');
  }
  return only;
};

const shown = (modules: readonly Module[]): string =>
  modules.map(({ name, parameters }) => `${name}.${[...parameters.keys()][0]}`).join(', ') || 'none';

const readRank = ({ name, parameters }: Module, parameter: string, rank: number): Tensor => {
  const where = `${name}.${parameter}`;
  const tensor = parameters.get(parameter)?.read();
  if (!tensor) throw invalid(where, 'a tensor', undefined);
  expectRank(tensor, rank, where);
  return tensor;
};

const addRecurrent = (
  builder: SequentialBuilder,
  module: Module,
  { nonlinearity }: StateDictOptions,
  notes: string[],
): void => {
  const { name, parameters } = module;
  const isCell = parameters.has('weight_ih');
  const layers = isCell ? 1 : [...parameters.keys()].filter((key) => key.startsWith('weight_ih_l')).length;
  for (let layer = 0; layer < layers; layer++) {
    const suffix = isCell ? '' : `_l${layer}`;
    const fromInput = readRank(module, `weight_ih${suffix}`, 2);
    const fromState = readRank(module, `weight_hh${suffix}`, 2);
    const [rows = 0, units = 0] = fromState.shape;
    const gates = rows / units;
    if (!(gates in kinds) || fromInput.shape[0] !== rows) {
      throw invalid(`${name}.weight_hh${suffix}.shape`, '[4, 3 or 1 times units, units]', fromState.shape);
    }
    const { kind, order } = kinds[gates as keyof typeof kinds];
    const kernel = reorderGates(transpose(fromInput), order);
    const recurrent = reorderGates(transpose(fromState), order);
    const zeros: Tensor = { shape: [rows], values: new Float32Array(rows) };
    const biasOf = (parameter: string): Float32Array =>
      reorderGates(parameters.has(parameter) ? readRank(module, parameter, 1) : zeros, order).values;
    const inputBias = biasOf(`bias_ih${suffix}`);
    const stateBias = biasOf(`bias_hh${suffix}`);
    if (inputBias.length !== rows || stateBias.length !== rows) {
      throw invalid(`${name}.bias_ih${suffix}.shape`, `[${rows}]`, [inputBias.length]);
    }
    if (kind === 'GRU') {
      const values = new Float32Array(2 * rows);
      values.set(inputBias);
      values.set(stateBias, rows);
      const bias = { shape: [2, rows], values };
      builder.recurrent(kind, { kernel, recurrent, bias }, { resetAfter: true });
      continue;
    }
    const bias = { shape: [rows], values: add(inputBias, stateBias) };
    if (kind === 'SimpleRNN' && nonlinearity === undefined && layer === 0) {
      notes.push(
        `A state dict does not say which function ${name || 'the nn.RNN'} applies: tanh, PyTorch's default, was taken. ` +
          "If it was made with nonlinearity='relu', give --nonlinearity relu.",
      );
    }
    builder.recurrent(
      kind,
      { kernel, recurrent, bias },
      { activation: kind === 'SimpleRNN' ? (nonlinearity ?? 'tanh') : 'tanh' },
    );
  }
};
