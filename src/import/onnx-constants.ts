import { invalid, unsupported } from '../model/format/invalid.ts';
import type { OnnxNode } from './onnx-file.ts';
import { countOf, type Tensor } from './tensor.ts';

/** A number an axis, also where it counts from the end. @throws FolioError `model_invalid` */
const axisOf = (axis: number, rank: number, where: string): number => {
  const positive = axis < 0 ? axis + rank : axis;
  if (!(Number.isInteger(positive) && positive >= 0 && positive < rank)) {
    throw invalid(where, `an axis of ${rank}`, axis);
  }
  return positive;
};

const strides = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));

const numbersOf = (tensor: Tensor | undefined): readonly number[] | undefined =>
  tensor && Array.from(tensor.values);

/**
 * Computes a node whose inputs are all known: exporters leave the reordering of gates to whoever runs the graph.
 *
 * @param inputs undefined for an optional one that is not there.
 * @returns undefined for an operation that is not known here
 */
export const foldConstant = (
  { type, attributes }: OnnxNode,
  inputs: readonly (Tensor | undefined)[],
  where: string,
): Tensor | undefined => {
  const [x, y, third] = inputs;
  const ints = (name: string): readonly number[] | undefined => attributes.get(name)?.ints;
  const int = (name: string, otherwise: number): number => attributes.get(name)?.int ?? otherwise;
  if (type === 'Constant') return constantOf(attributes);
  if (!x) return undefined;
  switch (type) {
    case 'Identity':
    case 'Cast':
    case 'Dropout':
      return x;
    case 'Shape':
      return { shape: [x.shape.length], values: Float32Array.from(x.shape) };
    case 'Transpose':
      return permute(x, ints('perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i), where);
    case 'Concat':
      return concat(inputs as readonly Tensor[], axisOf(int('axis', 0), x.shape.length, where), where);
    case 'Slice':
      return sliceOf(x, inputs, ints, where);
    case 'Split':
      return undefined;
    case 'Reshape':
      return reshape(x, numbersOf(y) ?? ints('shape') ?? [], where);
    case 'Flatten':
      return reshape(x, [x.shape.slice(0, int('axis', 1)).reduce((a, b) => a * b, 1), -1], where);
    case 'Squeeze': {
      const axes = (numbersOf(y) ?? ints('axes'))?.map((axis) => axisOf(axis, x.shape.length, where));
      const drop = (size: number, axis: number): boolean => (axes ? axes.includes(axis) : size === 1);
      return reshape(
        x,
        x.shape.filter((size, axis) => !drop(size, axis)),
        where,
      );
    }
    case 'Unsqueeze': {
      const given = numbersOf(y) ?? ints('axes') ?? [];
      const rank = x.shape.length + given.length;
      const axes = given.map((axis) => axisOf(axis, rank, where));
      const rest = [...x.shape];
      const shape = Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!));
      return reshape(x, shape, where);
    }
    case 'Gather':
      return y && gather(x, y, axisOf(int('axis', 0), x.shape.length, where), where);
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
      return y && elementwise(x, y, operations[type], where);
    case 'DequantizeLinear':
      return y && dequantizeLinear(x, y, third, int('axis', 1), where);
    case 'ConstantOfShape': {
      const shape = [...x.values];
      const [value = 0] = attributes.get('value')?.tensor?.read().values ?? [];
      return { shape, values: new Float32Array(countOf(shape, where)).fill(value) };
    }
    case 'Expand':
      return y && elementwise(x, filled([...y.values], where), operations.Mul, where);
    default:
      return undefined;
  }
};

const filled = (shape: readonly number[], where: string): Tensor => ({
  shape,
  values: new Float32Array(countOf(shape, where)).fill(1),
});

const constantOf = (attributes: OnnxNode['attributes']): Tensor | undefined => {
  const tensor = attributes.get('value')?.tensor;
  if (tensor) return tensor.read();
  for (const [name, attribute] of attributes) {
    const list =
      name === 'value_ints' ? attribute.ints : name === 'value_floats' ? attribute.floats : undefined;
    if (list) return { shape: [list.length], values: Float32Array.from(list) };
    const one = name === 'value_int' ? attribute.int : name === 'value_float' ? attribute.float : undefined;
    if (one !== undefined) return { shape: [], values: Float32Array.of(one) };
  }
  return undefined;
};

const operations = {
  Add: (a: number, b: number) => a + b,
  Sub: (a: number, b: number) => a - b,
  Mul: (a: number, b: number) => a * b,
  Div: (a: number, b: number) => a / b,
} as const;

const permute = (x: Tensor, order: readonly number[], where: string): Tensor => {
  const rank = x.shape.length;
  if (order.length !== rank || new Set(order).size !== rank) throw invalid(where, 'every axis once', order);
  const from = strides(x.shape);
  const shape = order.map((axis) => x.shape[axisOf(axis, rank, where)]!);
  return walk(shape, (index) => x.values[index.reduce((at, i, axis) => at + i * from[order[axis]!]!, 0)]!);
};

