import { decodeFloat16 } from '../model/format/halves.ts';
import { invalid, phrase, unsupported } from '../model/format/invalid.ts';

/** A named array of a file, decoded: row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array; // as many as the shape says
}

/** How a file stores one value. bfloat16 is a float32's upper half. */
export type DType =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool';

export const bytesPerValue: Readonly<Record<DType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** A whole number by itself counts steps or batches (`n_averaged`, `num_batches_tracked`): no layer reads it. */
export const isCounter = (shape: readonly number[], dtype: DType): boolean =>
  shape.length === 0 && /^(u?int|bool)/.test(dtype);

/** More values than any model of the family has. */
const MOST_VALUES = 2 ** 30;
const MOST_AXES = 8;

/** How many values a shape has. @throws FolioError `model_invalid` for sizes that cannot be */
export const countOf = (shape: readonly number[], where: string): number => {
  if (shape.length > MOST_AXES) throw invalid(`${where}.shape`, `at most ${MOST_AXES} axes`, shape.length);
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) throw invalid(`${where}.shape`, 'sizes', shape);
    count *= size;
    if (count > MOST_VALUES) throw invalid(`${where}.shape`, `at most ${MOST_VALUES} values`, shape);
  }
  return count;
};

/** Little-endian bytes to float32. @param bytes As many as the values need; longer is refused. */
export const decodeValues = (bytes: Uint8Array, dtype: DType, where: string): Float32Array => {
  const size = bytesPerValue[dtype];
  if (bytes.length % size !== 0) throw invalid(where, `whole values of ${size} bytes`, bytes.length);
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes); // a copy, whatever kind of view this is
  const at = [aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.length / size] as const;
  switch (dtype) {
    case 'float32':
      return new Float32Array(...at);
    case 'float16':
      return decodeFloat16(new Uint16Array(...at));
    case 'bfloat16': {
      const values = new Float32Array(at[2]);
      const bits = new Uint32Array(values.buffer);
      new Uint16Array(...at).forEach((half, i) => {
        bits[i] = half << 16;
      });
      return values;
    }
    case 'float64':
      return Float32Array.from(new Float64Array(...at));
    case 'int64':
      return Float32Array.from(new BigInt64Array(...at), Number);
    case 'int32':
      return Float32Array.from(new Int32Array(...at));
    case 'int16':
      return Float32Array.from(new Int16Array(...at));
    case 'int8':
      return Float32Array.from(new Int8Array(...at));
    case 'uint8':
    case 'bool':
      return Float32Array.from(aligned);
  }
};

/** A tensor of a file's bytes. @throws FolioError `model_invalid` unless they are as many as the shape says */
export const tensorOf = (
  bytes: Uint8Array,
  dtype: DType,
  shape: readonly number[],
  where: string,
): Tensor => {
  const expected = countOf(shape, where) * bytesPerValue[dtype];
  if (bytes.length !== expected) throw invalid(where, `${expected} bytes`, phrase(`${bytes.length} bytes`));
  return { shape, values: decodeValues(bytes, dtype, where) };
};

/** [rows, columns] to [columns, rows]: PyTorch and ONNX write outputs first, Keras inputs. */
export const transpose = ({ shape, values }: Tensor): Tensor => {
  const [rows = 0, columns = 0] = shape;
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = values[row * columns + column]!;
    }
  }
  return { shape: [columns, rows], values: turned };
};

/**
 * Brings the gates of a matrix [inputs, gates * units] or a vector [gates * units] into another order.
 * @param order For each gate of the result, its place in what is given.
 */
export const reorderGates = (given: Tensor, order: readonly number[]): Tensor => {
  const width = given.shape.at(-1)!;
  const units = width / order.length;
  const values = new Float32Array(given.values.length);
  for (let start = 0; start < values.length; start += width) {
    order.forEach((from, gate) => {
      const part = given.values.subarray(start + from * units, start + (from + 1) * units);
      values.set(part, start + gate * units);
    });
  }
  return { shape: given.shape, values };
};

export const add = (a: Float32Array, b: Float32Array): Float32Array =>
  a.map((value, i) => value + (b[i] ?? 0));

/** @throws FolioError `model_invalid` unless the tensor has this many axes */
export const expectRank = (tensor: Tensor, rank: number, where: string): void => {
  if (tensor.shape.length !== rank) throw invalid(`${where}.shape`, `${rank} sizes`, tensor.shape);
};

/** @throws FolioError `model_unsupported` for a dtype that has no name here */
export const dtypeOf = (table: Readonly<Record<string, DType>>, name: string, where: string): DType => {
  const dtype = Object.hasOwn(table, name) ? table[name] : undefined;
  if (dtype === undefined) throw unsupported(`${where}.dtype`, Object.keys(table).join(', '), name);
  return dtype;
};
