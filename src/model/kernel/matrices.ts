import type { Arena } from './arena.ts';
import type { QuantisedMatrix } from './quantise.ts';
import { STATE_OFFSET } from './quantise.ts';

/** Which outputs of a layer's matrix are packed: gates of so many units each, every gate padded to whole vectors. */
export interface GateRange {
  readonly first: number;
  readonly count: number;
  readonly units: number;
}

export const padded = (units: number): number => Math.ceil(units / 16) * 16;

/** Places `[inputs, outputs]` as `assembly/layout.ts` describes it for f32. @returns the address of its `Matrix` */
export const placeMatrixF32 = (
  arena: Arena,
  matrix: Float32Array,
  outputs: number,
  gates: GateRange,
): number => {
  const inputs = matrix.length / outputs;
  const rows = gates.count * padded(gates.units);
  const weights = arena.place(rows * inputs * 4, (buffer, address) => {
    const packed = new Float32Array(buffer, address, rows * inputs);
    for (let gate = 0; gate < gates.count; gate++) {
      for (let unit = 0; unit < gates.units; unit += 16) {
        const row = gate * padded(gates.units) + unit;
        const { start, stride } = tileOf(row, rows, inputs, 1);
        const from = (gates.first + gate) * gates.units + unit;
        const length = Math.min(16, gates.units - unit);
        for (let input = 0; input < inputs; input++) {
          const to = start + input * stride;
          const at = input * outputs + from;
          for (let i = 0; i < length; i++) packed[to + i] = matrix[at + i]!;
        }
      }
    }
  });
  return arena.placeWords([weights, rows >> 5, (rows >> 4) & 1, inputs, 0, 0]);
};

/** As `placeMatrixF32` for int8. */
export const placeMatrixInt8 = (arena: Arena, matrix: QuantisedMatrix, gates: GateRange): number => {
  const { inputs, outputs, values, scales } = matrix;
  const rows = gates.count * padded(gates.units);
  const columns = padded(inputs);
  const starts = new Int32Array(rows);
  const weights = arena.place(rows * columns, (buffer, address) => {
    const packed = new Int8Array(buffer, address, rows * columns);
    for (let gate = 0; gate < gates.count; gate++) {
      for (let unit = 0; unit < gates.units; unit += 16) {
        const row = gate * padded(gates.units) + unit;
        const { start, stride } = tileOf(row, rows, columns, 4);
        const from = (gates.first + gate) * gates.units + unit;
        const length = Math.min(16, gates.units - unit);
        for (let input = 0; input < inputs; input++) {
          const to = start + (input >> 2) * stride * 4 + (input & 3);
          const at = input * outputs + from;
          for (let i = 0; i < length; i++) {
            const value = values[at + i]!;
            packed[to + i * 4] = value;
            starts[row + i]! -= value * STATE_OFFSET;
          }
        }
      }
    }
  });
  const placedStarts = arena.place(rows * 4, (buffer, address) =>
    new Int32Array(buffer, address, rows).set(starts),
  );
  const placedScales = arena.placeFloats(spread(scales, gates));
  return arena.placeWords([weights, rows >> 5, (rows >> 4) & 1, columns >> 2, placedScales, placedStarts]);
};

/** One value an output with the gaps that padding leaves: [gates * paddedUnits]. */
export const spread = (values: Float32Array, gates: GateRange): Float32Array => {
  const to = new Float32Array(gates.count * padded(gates.units));
  for (let gate = 0; gate < gates.count; gate++) {
    const from = (gates.first + gate) * gates.units;
    to.set(values.subarray(from, from + gates.units), gate * padded(gates.units));
  }
  return to;
};

/**
 * Where 16 rows start in a packed matrix and how far apart their columns stand, in weights.
 * @param together columns that stand side by side in a vector: 1 for f32, 4 for int8
 */
const tileOf = (
  row: number,
  rows: number,
  columns: number,
  together: number,
): { start: number; stride: number } => {
  const tile = row - (row % 32);
  return { start: tile * columns + (row - tile) * together, stride: tile + 32 <= rows ? 32 : 16 };
};
