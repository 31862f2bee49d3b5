import { invalid, phrase, unsupported } from '../model/format/invalid.ts';
import type { Activation } from '../model/network.ts';
import type { ReadSibling } from './ml5.ts';
import { dequantizeLinear, foldConstant } from './onnx-constants.ts';
import { type OnnxAttribute, type OnnxNode, type OnnxTensor, readOnnx } from './onnx-file.ts';
import { type ParsedModel, SequentialBuilder } from './parsed-model.ts';
import { add, expectRank, reorderGates, type Tensor, transpose } from './tensor.ts';

/**
 * What a node gives, as far as it matters: a known tensor; the text on its way through the layers (`step` says which
 * layer it came from); sizes and zeros that depend on the batch; the scale of values that are quantised while they are run.
 */
type Value =
  | { readonly kind: 'constant'; readonly tensor: Tensor }
  | { readonly kind: 'input' }
  | { readonly kind: 'flow'; readonly step: number }
  | { readonly kind: 'size' }
  | { readonly kind: 'zeros' }
  | { readonly kind: 'scale'; readonly tensor: Tensor | undefined };

/** A matrix product on its way to become a Dense. */
interface PendingDense {
  kernel: Tensor;
  bias: Tensor | undefined;
  activation: Activation | 'softmax';
}

/** ONNX' gates i o f c are Keras' i f c o; its GRU's z r h are Keras'. */
const kinds = {
  LSTM: { gates: 4, order: [0, 2, 3, 1] },
  GRU: { gates: 3, order: [0, 1, 2] },
  RNN: { gates: 1, order: [0] },
} as const;

/**
 * A recurrent model exported to ONNX: Gather or one-hot input, LSTM, GRU or RNN nodes, MatMul or Gemm, with constants
 * computed where the exporter left that to the graph, also quantised by onnxruntime's quantize_dynamic.
 *
 * @param read Reads the file beside it in which large models keep their weights.
 * @throws FolioError `model_invalid`, `model_unsupported` naming the node
 */
export const readOnnxModel = async (
  bytes: Uint8Array,
  where: string,
  read: ReadSibling,
): Promise<ParsedModel> => {
  const graph = readOnnx(bytes, where);
  const files = new Map<string, Uint8Array | undefined>();
  for (const { external } of graph.initializers.values()) {
    if (!external || files.has(external.file)) continue;
    if (/[\\/]|^\.\./.test(external.file)) throw invalid(where, 'weights in a file beside it', external.file);
    const file = await read(external.file);
    if (!file)
      throw invalid(
        where,
        `the file ${external.file} beside it, which holds its weights`,
        phrase('no such file'),
      );
    files.set(external.file, file);
  }
  const constantOf = (tensor: OnnxTensor): Tensor =>
    tensor.read(tensor.external ? files.get(tensor.external.file) : undefined);
  const walker = new GraphWalker(where, graph.inputs, (name) => {
    const tensor = graph.initializers.get(name);
    return tensor && constantOf(tensor);
  });
  for (const node of graph.nodes) walker.visit(node);
  return { format: 'ONNX', ...walker.finish(graph.outputs), notes: [] };
};

const sameShape = new Set([
  'Identity',
  'Cast',
  'Dropout',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Transpose',
]);
const activations: Readonly<Record<string, Activation>> = {
  Relu: 'relu',
  Tanh: 'tanh',
  Sigmoid: 'sigmoid',
  HardSigmoid: 'hardSigmoid',
};

class GraphWalker {
  readonly #where: string;
  readonly #builder = new SequentialBuilder();
  readonly #values = new Map<string, Value>();
  readonly #initializer: (name: string) => Tensor | undefined;
  #step = 0;
  #started = false;
  #embedding: Tensor | undefined;
  /** With what the embedding was made real numbers. */
  #quantized: { readonly scale: Tensor } | undefined;
  #dense: PendingDense | undefined;

  constructor(where: string, inputs: readonly string[], initializer: (name: string) => Tensor | undefined) {
    this.#where = where;
    this.#initializer = initializer;
    for (const name of inputs) this.#values.set(name, { kind: 'input' });
  }

