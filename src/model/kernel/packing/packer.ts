import { growTo } from '../arena.ts';
import { instantiateKernel, type Kernel } from '../kernel-module.ts';
import { type DecodedBuffer, decodedBufferOf } from './float16.ts';

/** Which outputs of a layer's matrix are packed: gates of so many units each, every gate padded to whole vectors. */
export interface GateRange {
  readonly first: number;
  readonly count: number;
  readonly units: number;
}

export const padded = (units: number): number => Math.ceil(units / 16) * 16;

/** Rows of a tile, as in `assembly/layout.ts`. */
export const TILE = { f32: 48, int8: 32 } as const;

export const rowsOf = ({ count, units }: GateRange): number => count * padded(units);

/** Where a packed part goes: views of the memory that the model stays in. */
export interface PackedInt8 {
  readonly weights: Uint8Array;
  readonly scales: Float32Array; // [rows]
  readonly starts: Int32Array; // [rows]
}

/**
 * Packs matrices [inputs, outputs] in the kernel, in an instance of its own: linear memory cannot shrink, so the
 * published weights must not pass through the one that stays.
 */
export class Packer {
  readonly #own: DecodedBuffer = { kernel: instantiateKernel(), used: false };

  packF32(matrix: Float32Array, outputs: number, gates: GateRange, to: Uint8Array): void {
    const inputs = matrix.length / outputs;
    const { kernel, source, scratch, end } = this.#load(matrix, inputs, to.length);
    this.#strips(gates, ({ row, from, length }) => {
      const { start, stride } = tileOf(row, rowsOf(gates), inputs, TILE.f32, 1);
      const at = source + 4 * from;
      kernel.packF32(at, 4 * outputs, inputs, length, end + 4 * start, 4 * stride, scratch);
    });
    to.set(new Uint8Array(kernel.memory.buffer, end, to.length));
  }

  packInt8(matrix: Float32Array, outputs: number, gates: GateRange, to: PackedInt8): void {
    const inputs = matrix.length / outputs;
    const rows = rowsOf(gates);
    const { kernel, source, scratch, end } = this.#load(matrix, inputs, to.weights.length + 8 * rows);
    const scales = end + to.weights.length;
    const starts = scales + 4 * rows;
    this.#strips(gates, ({ row, from, length }) => {
      const { start, stride } = tileOf(row, rows, padded(inputs), TILE.int8, 4);
      kernel.packInt8(
        source + 4 * from,
        4 * outputs,
        inputs,
        length,
        end + start,
        4 * stride,
        scales + 4 * row,
        starts + 4 * row,
        scratch,
      );
    });
    const { buffer } = kernel.memory;
    to.weights.set(new Uint8Array(buffer, end, to.weights.length));
    to.scales.set(new Float32Array(buffer, scales, rows));
    to.starts.set(new Int32Array(buffer, starts, rows));
  }

  /** @param to values: [inputs, rows] */
  packTable(
    matrix: Float32Array,
    outputs: number,
    gates: GateRange,
    to: { readonly values: Uint8Array; readonly scales: Float32Array },
  ): void {
    const inputs = matrix.length / outputs;
    const rows = rowsOf(gates);
    const { kernel, source, scratch, end } = this.#load(matrix, inputs, to.values.length + 4 * rows);
    const scales = end + to.values.length;
    this.#strips(gates, ({ row, from, length }) => {
      const at = source + 4 * from;
      kernel.packTable(at, 4 * outputs, inputs, length, end + row, rows, scales + 4 * row, scratch);
    });
    const { buffer } = kernel.memory;
    to.values.set(new Uint8Array(buffer, end, to.values.length));
    to.scales.set(new Float32Array(buffer, scales, rows));
  }

  /** Finds the source a kernel: the one in whose memory it lies with enough room behind it, or this packer's, by a copy. */
  #load(matrix: Float32Array, inputs: number, packedBytes: number): PackingArea {
    const decoded = decodedBufferOf(matrix);
    if (decoded) {
      const place = packingArea(decoded.kernel, matrix.byteOffset, matrix, inputs);
      if (place.end + packedBytes <= decoded.kernel.memory.buffer.byteLength)
        return cleared(place, decoded, packedBytes);
    }
    const { kernel } = this.#own;
    const place = packingArea(kernel, Math.ceil(kernel.heapBase() / 64) * 64, matrix, inputs);
    growTo(kernel.memory, place.end + packedBytes);
    new Float32Array(kernel.memory.buffer, place.source, matrix.length).set(matrix);
    return cleared(place, this.#own, packedBytes);
  }

  #strips(
    { first, count, units }: GateRange,
    pack: (strip: { row: number; from: number; length: number }) => void,
  ): void {
    for (let gate = 0; gate < count; gate++) {
      for (let unit = 0; unit < units; unit += 16) {
        const row = gate * padded(units) + unit;
        pack({ row, from: (first + gate) * units + unit, length: Math.min(16, units - unit) });
      }
    }
  }
}

/** Addresses of a matrix, of a strip of 16 outputs, and of the room for what is packed. */
interface PackingArea {
  readonly kernel: Kernel;
  readonly source: number;
  readonly scratch: number;
  readonly end: number;
}

const packingArea = (kernel: Kernel, source: number, matrix: Float32Array, inputs: number): PackingArea => {
  const scratch = Math.ceil((source + matrix.byteLength) / 64) * 64;
  return { kernel, source, scratch, end: scratch + 64 * inputs };
};

/** What is packed has gaps, which stay zero. */
const cleared = (place: PackingArea, decoded: DecodedBuffer, packedBytes: number): PackingArea => {
  if (decoded.used) new Uint8Array(place.kernel.memory.buffer, place.end, packedBytes).fill(0);
  decoded.used = true;
  return place;
};

/** One value an output with the gaps that padding leaves: [rows]. */
export const spread = (values: Float32Array, gates: GateRange): Float32Array => {
  const to = new Float32Array(rowsOf(gates));
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
  tileRows: number,
  together: number,
): { start: number; stride: number } => {
  const tile = row - (row % tileRows);
  return { start: tile * columns + (row - tile) * together, stride: Math.min(tileRows, rows - tile) };
};
