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
const TILE = { f32: 48, int8: 32, sparse: 32 } as const;
const SPARSE_TILE_WORDS = 3;

/** Of int4, as in `assembly/layout.ts` and `assembly/pack-int4.ts`. */
const GROUP = 32; // inputs that share a multiplier
const GROUP_BYTES = 16 + 256; // of 16 outputs
const MULTIPLIER_GROWTH = 5;
const LARGEST_GROUP = GROUP * 128 * 63; // a group's product before it is multiplied

/** Blocks of a matrix are left out where at least this share of those looked at is zero: below it, it gains nothing. */
const SPARSE_FROM = 0.25;
/** Tiles that are looked at, spread over the matrix: a pruned model has zeros everywhere. */
const SAMPLE = 16;

export const rowsOf = ({ count, units }: GateRange): number => count * padded(units);

/** A packed matrix: views of the packing memory, valid until the next is packed. */
export interface PackedMatrix {
  readonly weights: Uint8Array;
  /** Whole tiles, and the rows left over. */
  readonly tiles: readonly [tiles: number, rest: number];
  /** f32: columns; int8: blocks of 4 columns; int4: groups of 32 columns. */
  readonly columns: number;
  readonly int4?: boolean;
  readonly scales?: Uint8Array; // int8, int4: f32 [rows]
  readonly starts?: Uint8Array; // int8, int4: i32 [rows]
  readonly sparse?: {
    readonly tiles: Uint8Array; // words of `SparseTile` [tiles and rest]
    readonly blocks: Uint8Array; // u16 [stored blocks]
  };
  /** Share of the blocks of 32 rows by 4 columns that are stored. */
  readonly density: number;
}

/**
 * Packs matrices [inputs, outputs] in the kernel, in an instance of its own: linear memory cannot shrink, so the
 * published weights must not pass through the one that stays.
 */
export class Packer {
  readonly #own: DecodedBuffer;
  /** The matrix that lies in it. */
  #copied: Float32Array | undefined;
  readonly #blockSparse: boolean;

  /**
   * @param blockSparse whether zero blocks may be left out
   * @param compiled the kernel as the host compiled it; default: compiled here
   */
  constructor(blockSparse: boolean, compiled?: WebAssembly.Module) {
    this.#own = { kernel: instantiateKernel({ compiled }), used: false };
    this.#blockSparse = blockSparse;
  }

