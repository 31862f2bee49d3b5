import type { TrainingPrecision } from '../../src/training-jobs/training-jobs.ts';
import { type Attribute, type Binding, bindingOf, type TensorFlow } from './tensorflow.ts';

/** A tensor inside TensorFlow, by its number. Its owner, who created it, frees it. */
export type Handle = number;

/** Which operand of a product is transposed; `few`: the left one, to be multiplied by few columns. */
type Layout = 'plain' | 'left' | 'right' | 'few';

/** A TensorFlow kernel and its attributes. */
type Call = readonly [kernel: string, attributes: readonly Attribute[]];

/** TensorFlow's number for bfloat16, which tfjs-node does not name. */
const TF_BFLOAT16 = 14;

/** Rows of a table up to which a product with one-hot characters is faster than reading rows and summing by them. */
export const MOST_ONE_HOT = 256;

/**
 * TensorFlow's kernels by name, without tfjs' tensors, tapes and bookkeeping around them: an inner loop of some
 * hundred small operations a step cannot afford those. Nothing is freed automatically; `live` counts what is left.
 */
export class Kernels {
  readonly #tf: TensorFlow;
  readonly #binding: Binding;
  readonly #float: Attribute;
  readonly #bfloat: Attribute;
  readonly #products: Readonly<Record<'float32' | 'bfloat16', Record<Layout, Call>>>;
  readonly #toFloat32: readonly Attribute[];
  readonly #toBfloat16: readonly Attribute[];
  /** Those that hold bfloat16. All others hold float32 or whole numbers. */
  readonly #short = new Set<Handle>();
  readonly #cellGradient: readonly Attribute[];
  readonly #axis0: Handle;
  readonly #axis1: Handle;
  /** Handles made and not yet freed. */
  live = 0;

  constructor(tf: TensorFlow, binding: Binding = bindingOf(tf)) {
    this.#tf = tf;
    const flag = (name: string, value: boolean) => ({ name, type: binding.TF_ATTR_BOOL, value });
    const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
    const products = (of: number): Record<Layout, Call> => {
      const call = (left: boolean, right: boolean): Call => [
        'BatchMatMulV2',
        [type('T', of), flag('adj_x', left), flag('adj_y', right)],
      ];
      const few: Call = ['MatMul', [type('T', of), flag('transpose_a', true), flag('transpose_b', false)]];
      return { plain: call(false, false), left: call(true, false), right: call(false, true), few };
    };
    const cast = (from: number, to: number) => [
      type('SrcT', from),
      type('DstT', to),
      flag('Truncate', false),
    ];
    this.#binding = binding;
    this.#float = type('T', binding.TF_FLOAT);
    this.#bfloat = type('T', TF_BFLOAT16);
    this.#products = { float32: products(binding.TF_FLOAT), bfloat16: products(TF_BFLOAT16) };
    this.#toFloat32 = cast(TF_BFLOAT16, binding.TF_FLOAT);
    this.#toBfloat16 = cast(binding.TF_FLOAT, TF_BFLOAT16);
    this.#cellGradient = [this.#float, flag('use_peephole', false)];
    this.#axis0 = this.integers([0], []);
    this.#axis1 = this.integers([1], []);
    this.live = 0;
  }

  floats(values: Float32Array, shape: readonly number[]): Handle {
    this.live += 1;
    return this.#binding.createTensor(shape, this.#binding.TF_FLOAT, values);
  }

  integers(values: Int32Array | readonly number[], shape: readonly number[]): Handle {
    this.live += 1;
    const array = values instanceof Int32Array ? values : Int32Array.from(values);
    return this.#binding.createTensor(shape, this.#binding.TF_INT32, array);
  }

  scalar(value: number): Handle {
    return this.floats(Float32Array.of(value), []);
  }