/** A tensor of this shape, each value from its index. */
const walk = (shape: readonly number[], valueAt: (index: readonly number[]) => number): Tensor => {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const index = shape.map(() => 0);
  for (let i = 0; i < values.length; i++) {
    values[i] = valueAt(index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape, values };
};

const concat = (parts: readonly Tensor[], axis: number, where: string): Tensor => {
  const [first] = parts;
  const rank = first!.shape.length;
  const same = (part: Tensor | undefined): boolean =>
    part?.shape.length === rank && part.shape.every((size, i) => i === axis || size === first!.shape[i]);
  if (!parts.every(same))
    throw invalid(
      where,
      'parts of one shape',
      parts.map((part) => part?.shape.join('x')),
    );
  const shape = first!.shape.map((size, i) =>
    i === axis ? parts.reduce((sum, part) => sum + part.shape[axis]!, 0) : size,
  );
  const values = new Float32Array(countOf(shape, where));
  const inner = strides(shape)[axis]!;
  const outer = values.length / (inner * shape[axis]! || 1);
  let to = 0;
  for (let row = 0; row < outer; row++) {
    for (const part of parts) {
      const length = part.shape[axis]! * inner;
      values.set(part.values.subarray(row * length, (row + 1) * length), to);
      to += length;
    }
  }
  return { shape, values };
};

const sliceOf = (
  x: Tensor,
  inputs: readonly (Tensor | undefined)[],
  ints: (name: string) => readonly number[] | undefined,
  where: string,
): Tensor => {
  const starts = numbersOf(inputs[1]) ?? ints('starts') ?? [];
  const ends = numbersOf(inputs[2]) ?? ints('ends') ?? [];
  const axes = numbersOf(inputs[3]) ?? ints('axes') ?? starts.map((_, i) => i);
  const steps = numbersOf(inputs[4]) ?? starts.map(() => 1);
  const from = x.shape.map(() => 0);
  const step = x.shape.map(() => 1);
  const shape = [...x.shape];
  axes.forEach((given, i) => {
    const axis = axisOf(given, x.shape.length, where);
    const size = x.shape[axis]!;
    const by = steps[i] ?? 1;
    if (by <= 0 || !Number.isInteger(by)) throw unsupported(where, 'steps above 0', by);
    const clamp = (value: number): number => Math.min(size, Math.max(0, value < 0 ? value + size : value));
    from[axis] = clamp(starts[i] ?? 0);
    step[axis] = by;
    shape[axis] = Math.max(0, Math.ceil((clamp(ends[i] ?? size) - from[axis]!) / by));
  });
  const stride = strides(x.shape);
  return walk(
    shape,
    (index) =>
      x.values[index.reduce((at, i, axis) => at + (from[axis]! + i * step[axis]!) * stride[axis]!, 0)]!,
  );
};

const reshape = (x: Tensor, wanted: readonly number[], where: string): Tensor => {
  const shape = wanted.map((size, axis) => (size === 0 ? (x.shape[axis] ?? 0) : size));
  const open = shape.indexOf(-1);
  if (open >= 0) {
    const rest = shape.reduce((product, size, axis) => (axis === open ? product : product * size), 1);
    shape[open] = rest === 0 ? 0 : x.values.length / rest;
  }
  if (countOf(shape, where) !== x.values.length) throw invalid(where, `${x.values.length} values`, shape);
  return { shape, values: x.values };
};

const gather = (x: Tensor, indices: Tensor, axis: number, where: string): Tensor => {
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  countOf(shape, where);
  const stride = strides(x.shape);
  const at = strides(indices.shape);
  return walk(shape, (index) => {
    const inner = index.slice(axis, axis + indices.shape.length);
    const chosen = indices.values[inner.reduce((sum, i, k) => sum + i * at[k]!, 0)]!;
    const whole = [
      ...index.slice(0, axis),
      axisOf(chosen, x.shape[axis]!, where),
      ...index.slice(axis + indices.shape.length),
    ];
    return x.values[whole.reduce((sum, i, k) => sum + i * stride[k]!, 0)]!;
  });
};

/** Two tensors value by value; an axis of one entry serves for all. */
const elementwise = (
  a: Tensor,
  b: Tensor,
  apply: (a: number, b: number) => number,
  where: string,
): Tensor => {
  const rank = Math.max(a.shape.length, b.shape.length);
  const padded = ({ shape }: Tensor): number[] => [
    ...new Array<number>(rank - shape.length).fill(1),
    ...shape,
  ];
  const [left, right] = [padded(a), padded(b)];
  const shape = left.map((size, axis) => {
    const other = right[axis]!;
    if (size !== other && size !== 1 && other !== 1) throw invalid(where, 'shapes that fit', [size, other]);
    return size === 1 ? other : size;
  });
  countOf(shape, where);
  const [fromLeft, fromRight] = [strides(left), strides(right)];
  const at = (index: readonly number[], sizes: readonly number[], stride: readonly number[]): number =>
    index.reduce((sum, i, axis) => sum + (sizes[axis] === 1 ? 0 : i * stride[axis]!), 0);
  return walk(shape, (index) =>
    apply(a.values[at(index, left, fromLeft)]!, b.values[at(index, right, fromRight)]!),
  );
};

/** (value - zero) * scale, of the whole tensor or along an axis. */
export const dequantizeLinear = (
  x: Tensor,
  scale: Tensor,
  zero: Tensor | undefined,
  axis: number,
  where: string,
): Tensor => {
  const along = (tensor: Tensor): Tensor => {
    if (tensor.values.length === 1) return { shape: [], values: tensor.values };
    const at = axisOf(axis, x.shape.length, where);
    const shape = x.shape.map((size, i) => (i === at ? size : 1));
    return reshape(tensor, shape, where);
  };
  const centred = zero ? elementwise(x, along(zero), operations.Sub, where) : x;
  return elementwise(centred, along(scale), operations.Mul, where);
};
