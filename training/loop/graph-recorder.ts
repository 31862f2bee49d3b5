import type { Attribute, Binding } from './tensorflow.ts';

/** A field of a protocol buffer: its number, with a whole number or with bytes. */
const number = (field: number, value: number): Buffer => Buffer.concat([varint(8 * field), varint(value)]);
const bytes = (field: number, ...parts: readonly (string | Uint8Array)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  return Buffer.concat([varint(8 * field + 2), varint(content.length), content]);
};

const varint = (value: number): Buffer => {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return Buffer.from([...out, Number(rest)]);
};

const shapeOf = (shape: readonly number[]): Buffer =>
  Buffer.concat(shape.map((size) => bytes(2, number(1, size))));

/** Version of TensorFlow's GraphDef: one from which every TensorFlow 2 loads all operations as they are. */
const PRODUCER = 1087;

/**
 * A binding that computes nothing: it writes down every call as a node of a TensorFlow graph (tensorflow/core/framework/*.proto). A
 * graph runs a step's kernels without a call from JavaScript for each, two at a time where they do not wait for each other, and
 * writes results over operands that nobody needs any more.
 */
export class GraphRecorder implements Binding {
  readonly TF_Version: string;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly #nodes: Buffer[] = [];
  readonly #names: string[] = []; // by handle

  constructor(real: Binding) {
    this.TF_Version = real.TF_Version;
    this.TF_ATTR_INT = real.TF_ATTR_INT;
    this.TF_ATTR_FLOAT = real.TF_ATTR_FLOAT;
    this.TF_ATTR_BOOL = real.TF_ATTR_BOOL;
    this.TF_ATTR_TYPE = real.TF_ATTR_TYPE;
    this.TF_ATTR_SHAPE = real.TF_ATTR_SHAPE;
    this.TF_ATTR_STRING = real.TF_ATTR_STRING;
    this.TF_FLOAT = real.TF_FLOAT;
    this.TF_INT32 = real.TF_INT32;
  }

  /** A tensor that is given when the graph runs. */
  input(shape: readonly number[], type: number): number {
    return this.#node('Placeholder', { dtype: number(6, type), shape: bytes(7, shapeOf(shape)) });
  }

  /** By which an input or a result is named to `Kernels.runGraph`. */
  nameOf(handle: number): string {
    return this.#names[handle]!;
  }

  createTensor(shape: readonly number[], type: number, values: Float32Array | Int32Array): number {
    const content = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const tensor = bytes(8, number(1, type), bytes(2, shapeOf(shape)), bytes(4, content));
    return this.#node('Const', { dtype: number(6, type), value: tensor });
  }

  deleteTensor(): void {}

  executeOp(name: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number) {
    const encoded = attributes.map(({ name: attribute, type, value }) => [
      attribute,
      number(this.#fieldOf(type, name), Number(value)),
    ]);
    const first = this.#node(name, Object.fromEntries(encoded), inputs);
    for (let output = 1; output < outputs; output += 1) this.#names.push(`${this.#names[first]}:${output}`);
    return Array.from({ length: outputs }, (_, output) => ({ id: first + output, dtype: 0, shape: [] }));
  }

  tensorDataSync(): never {
    throw new Error('A graph that is being recorded has no values.');
  }

  loadSavedModel = this.tensorDataSync;
  runSavedModel = this.tensorDataSync;
  deleteSavedModel = this.tensorDataSync;

  /** The file saved_model.pb. */
  savedModel(): Buffer {
    const graph = Buffer.concat([
      ...this.#nodes.map((node) => bytes(1, node)),
      bytes(4, number(1, PRODUCER)),
    ]);
    return Buffer.concat([number(1, 1), bytes(2, bytes(1, bytes(4, 'serve')), bytes(2, graph))]);
  }

  /** Of AttrValue. */
  #fieldOf(type: number, operation: string): number {
    if (type === this.TF_ATTR_TYPE) return 6;
    if (type === this.TF_ATTR_BOOL) return 5;
    if (type === this.TF_ATTR_INT) return 3;
    throw new Error(`${operation}: an attribute of type ${type} cannot be recorded.`);
  }

  #node(
    operation: string,
    attributes: Readonly<Record<string, Buffer>>,
    inputs: readonly number[] = [],
  ): number {
    const handle = this.#names.length;
    const name = `n${handle}`;
    this.#names.push(name);
    this.#nodes.push(
      Buffer.concat([
        bytes(1, name),
        bytes(2, operation),
        ...inputs.map((input) => bytes(3, this.#names[input]!)),
        ...Object.entries(attributes).map(([key, value]) => bytes(5, bytes(1, key), bytes(2, value))),
      ]),
    );
    return handle;
  }
}
