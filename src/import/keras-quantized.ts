import { invalid, isObject, type Json } from '../model/format/invalid.ts';
import type { Tensor } from './tensor.ts';

/**
 * Keras 3 quantises Dense and Embedding to int8 with a scale for each output or character, or to int4, two values a byte,
 * with scales and zero points for blocks: back to float32.
 *
 * Formulas: keras 3.15, src/layers/core/dense.py and embedding.py, src/quantizers/quantizers.py.
 */
export const dequantize = (
  model: Json,
  weights: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, Tensor> => {
  const outputs = outputSizes(model);
  const result = new Map<string, Tensor>();
  for (const [name, tensor] of weights) {
    if (/\/(kernel|embeddings)_(scale|zero|group)$/.test(name)) continue;
    const scale = weights.get(`${name}_scale`);
    const zero = weights.get(`${name}_zero`);
    const group = weights.get(`${name}_group`);
    if (!scale) result.set(name, tensor);
    else if (zero && group) {
      result.set(name, fromBlocks(name, unpack(name, tensor, outputs), scale, zero, group));
    } else result.set(name, fromScales(name, unpack(name, tensor, outputs), scale));
  }
  return result;
};

/** How many columns each layer's matrix has, by its name: `units` or `output_dim`. */
const outputSizes = (model: Json): ReadonlyMap<string, number> => {
  const sizes = new Map<string, number>();
  const visit = (value: unknown, depth: number): void => {
    if (!isObject(value) || depth > 24) return;
    const { name, units, output_dim: size } = value;
    const columns = units ?? size;
    if (typeof name === 'string' && typeof columns === 'number') sizes.set(name, columns);
    for (const inner of Object.values(value)) {
      if (Array.isArray(inner)) for (const item of inner) visit(item, depth + 1);
      else visit(inner, depth + 1);
    }
  };
  visit(model, 0);
  return sizes;
};

/** Nibbles to values, the lower one first; a matrix that is as wide as its layer is not packed. */
const unpack = (name: string, packed: Tensor, outputs: ReadonlyMap<string, number>): Tensor => {
  const layer = name.split('/').at(-2) ?? '';
  const [rows = 0, width = 0] = packed.shape;
  const columns = outputs.get(layer) ?? width;
  if (columns <= width) return packed;
  if (columns > 2 * width)
    throw invalid(`${name}.shape`, `[${rows}, ${Math.ceil(columns / 2)}]`, packed.shape);
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < values.length; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const byte = packed.values[row * width + (column >> 1)]! & 0xff;
    values[i] = (((column & 1 ? byte >> 4 : byte) & 15) ^ 8) - 8;
  }
  return { shape: [rows, columns], values };
};

/** One scale a column of a kernel, one a row of an embedding: value / scale. */
const fromScales = (name: string, { shape, values }: Tensor, scale: Tensor): Tensor => {
  const [rows = 0, columns = 0] = shape;
  const byRow = name.endsWith('/embeddings');
  if (scale.values.length !== (byRow ? rows : columns)) {
    throw invalid(`${name}_scale.shape`, `[${byRow ? rows : columns}]`, scale.shape);
  }
  const index = (i: number): number => (byRow ? Math.floor(i / columns) : i % columns);
  return { shape, values: values.map((value, i) => value / scale.values[index(i)]!) };
};

/** Scales and zero points of blocks of a kernel's rows, or of an embedding's columns: (value - zero) * scale. */
const fromBlocks = (
  name: string,
  { shape, values }: Tensor,
  scale: Tensor,
  zero: Tensor,
  group: Tensor,
): Tensor => {
  const [rows = 0, columns = 0] = shape;
  const byRow = name.endsWith('/embeddings');
  const blocks = (byRow ? scale.shape[1] : scale.shape[0]) ?? 0;
  const expected = (byRow ? rows : columns) * blocks;
  if (
    group.values.length !== (byRow ? columns : rows) ||
    scale.values.length !== expected ||
    zero.values.length !== expected ||
    group.values.some((block) => !(block >= 0 && block < blocks))
  ) {
    throw invalid(`${name}_scale.shape`, `scales of ${blocks} blocks`, scale.shape);
  }
  return {
    shape,
    values: values.map((value, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const at = byRow ? row * blocks + group.values[column]! : group.values[row]! * columns + column;
      return (value - zero.values[at]!) * scale.values[at]!;
    }),
  };
};