  packF32(matrix: Float32Array, outputs: number, gates: GateRange): PackedMatrix {
    const inputs = matrix.length / outputs;
    const rows = rowsOf(gates);
    const sparse = this.#isSparse(matrix, outputs, gates);
    const columns = sparse ? Math.ceil(inputs / 4) * 4 : inputs;
    const tileRows = sparse ? TILE.sparse : TILE.f32;
    const bytes = 4 * rows * columns;
    const area = this.#load(matrix, inputs, bytes + (sparse ? sparseBytes(rows, columns / 4) : 0));
    const { kernel, source, scratch, end } = area;
    this.#strips(gates, ({ row, from, length }) => {
      const { start, stride } = tileOf(row, rows, columns, tileRows, 1);
      const at = source + 4 * from;
      kernel.packF32(at, 4 * outputs, inputs, length, end + 4 * start, 4 * stride, scratch);
    });
    const tiles = tilesOf(rows, tileRows);
    if (sparse) return { ...compress(kernel, end, tiles, columns / 4, 512), columns };
    return { weights: new Uint8Array(kernel.memory.buffer, end, bytes), tiles, columns, density: 1 };
  }

  packInt8(matrix: Float32Array, outputs: number, gates: GateRange): PackedMatrix {
    const inputs = matrix.length / outputs;
    const rows = rowsOf(gates);
    const columns = padded(inputs);
    const sparse = this.#isSparse(matrix, outputs, gates);
    const bytes = rows * columns;
    const area = this.#load(matrix, inputs, 8 * rows + bytes + (sparse ? sparseBytes(rows, columns / 4) : 0));
    const { kernel, source, scratch } = area;
    const scalesAt = area.end;
    const startsAt = scalesAt + 4 * rows;
    const end = startsAt + 4 * rows;
    this.#strips(gates, ({ row, from, length }) => {
      const { start, stride } = tileOf(row, rows, columns, TILE.int8, 4);
      kernel.packInt8(
        source + 4 * from,
        4 * outputs,
        inputs,
        length,
        end + start,
        4 * stride,
        scalesAt + 4 * row,
        startsAt + 4 * row,
        scratch,
      );
    });
    const { buffer } = kernel.memory;
    const tiles = tilesOf(rows, TILE.int8);
    const packed = sparse
      ? compress(kernel, end, tiles, columns / 4, 128)
      : { weights: new Uint8Array(buffer, end, bytes), tiles, density: 1 };
    return {
      ...packed,
      columns: columns / 4,
      scales: new Uint8Array(buffer, scalesAt, 4 * rows),
      starts: new Uint8Array(buffer, startsAt, 4 * rows),
    };
  }

  /** Blocks of zeros are multiplied as all others. */
  packInt4(matrix: Float32Array, outputs: number, gates: GateRange): PackedMatrix {
    const inputs = matrix.length / outputs;
    const rows = rowsOf(gates);
    const groups = Math.ceil(inputs / GROUP);
    const bytes = (rows / 16) * groups * GROUP_BYTES;
    const { kernel, source, scratch, end: scales } = this.#load(matrix, inputs, 8 * rows + bytes);
    const starts = scales + 4 * rows;
    const weights = starts + 4 * rows;
    const most = Math.max(
      MULTIPLIER_GROWTH,
      Math.min(255, Math.floor((2 ** 31 - 1) / (LARGEST_GROUP * groups))),
    );
    this.#strips(gates, ({ row, from, length }) => {
      const to = weights + (row / 16) * groups * GROUP_BYTES;
      const at = source + 4 * from;
      kernel.packInt4(at, 4 * outputs, inputs, length, to, scales + 4 * row, starts + 4 * row, scratch, most);
    });
    const { buffer } = kernel.memory;
    return {
      weights: new Uint8Array(buffer, weights, bytes),
      tiles: [rows / 16, 0],
      columns: groups,
      int4: true,
      scales: new Uint8Array(buffer, scales, 4 * rows),
      starts: new Uint8Array(buffer, starts, 4 * rows),
      density: 1,
    };
  }

  /** A table's rows are looked up, never summed. @returns values: i8 [inputs, rows], scales: f32 [rows] */
  packTable(
    matrix: Float32Array,
    outputs: number,
    gates: GateRange,
  ): { readonly values: Uint8Array; readonly scales: Uint8Array } {
    const inputs = matrix.length / outputs;
    const rows = rowsOf(gates);
    const length = inputs * rows;
    const { kernel, source, scratch, end } = this.#load(matrix, inputs, length + 4 * rows);
    const scales = end + length;
    this.#strips(gates, ({ row, from, length }) => {
      const at = source + 4 * from;
      kernel.packTable(at, 4 * outputs, inputs, length, end + row, rows, scales + 4 * row, scratch);
    });
    const { buffer } = kernel.memory;
    return { values: new Uint8Array(buffer, end, length), scales: new Uint8Array(buffer, scales, 4 * rows) };
  }

  /** Whether enough of the matrix's blocks are zero, by a sample of its tiles. */
  #isSparse(matrix: Float32Array, outputs: number, { first, count, units }: GateRange): boolean {
    const inputs = matrix.length / outputs;
    if (!this.#blockSparse || inputs > MOST_SPARSE_INPUTS) return false;
    const { kernel, source } = this.#load(matrix, inputs, 0);
    const tilesOfGate = Math.ceil(units / TILE.sparse);
    const looks = Math.min(SAMPLE, count * tilesOfGate);
    let zero = 0;
    for (let look = 0; look < looks; look++) {
      const tile = Math.floor(((look + 0.5) * count * tilesOfGate) / looks);
      const unit = (tile % tilesOfGate) * TILE.sparse;
      const output = (first + Math.floor(tile / tilesOfGate)) * units + unit;
      const length = Math.min(TILE.sparse, units - unit);
      zero += kernel.zeroBlocks(source + 4 * output, 4 * outputs, inputs, length);
    }
    return zero >= SPARSE_FROM * looks * Math.ceil(inputs / 4);
  }

  /** Finds the source a kernel: the one in whose memory it lies with enough space behind it, or this packer's, by a copy. */
  #load(matrix: Float32Array, inputs: number, packedBytes: number): PackingArea {
    const decoded = decodedBufferOf(matrix);
    if (decoded) {
      const area = packingArea(decoded.kernel, matrix.byteOffset, matrix, inputs);
      if (area.end + packedBytes <= decoded.kernel.memory.buffer.byteLength)
        return cleared(area, decoded, packedBytes);
    }
    const { kernel } = this.#own;
    const area = packingArea(kernel, Math.ceil(kernel.heapBase() / 64) * 64, matrix, inputs);
    growTo(kernel.memory, area.end + packedBytes);
    if (this.#copied !== matrix)
      new Float32Array(kernel.memory.buffer, area.source, matrix.length).set(matrix);
    this.#copied = matrix;
    return cleared(area, this.#own, packedBytes);
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

/** A stored block's number has 16 bits. */
const MOST_SPARSE_INPUTS = 4 * 65_536;

/** Addresses of a matrix, of a strip of 16 outputs, and of the space for what is packed. */
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
const cleared = (area: PackingArea, buffer: DecodedBuffer, packedBytes: number): PackingArea => {
  if (packedBytes === 0) return area;
  if (buffer.used) new Uint8Array(area.kernel.memory.buffer, area.end, packedBytes).fill(0);
  buffer.used = true;
  return area;
};

const tilesOf = (rows: number, tile: number): [number, number] => [Math.floor(rows / tile), rows % tile];

/** Bytes of the lists of a block-sparse matrix at most. */
const sparseBytes = (rows: number, blocks: number): number => {
  const tiles = Math.ceil(rows / TILE.sparse);
  return tiles * (4 * SPARSE_TILE_WORDS + 2 * blocks);
};

/** Leaves out the zero blocks of the tiles packed at `weights`. @param blocks of a tile, of so many bytes each */
const compress = (
  kernel: Kernel,
  weights: number,
  tiles: [number, number],
  blocks: number,
  blockBytes: number,
): Pick<PackedMatrix, 'weights' | 'tiles' | 'sparse' | 'density'> => {
  const [whole, rest] = tiles;
  const count = whole + (rest > 0 ? 1 : 0);
  const kept = weights + (whole + rest / TILE.sparse) * blocks * blockBytes;
  const list = kept + 4 * SPARSE_TILE_WORDS * count;
  const stored = kernel.compress(
    weights,
    whole,
    rest,
    blocks,
    blockBytes,
    kept,
    list,
    blockBytes === 128 ? 1 : 0,
  );
  const { buffer } = kernel.memory;
  return {
    weights: new Uint8Array(buffer, weights, stored * blockBytes),
    tiles,
    sparse: {
      tiles: new Uint8Array(buffer, kept, 4 * SPARSE_TILE_WORDS * count),
      blocks: new Uint8Array(buffer, list, 2 * stored),
    },
    density: stored / (count * blocks),
  };
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