  visit(node: OnnxNode): void {
    const values = node.inputs.map((name) => this.#value(name));
    const [result, ...others] = this.#run(node, values);
    node.outputs.forEach((name, i) => {
      const value = i === 0 ? result : others[i - 1];
      if (value && name !== '') this.#values.set(name, value);
    });
  }

  finish(outputs: readonly string[]): Pick<ParsedModel, 'topology' | 'weights'> {
    const last = outputs.map((name) => this.#values.get(name)).find((value) => value?.kind === 'flow');
    if (last?.kind !== 'flow' || last.step !== this.#step || !this.#dense) {
      throw unsupported(
        this.#where,
        'a graph that ends in a MatMul or Gemm over the characters',
        phrase('another end'),
      );
    }
    this.#flush();
    return this.#builder.build();
  }

  #value(name: string): Value | undefined {
    if (name === '') return undefined;
    const known = this.#values.get(name);
    if (known) return known;
    const tensor = this.#initializer(name);
    if (!tensor) return undefined;
    const value: Value = { kind: 'constant', tensor };
    this.#values.set(name, value);
    return value;
  }

  /** @returns what each of the node's outputs is */
  #run(node: OnnxNode, values: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
    const { type } = node;
    const where = `${this.#where} ${type} ${node.outputs[0] ?? ''}`.trim();
    const [x] = values;
    const flows = values.filter((value) => value?.kind === 'flow' || value?.kind === 'input');
    if (flows.length === 0) return [this.#runConstant(node, values, where)];
    if (x?.kind === 'constant' && type === 'Gather') return [this.#embed(x.tensor, where)];
    if (type === 'Shape' || type === 'Size') return [{ kind: 'size' }];
    // A part of an input, before any layer, is a layer's share of the initial state.
    if (flows[0]?.kind === 'input' && (type === 'Slice' || type === 'Gather' || type === 'Split'))
      return node.outputs.map(() => ({ kind: 'size' }));
    if (type === 'OneHot' || type === 'Equal') return [this.#oneHot(values, where)];
    const recurrent = type === 'DynamicQuantizeLSTM' ? 'LSTM' : type;
    if (recurrent in kinds) {
      return [
        this.#recurrent(recurrent as keyof typeof kinds, node, values, where),
        { kind: 'size' },
        { kind: 'size' },
      ];
    }
    if (flows.length > 1)
      throw unsupported(where, 'layers one after another', phrase(`${type} of two layers`));
    const flow = flows[0]!;
    if (sameShape.has(type)) return [this.#reshaped(node, flow, where)];
    if (type === 'DequantizeLinear') return [this.#dequantized(flow, values, where)];
    if (type === 'DynamicQuantizeLinear')
      return [flow, { kind: 'scale', tensor: undefined }, { kind: 'size' }];
    this.#continue(flow, where);
    if (type in activations) return [this.#activate(activations[type]!, where)];
    if (type === 'Softmax' || type === 'LogSoftmax') return [this.#activate('softmax', where)];
    if (type === 'Slice' || type === 'Gather') return [this.#lastStep(node, values, flow, where)];
    const constants = values.map((value) => (value?.kind === 'constant' ? value.tensor : undefined));
    switch (type) {
      case 'MatMul':
        return [this.#product(constants[1], where)];
      case 'MatMulInteger': {
        const zero = constants[3];
        const kernel = constants[1];
        const one = { shape: [], values: Float32Array.of(1) };
        return [this.#product(kernel && dequantizeLinear(kernel, one, zero, 1, where), where)];
      }
      case 'Gemm':
        return [this.#gemm(node, constants, where)];
      case 'Add':
        return [
          this.#addBias(
            constants.find((tensor) => tensor !== undefined),
            where,
          ),
        ];
      case 'Mul':
        return [this.#scale(values, where)];
      case 'LayerNormalization':
        return [this.#normalize(node, constants, where)];
      default:
        throw unsupported(
          where,
          'Gather, OneHot, LSTM, GRU, RNN, MatMul, Gemm, Add, Relu, Tanh, Sigmoid, LayerNormalization or Softmax',
          type,
        );
    }
  }

  /** Nodes that do not depend on the text. */
  #runConstant(node: OnnxNode, values: readonly (Value | undefined)[], where: string): Value | undefined {
    if (values.some((value) => value?.kind === 'scale')) {
      const constant = values.find((value) => value?.kind === 'constant');
      return { kind: 'scale', tensor: constant?.kind === 'constant' ? constant.tensor : undefined };
    }
    if (values.some((value) => value?.kind === 'zeros')) return { kind: 'zeros' };
    if (values.some((value) => value?.kind === 'size')) {
      if (node.type === 'ConstantOfShape') {
        const [value = 0] = node.attributes.get('value')?.tensor?.read().values ?? [];
        if (value === 0) return { kind: 'zeros' };
      }
      const [x] = values;
      if (node.type === 'Expand' && x?.kind === 'constant' && isZero(x.tensor)) return { kind: 'zeros' };
      return { kind: 'size' };
    }
    const tensors = values.map((value) => (value?.kind === 'constant' ? value.tensor : undefined));
    const tensor = foldConstant(node, tensors, where);
    return tensor && { kind: 'constant', tensor };
  }

  /** The text goes on from the layer that came last; anything else is a branch. */
  #continue(value: Value, where: string): void {
    if (value.kind === 'flow' && value.step !== this.#step) {
      throw unsupported(where, 'layers one after another', phrase('a branch'));
    }
  }

  #next(): Value {
    this.#step++;
    return { kind: 'flow', step: this.#step };
  }

  #embed(table: Tensor, where: string): Value {
    expectRank(table, 2, where);
    if (this.#started) throw unsupported(where, 'an embedding as the first layer', phrase('a later one'));
    this.#started = true;
    this.#embedding = table;
    return this.#next();
  }

  /** Ids made one-hot by an operator, or by a comparison with 0 1 2 … */
  #oneHot(values: readonly (Value | undefined)[], where: string): Value {
    const constant = values.find((value) => value?.kind === 'constant');
    if (constant?.kind !== 'constant' || this.#started)
      throw unsupported(where, 'one-hot input', phrase('another use'));
    return { kind: 'input' };
  }

  /** Puts down what was waiting for its bias, its scale or its activation. */
  #flush(): void {
    if (this.#embedding) this.#builder.input([null]).embedding(this.#embedding);
    this.#embedding = undefined;
    if (this.#dense) this.#builder.dense(this.#dense.kernel, this.#dense.bias, this.#dense.activation);
    this.#dense = undefined;
  }

  #reshaped({ type, attributes }: OnnxNode, flow: Value, where: string): Value {
    const order = attributes.get('perm')?.ints ?? [];
    const last = order.at(-1);
    if (flow.kind === 'input' && order.length === 2) return flow; // ids have no features
    if (type === 'Transpose' && last !== order.length - 1) {
      throw unsupported(`${where}.perm`, 'the features as the last axis', order);
    }
    return flow;
  }

  #dequantized(flow: Value, values: readonly (Value | undefined)[], where: string): Value {
    const [, scale, zero] = values.map((value) => (value?.kind === 'constant' ? value.tensor : undefined));
    if (!this.#embedding || !scale) throw unsupported(where, 'a quantised embedding', phrase('another use'));
    // Each node that reads the embedding may have a DequantizeLinear of its own, with the same scale.
    const { scale: before } = this.#quantized ?? {};
    if (before !== undefined && before !== scale)
      throw unsupported(where, 'one scale', phrase('another one'));
    if (before === undefined) this.#embedding = dequantizeLinear(this.#embedding, scale, zero, 1, where);
    this.#quantized = { scale };
    return flow;
  }

  #activate(activation: Activation | 'softmax', where: string): Value {
    if (this.#dense?.activation !== 'linear')
      throw unsupported(where, 'an activation after a MatMul', activation);
    this.#dense.activation = activation;
    return this.#next();
  }

  /** The last step of the text alone: the network gives one for each character anyway. */
  #lastStep(node: OnnxNode, values: readonly (Value | undefined)[], flow: Value, where: string): Value {
    const [, index] = values;
    const starts =
      index?.kind === 'constant' ? [...index.tensor.values] : (node.attributes.get('starts')?.ints ?? []);
    if (starts.some((start) => start !== -1)) {
      throw unsupported(
        where,
        'every step of the text, or the last one: export with a dynamic time axis (dynamic_axes, dynamic_shapes)',
        phrase('a single step'),
      );
    }
    return flow;
  }

  #product(kernel: Tensor | undefined, where: string): Value {
    if (!kernel) throw unsupported(where, 'a product with known weights', phrase('one of two layers'));
    expectRank(kernel, 2, where);
    if (!this.#started) this.#startOneHot(kernel.shape[0]!);
    this.#flush();
    this.#dense = { kernel, bias: undefined, activation: 'linear' };
    return this.#next();
  }

  #startOneHot(size: number): void {
    this.#started = true;
    this.#builder.input([null, size]);
  }

  #gemm({ attributes }: OnnxNode, constants: readonly (Tensor | undefined)[], where: string): Value {
    const [, kernel, bias] = constants;
    const plain = (attributes.get('alpha')?.float ?? 1) === 1 && (attributes.get('beta')?.float ?? 1) === 1;
    if (!kernel || !plain || attributes.get('transA')?.int)
      throw unsupported(where, 'x W + b', phrase('another product'));
    const value = this.#product(attributes.get('transB')?.int ? transpose(kernel) : kernel, where);
    return bias ? this.#addBias(bias, where) : value;
  }

  #addBias(bias: Tensor | undefined, where: string): Value {
    if (!bias || !this.#dense || this.#dense.activation !== 'linear') {
      throw unsupported(where, 'a bias after a MatMul', phrase('another sum'));
    }
    const flat: Tensor = { shape: [bias.values.length], values: bias.values };
    const before = this.#dense.bias;
    this.#dense.bias = before ? { shape: flat.shape, values: add(before.values, flat.values) } : flat;
    return this.#next();
  }

  /** A quantised product's scale. */
  #scale(values: readonly (Value | undefined)[], where: string): Value {
    const factor = values.find((value) => value?.kind === 'scale' || value?.kind === 'constant');
    const tensor = factor?.kind === 'scale' || factor?.kind === 'constant' ? factor.tensor : undefined;
    if (!tensor || !this.#dense || this.#dense.bias)
      throw unsupported(where, 'the scale of a product', phrase('another use'));
    const { kernel } = this.#dense;
    const columns = kernel.shape[1]!;
    const scale = tensor.values;
    if (scale.length !== 1 && scale.length !== columns)
      throw invalid(where, `${columns} scales`, scale.length);
    const scaled = kernel.values.map((value, i) => value * scale[scale.length === 1 ? 0 : i % columns]!);
    this.#dense.kernel = { shape: kernel.shape, values: scaled };
    return this.#next();
  }

  #normalize({ attributes }: OnnxNode, constants: readonly (Tensor | undefined)[], where: string): Value {
    const [, gamma, beta] = constants;
    if (!gamma) throw invalid(where, 'a scale', undefined);
    this.#flush();
    const zeros = { shape: gamma.shape, values: new Float32Array(gamma.values.length) };
    this.#builder.layerNormalization(gamma, beta ?? zeros, attributes.get('epsilon')?.float ?? 1e-5);
    return this.#next();
  }

  #recurrent(
    kind: keyof typeof kinds,
    node: OnnxNode,
    values: readonly (Value | undefined)[],
    where: string,
  ): Value {
    const [x, , , , , ...states] = values;
    if (!x || (x.kind !== 'flow' && x.kind !== 'input'))
      throw invalid(where, 'the text as its input', phrase('another'));
    this.#continue(x, where);
    for (const state of states.slice(0, kind === 'LSTM' ? 2 : 1)) {
      const empty = !state || state.kind === 'zeros' || state.kind === 'input' || state.kind === 'size';
      if (!empty && !(state.kind === 'constant' && isZero(state.tensor))) {
        throw unsupported(where, 'an initial state of zeros', phrase('another one'));
      }
    }
    if (kind === 'LSTM' && values[7]) throw unsupported(where, 'an LSTM without peepholes', phrase('P'));
    const { gates, order } = kinds[kind];
    const { kernel, recurrent } = weightsOf(node, values, where);
    const [units = 0, width = 0] = recurrent.shape;
    if (width !== gates * units || kernel.shape[1] !== width) {
      throw invalid(`${where}.R`, `[1, ${gates} * units, units]`, recurrent.shape);
    }
    const inputs = kernel.shape[0]!;
    const biases = values[3]?.kind === 'constant' ? values[3].tensor.values : new Float32Array(2 * width);
    if (biases.length !== 2 * width) throw invalid(`${where}.B`, `[1, ${2 * width}]`, biases.length);
    const biasOf = (from: number): Float32Array =>
      reorderGates({ shape: [width], values: biases.subarray(from, from + width) }, order).values;
    const [inputBias, stateBias] = [biasOf(0), biasOf(width)];
    if (!this.#started) this.#startOneHot(inputs);
    this.#flush();
    const matrices = { kernel: reorderGates(kernel, order), recurrent: reorderGates(recurrent, order) };
    const { activation, recurrentActivation } = functionsOf(kind, node.attributes, where);
    const resetAfter = kind === 'GRU' && node.attributes.get('linear_before_reset')?.int === 1;
    const bias: Tensor = resetAfter
      ? { shape: [2, width], values: Float32Array.from([...inputBias, ...stateBias]) }
      : { shape: [width], values: add(inputBias, stateBias) };
    this.#builder.recurrent(
      kind === 'RNN' ? 'SimpleRNN' : kind,
      { ...matrices, bias },
      { activation, recurrentActivation, resetAfter },
    );
    return this.#next();
  }
}

const isZero = ({ values }: Tensor): boolean => values.every((value) => value === 0);

/** W and R as Keras has them: [inputs, gates * units] and [units, gates * units], the one direction's. */
const weightsOf = (
  node: OnnxNode,
  values: readonly (Value | undefined)[],
  where: string,
): { kernel: Tensor; recurrent: Tensor } => {
  const direction = node.attributes.get('direction')?.text ?? 'forward';
  if (direction !== 'forward') throw unsupported(`${where}.direction`, '"forward"', direction);
  if (node.attributes.has('clip'))
    throw unsupported(`${where}.clip`, 'none', node.attributes.get('clip')?.float);
  if (node.attributes.get('input_forget')?.int) throw unsupported(`${where}.input_forget`, '0', 1);
  const quantized = node.type === 'DynamicQuantizeLSTM';
  const matrix = (at: number, name: string, scaleAt: number): Tensor => {
    const value = values[at];
    if (value?.kind !== 'constant') {
      throw unsupported(
        `${where}.${name}`,
        'weights that the file holds',
        phrase('weights that it computes'),
      );
    }
    expectRank(value.tensor, 3, `${where}.${name}`);
    const [directions, ...shape] = value.tensor.shape;
    if (directions !== 1) throw unsupported(where, 'one direction', directions);
    const tensor = { shape, values: value.tensor.values };
    if (!quantized) return transpose(tensor);
    // Quantised ones stand as Keras has them, with one scale or one a column.
    const [scale, zero] = [values[scaleAt], values[scaleAt + 1]].map((given) =>
      given?.kind === 'constant'
        ? { shape: [given.tensor.values.length], values: given.tensor.values }
        : undefined,
    );
    if (!scale) throw invalid(`${where}.${name}_scale`, 'a scale', undefined);
    return dequantizeLinear(tensor, scale, zero, 1, where);
  };
  return { kernel: matrix(1, 'W', 8), recurrent: matrix(2, 'R', 10) };
};

const named: Readonly<Record<string, Activation>> = {
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  relu: 'relu',
  affine: 'linear',
  hardsigmoid: 'hardSigmoid',
};

/** `activations` of one direction: LSTM f g h, GRU f g, RNN f. */
const functionsOf = (
  kind: keyof typeof kinds,
  attributes: ReadonlyMap<string, OnnxAttribute>,
  where: string,
): { activation: Activation; recurrentActivation: Activation } => {
  const usual = { LSTM: ['Sigmoid', 'Tanh', 'Tanh'], GRU: ['Sigmoid', 'Tanh'], RNN: ['Tanh'] }[kind];
  const texts = attributes.get('activations')?.texts ?? [];
  const given = texts.length === 0 ? usual : texts;
  const functions = given.map((name) => {
    const activation = named[name.toLowerCase()];
    if (!activation) throw unsupported(`${where}.activations`, 'Tanh, Sigmoid, Relu, HardSigmoid', name);
    return activation;
  });
  const [first = 'tanh', second = first, third = second] = functions;
  if (second !== third) throw unsupported(`${where}.activations`, 'one function for g and h', given);
  return { activation: second, recurrentActivation: kind === 'RNN' ? 'sigmoid' : first };
};