  /** A copy of its values. */
  read(handle: Handle): Float32Array {
    return Float32Array.from(this.#binding.tensorDataSync(handle));
  }

  free(...handles: readonly Handle[]): void {
    for (const handle of handles) {
      this.#binding.deleteTensor(handle);
      this.#short.delete(handle);
    }
    this.live -= handles.length;
  }

  /** As an operand of products in a precision: in float32 `a` itself, else rounded, and `a` freed. */
  operand(a: Handle, precision: TrainingPrecision): Handle {
    if (precision === 'f32') return a;
    const short = this.#rounded(a);
    this.free(a);
    return short;
  }

  /** Row under row, as an operand of products in a precision. */
  stackOperand(parts: readonly Handle[], precision: TrainingPrecision): Handle {
    if (precision === 'f32') return this.stack(parts);
    const short = parts.map((part) => this.#asShort(part));
    const stacked = short.length > 1 ? this.stack(short) : short[0]!;
    this.free(...short.filter((part, at) => part !== parts[at] && part !== stacked));
    return stacked;
  }

  /** In float32: what is so already is copied. */
  widened(a: Handle): Handle {
    return this.#short.has(a)
      ? this.#one('Cast', this.#toFloat32, [a])
      : this.#one('Identity', [this.#float], [a]);
  }

  /**
   * [m, k] x [k, n]. In bfloat16, or where an operand has it, what is multiplied is rounded to it, the sums are made in float32,
   * and what comes out is bfloat16 in float32.
   *
   * Through `BatchMatMulV2`. For `MatMul` oneDNN copies all of a float32 `a` each time, which for 16 columns takes a quarter of the
   * time, and takes up to twice as long where `b` is transposed; and a graph joins it to an addition that follows, in a kernel that is
   * not oneDNN's.
   */
  product(a: Handle, b: Handle, precision?: TrainingPrecision): Handle {
    return this.#multiply('plain', a, b, precision);
  }

  /** [k, m] transposed x [k, n], likewise. */
  productOfTransposed(a: Handle, b: Handle, precision?: TrainingPrecision): Handle {
    return this.#multiply('left', a, b, precision);
  }

  /** The same for a column or few: through `MatMul`, which is faster there. */
  productOfTransposedByFew(a: Handle, b: Handle): Handle {
    return this.#multiply('few', a, b, undefined);
  }

  /** [m, k] x [n, k] transposed, likewise. */
  productByTransposed(a: Handle, b: Handle, precision?: TrainingPrecision): Handle {
    return this.#multiply('right', a, b, precision);
  }

  /** [m, n] -> [n, m] */
  transpose(a: Handle): Handle {
    return this.permute(a, [1, 0]);
  }

  /** Its axes in another order. */
  permute(a: Handle, axes: readonly number[]): Handle {
    const order = this.integers(axes, [axes.length]);
    const result = this.#one('Transpose', [this.#float, this.whole('Tperm')], [a, order]);
    this.free(order);
    return result;
  }

  reshape(a: Handle, shape: readonly number[]): Handle {
    const wanted = this.integers(shape, [shape.length]);
    const result = this.#one('Reshape', [this.#float, this.whole('Tshape')], [a, wanted]);
    this.free(wanted);
    return result;
  }

  add(a: Handle, b: Handle): Handle {
    return this.#one('AddV2', [this.#float], [a, b]);
  }

  subtract(a: Handle, b: Handle): Handle {
    return this.#one('Sub', [this.#float], [a, b]);
  }

  multiply(a: Handle, b: Handle): Handle {
    return this.#one('Mul', [this.#float], [a, b]);
  }

  /** a x number */
  scale(a: Handle, factor: number): Handle {
    const scalar = this.scalar(factor);
    const result = this.multiply(a, scalar);
    this.free(scalar);
    return result;
  }

  sigmoid(a: Handle): Handle {
    return this.#one('Sigmoid', [this.#float], [a]);
  }

  tanh(a: Handle): Handle {
    return this.#one('Tanh', [this.#float], [a]);
  }

  /** Columns into `count` equal parts, each a copy. */
  columns(a: Handle, count: number): Handle[] {
    return this.#split(this.#axis1, a, count);
  }

  /** Rows into `count` equal parts. */
  rows(a: Handle, count: number): Handle[] {
    return this.#split(this.#axis0, a, count);
  }

  /** Rows into parts of these sizes. */
  parts(a: Handle, sizes: readonly number[]): Handle[] {
    const rows = this.integers(sizes, [sizes.length]);
    const attributes = [this.#float, this.#count('num_split', sizes.length), this.whole('Tlen')];
    const parts = this.run('SplitV', attributes, [a, rows, this.#axis0], sizes.length);
    this.free(rows);
    return parts;
  }

  /** Row under row. */
  stack(parts: readonly Handle[]): Handle {
    return this.#concatenate(parts, this.#axis0);
  }

  /** Column beside column. */
  beside(parts: readonly Handle[]): Handle {
    return this.#concatenate(parts, this.#axis1);
  }

  /** Rows `ids` of a table: [n, columns]. */
  gather(table: Handle, ids: Handle): Handle {
    const type = { name: 'Tparams', type: this.#binding.TF_ATTR_TYPE, value: this.#binding.TF_FLOAT };
    const attributes = [type, this.whole('Tindices'), this.whole('Taxis'), this.#count('batch_dims', 0)];
    return this.#one('GatherV2', attributes, [table, ids, this.#axis0]);
  }

  /**
   * The gradient of `gather`: rows [n, columns] summed by id into [count, columns]. As a product with the ids' one-hot
   * rows where these are few: TensorFlow's own sum by segments runs on one core.
   */
  sumByRow(rows: Handle, ids: Handle, count: number): Handle {
    if (count > MOST_ONE_HOT) {
      const size = this.integers([count], []);
      const attributes = [this.#float, this.whole('Tindices'), this.whole('Tnumsegments')];
      const sums = this.#one('UnsortedSegmentSum', attributes, [rows, ids, size]);
      this.free(size);
      return sums;
    }
    const oneHot = this.oneHot(ids, count);
    const sums = this.productOfTransposed(oneHot, rows);
    this.free(oneHot);
    return sums;
  }

  /** A row for each id, 1 in its column: [n, count]. */
  oneHot(ids: Handle, count: number): Handle {
    return this.#oneHot(ids, count, 1, -1);
  }

  /** A column for each id, `value` in its row: [count, n]. A number beyond the rows gives zeros. */
  oneHotColumns(ids: Handle, count: number, value: number): Handle {
    return this.#oneHot(ids, count, value, 0);
  }

  /** Of each row: [m, n]. */
  softmax(logits: Handle): Handle {
    return this.#one('Softmax', [this.#float], [logits]);
  }

  /** The first `count` rows. */
  head(a: Handle, count: number, columns: number): Handle {
    const begin = this.integers([0, 0], [2]);
    const size = this.integers([count, columns], [2]);
    const result = this.#one('Slice', [this.#float, this.whole('Index')], [a, begin, size]);
    this.free(begin, size);
    return result;
  }

  /** [m, n] + [n] */
  addBias(a: Handle, bias: Handle): Handle {
    return this.#one('BiasAdd', [this.#float], [a, bias]);
  }

  /** [m, n] -> [n]: the gradient of `addBias`. */
  sumOfRows(a: Handle): Handle {
    return this.#one('BiasAddGrad', [this.#float], [a]);
  }

  /** Sum of squares over two: []. */
  halfSquares(a: Handle): Handle {
    return this.#one('L2Loss', [this.#float], [a]);
  }

  /** Losses [n] in nats and their gradient by the logits [n, vocabulary], in one call. */
  crossEntropy(logits: Handle, targets: Handle): [losses: Handle, gradient: Handle] {
    const attributes = [this.#float, this.whole('Tlabels')];
    const [losses, gradient] = this.run(
      'SparseSoftmaxCrossEntropyWithLogits',
      attributes,
      [logits, targets],
      2,
    );
    return [losses!, gradient!];
  }

  /** The same against distributions [n, vocabulary] in place of single characters. */
  softCrossEntropy(logits: Handle, targets: Handle): [losses: Handle, gradient: Handle] {
    const [losses, gradient] = this.run('SoftmaxCrossEntropyWithLogits', [this.#float], [logits, targets], 2);
    return [losses!, gradient!];
  }

  /** Gradient of the gates, all but the products: by c before the step, and by the gates' sums in order i c f o. */
  cellGradient(inputs: readonly Handle[]): [cell: Handle, gates: Handle] {
    const [cell, gates, ...peepholes] = this.run('LSTMBlockCellGrad', this.#cellGradient, inputs, 5);
    this.free(...peepholes);
    return [cell!, gates!];
  }

  /** 1 / (1 - rate) where a number drawn is at least `rate`, else 0. The same seed [] and place, the same mask. */
  mask(shape: readonly number[], rate: number, seed: Handle, place: number): Handle {
    const size = this.integers(shape, [shape.length]);
    const second = this.integers([place], []);
    const both = [this.whole('T'), this.#count('N', 2), this.#count('axis', 0)];
    const seeds = this.#one('Pack', both, [seed, second]);
    const type = { name: 'dtype', type: this.#binding.TF_ATTR_TYPE, value: this.#binding.TF_FLOAT };
    const uniform = this.#one(
      'StatelessRandomUniform',
      [type, this.whole('T'), this.whole('Tseed')],
      [size, seeds],
    );
    const keep = this.scalar(1 - rate);
    const raised = this.add(uniform, keep);
    const kept = this.#one('Floor', [this.#float], [raised]);
    const scaled = this.scale(kept, 1 / (1 - rate));
    this.free(size, second, seeds, uniform, keep, raised, kept);
    return scaled;
  }

  /** Any kernel by its name. */
  run(name: string, attributes: readonly Attribute[], inputs: readonly Handle[], outputs: number): Handle[] {
    this.live += outputs;
    return this.#binding.executeOp(name, attributes, inputs, outputs).map(({ id }) => id);
  }

  get binding(): Binding {
    return this.#binding;
  }

  /** The same kernels, called through another binding. */
  through(binding: Binding): Kernels {
    return new Kernels(this.#tf, binding);
  }

  /** A graph in the folder of a SavedModel, by its number. @see GraphRecorder */
  loadGraph(folder: string): number {
    return this.#binding.loadSavedModel(folder, 'serve');
  }

  runGraph(
    graph: number,
    names: readonly string[],
    inputs: readonly Handle[],
    outputs: readonly string[],
  ): Handle[] {
    this.live += outputs.length;
    return this.#binding.runSavedModel(graph, inputs, names.join(), outputs.join()).map(({ id }) => id);
  }

  freeGraph(graph: number): void {
    this.#binding.deleteSavedModel(graph);
  }

  get float(): Attribute {
    return this.#float;
  }

  typed(name: string): Attribute {
    return { name, type: this.#binding.TF_ATTR_TYPE, value: this.#binding.TF_FLOAT };
  }

  shaped(shape: readonly number[]): Attribute {
    return { name: 'shape', type: this.#binding.TF_ATTR_SHAPE, value: shape };
  }

  text(name: string, value: string): Attribute {
    return { name, type: this.#binding.TF_ATTR_STRING, value };
  }

  #one(name: string, attributes: readonly Attribute[], inputs: readonly Handle[]): Handle {
    this.live += 1;
    return this.#binding.executeOp(name, attributes, inputs, 1)[0]!.id;
  }

  #multiply(layout: Layout, a: Handle, b: Handle, precision: TrainingPrecision | undefined): Handle {
    if (precision !== 'bf16' && !this.#short.has(a) && !this.#short.has(b))
      return this.#one(...this.#products.float32[layout], [a, b]);
    const operands = [a, b].map((operand) => this.#asShort(operand));
    const short = this.#one(...this.#products.bfloat16[layout], operands);
    const product = this.#one('Cast', this.#toFloat32, [short]);
    this.free(short, ...operands.filter((operand) => operand !== a && operand !== b));
    return product;
  }

  /** Itself, or a copy that is rounded. */
  #asShort(a: Handle): Handle {
    return this.#short.has(a) ? a : this.#rounded(a);
  }

  #rounded(a: Handle): Handle {
    const short = this.#one('Cast', this.#toBfloat16, [a]);
    this.#short.add(short);
    return short;
  }

  #typeOf(a: Handle): Attribute {
    return this.#short.has(a) ? this.#bfloat : this.#float;
  }

  #concatenate(parts: readonly Handle[], axis: Handle): Handle {
    const type = this.#typeOf(parts[0]!);
    const attributes = [type, this.#count('N', parts.length), this.whole('Tidx')];
    const joined =
      parts.length === 1
        ? this.#one('Identity', [type], parts)
        : this.#one('ConcatV2', attributes, [...parts, axis]);
    if (type === this.#bfloat) this.#short.add(joined);
    return joined;
  }

  #oneHot(ids: Handle, count: number, value: number, axis: 0 | -1): Handle {
    const [size, on, off] = [this.integers([count], []), this.scalar(value), this.scalar(0)];
    const attributes = [this.#float, this.whole('TI'), this.#count('axis', axis)];
    const result = this.#one('OneHot', attributes, [ids, size, on, off]);
    this.free(size, on, off);
    return result;
  }

  #split(axis: Handle, a: Handle, count: number): Handle[] {
    const type = this.#typeOf(a);
    const parts = this.run('Split', [type, this.#count('num_split', count)], [axis, a], count);
    if (type === this.#bfloat) for (const part of parts) this.#short.add(part);
    return parts;
  }

  flag(name: string, value: boolean): Attribute {
    return { name, type: this.#binding.TF_ATTR_BOOL, value };
  }

  #count(name: string, value: number): Attribute {
    return { name, type: this.#binding.TF_ATTR_INT, value };
  }

  whole(name: string): Attribute {
    return { name, type: this.#binding.TF_ATTR_TYPE, value: this.#binding.TF_INT32 };
  }
}
