import { isObject, type Json, textOf } from '../model/format/invalid.ts';
import type { Tensor } from './tensor.ts';

/**
 * Keras 2's CuDNNLSTM and CuDNNGRU are LSTM and GRU (reset_after) of tanh and sigmoid with weights as cuDNN wants them:
 * two biases one behind the other, each gate's kernel in the order of its transpose.
 *
 * Format: tf_keras, src/saving/legacy/hdf5_format.py (`_convert_rnn_weights`), which goes by the bias' length, too.
 */
export const fromCudnn = (
  model: Json,
  given: ReadonlyMap<string, Tensor>,
): { readonly model: Json; readonly weights: ReadonlyMap<string, Tensor> } => {
  const weights = new Map(given);
  const upgrade = (value: unknown, depth: number): unknown => {
    if (Array.isArray(value)) return value.map((item) => upgrade(item, depth + 1));
    if (!isObject(value) || depth > 24) return value;
    const { class_name: className, config } = value;
    const kind = typeof className === 'string' ? /^(?:CuDNN)?(LSTM|GRU)$/.exec(className)?.[1] : undefined;
    if (kind === undefined || !isObject(config)) {
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, upgrade(inner, depth + 1)]),
      );
    }
    const gates = kind === 'LSTM' ? 4 : 3;
    const units = Number(textOf(config.units));
    const doubled = convert(weights, textOf(config.name), gates, units);
    if (!doubled && className === kind) return value;
    return {
      ...value,
      class_name: kind,
      config: {
        ...config,
        activation: 'tanh',
        recurrent_activation: 'sigmoid',
        ...(kind === 'GRU' ? { reset_after: true } : {}),
      },
    };
  };
  return { model: upgrade(model, 0) as Json, weights };
};

/** Converts a layer's weights in place. @returns whether they were cuDNN's */
const convert = (weights: Map<string, Tensor>, layer: string, gates: number, units: number): boolean => {
  const nameOf = (role: string): string | undefined =>
    [...weights.keys()].find((name) => `/${name}`.includes(`/${layer}/`) && rolePattern(role).test(name));
  const [biasName, kernelName, recurrentName] = [
    nameOf('bias'),
    nameOf('kernel'),
    nameOf('recurrent_kernel'),
  ];
  const bias = biasName === undefined ? undefined : weights.get(biasName);
  const width = gates * units;
  if (bias?.shape.length !== 1 || bias.values.length !== 2 * width) return false;
  if (kernelName === undefined || recurrentName === undefined) return false;
  weights.set(kernelName, mapGates(weights.get(kernelName)!, gates, asColumns));
  weights.set(recurrentName, mapGates(weights.get(recurrentName)!, gates, transposed));
  const first = bias.values.subarray(0, width);
  weights.set(
    biasName!,
    gates === 4
      ? { shape: [width], values: first.map((value, i) => value + bias.values[width + i]!) }
      : { shape: [2, width], values: bias.values },
  );
  return true;
};

const rolePattern = (role: string): RegExp => new RegExp(`/${role}(:\\d+)?$`);

/** Applies a change of places to each gate of a matrix [inputs, gates * units]. */
const mapGates = (
  { shape, values }: Tensor,
  gates: number,
  from: (row: number, column: number, rows: number, columns: number) => number,
): Tensor => {
  const [rows = 0, width = 0] = shape;
  const units = width / gates;
  const changed = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      const gate = Math.floor(column / units);
      const at = from(row, column % units, rows, units);
      changed[row * width + column] = values[Math.floor(at / units) * width + gate * units + (at % units)]!;
    }
  }
  return { shape, values: changed };
};

/** A gate's values column after column, where they stand row after row. */
const asColumns = (row: number, column: number, rows: number): number => column * rows + row;

/** Of a square gate. */
const transposed = (row: number, column: number, _rows: number, columns: number): number =>
  column * columns + row;
