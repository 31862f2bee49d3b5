import { floatsOf, Halves } from '../../format/halves.ts';
import type { Matrix } from '../../network.ts';
import type { WeightFormat } from '../../stepper.ts';
import { Arena } from '../arena.ts';
import { instantiateKernel, type KernelExports } from '../kernel-module.ts';

/** Which outputs of a layer's matrix are packed: gates of so many units each, every gate padded to whole vectors. */
export interface GateRange {
  readonly first: number;
  readonly count: number;
  readonly units: number;
}

export const padded = (units: number): number => Math.ceil(units / 16) * 16;

/** As in `assembly/layout.ts`. */
const MOST_INPUTS = 32; // of a chunk
const CHUNK_BYTES = 64; // of its description
const TILE = { f32: 48, halves: 32, int8: 32, sparse: 32 } as const; // rows
const SPARSE_TILE_WORDS = 3;

/** Weights must be below it to be kept as halves: see `assembly/product-halves.ts`. */
const HALVES_BELOW = 128;

/** Of int4, as in `assembly/layout.ts` and `assembly/pack-int4.ts`. */
const GROUP = 32; // inputs that share a multiplier
const GROUP_BYTES = 16 + 256; // of 16 outputs
const MULTIPLIER_GROWTH = 5;
const LARGEST_GROUP = GROUP * 128 * 63; // a group's product before it is multiplied

/** Blocks of a matrix are left out where at least this share of those looked at is zero: below it, it gains nothing. */
const SPARSE_FROM = 0.25;
/** Tiles that are looked at, spread over the matrix: a pruned model has zeros everywhere. */
const SAMPLE = 16;
/** A stored block's number has 16 bits. */
const MOST_SPARSE_INPUTS = 4 * 65_536;

export const rowsOf = ({ count, units }: GateRange): number => count * padded(units);

/** A packed matrix: addresses in the memory that it was packed into. */
export interface PackedMatrix {
  readonly weights: number;
  /** Of the weights. */
  readonly byteLength: number;
  /** Whole tiles, and the rows left over. */
  readonly tiles: readonly [tiles: number, rest: number];
  /** f32: columns; int8: blocks of 4 columns; int4: groups of 32 columns. */
  readonly columns: number;
  /** How a weight is held. */
  readonly weightFormat: WeightFormat;
  readonly scales?: number; // int8, int4: f32 [rows]
  readonly starts?: number; // int8, int4: i32 [rows]
  readonly order?: ReadingOrder; // f32, int8
  readonly sparse?: {
    readonly tiles: number; // words of `SparseTile` [tiles and rest]
    readonly blocks: number; // u16 [stored blocks]
  };
  /** Share of the blocks of 32 rows by 4 columns that are stored. */
  readonly density: number;
}

/** In which order the weights of a dense matrix lie, and how they are read: `Matrix.order` in `assembly/layout.ts`. */
export const readingOrders = { straight: 0, ahead: 1, streams: 2 } as const;
export type ReadingOrder = keyof typeof readingOrders;

interface Look {
  readonly sparse: boolean;
  readonly density: number;
  readonly ranges: Uint8Array;
}

/** Where a matrix is packed. */
interface Target {
  readonly kernel: KernelExports;
  readonly arena: Arena;
}

/** A matrix to pack: [inputs, outputs], and what of it. */
interface Source {
  readonly matrix: Matrix<Halves>;
  readonly inputs: number;
  readonly outputs: number;
  readonly gates: GateRange;
  readonly rows: number;
}

/**
 * Packs published matrices [inputs, outputs] into the kernel's memory. They pass through it a chunk at a time, in the
 * space behind what is placed, since linear memory cannot shrink.
 */
export class Packer {
  readonly #target: Target;
  readonly #blockSparse: boolean;
  readonly #compiled: WebAssembly.Module | undefined;

  /**
   * @param blockSparse whether zero blocks may be left out
   * @param compiled the kernel as the host compiled it; default: compiled here
   */
  constructor(target: Target, blockSparse: boolean, compiled?: WebAssembly.Module) {
    this.#target = target;
    this.#blockSparse = blockSparse;
    this.#compiled = compiled;
  }

  /** Whether int8 matrices may be in streams. */
  get streamable(): boolean {
    return this.#target.kernel.streamable() === 1;
  }

  /**
   * @param keepHalves whether weights published as halves stay halves where about so much of the matrix is multiplied
   * @param orderOf the order of a matrix of which no blocks are left out, where a weight has so many bytes
   */
  packF32(
    matrix: Matrix<Halves>,
    outputs: number,
    gates: GateRange,
    keepHalves: (density: number) => boolean,
    orderOf: (bytes: number) => ReadingOrder,
  ): PackedMatrix {
    const source = sourceOf(matrix, outputs, gates);
    const { inputs, rows } = source;
    const { sparse, density, ranges } = this.#look(source, this.#blockSparse);
    const halves = matrix instanceof Halves && largest(ranges) < HALVES_BELOW && keepHalves(density);
    const { kernel, arena } = sparse ? this.#temporary() : this.#target;
    const columns = sparse ? Math.ceil(inputs / 4) * 4 : inputs;
    const tileRows = sparse ? TILE.sparse : halves ? TILE.halves : TILE.f32;
    const [weightFormat, bytes] = halves ? (['f16', 2] as const) : (['f32', 4] as const);
    const byteLength = bytes * rows * columns;
    const weights = arena.place(byteLength);
    eachChunk(arena, source, columns, (chunk) =>
      halves ? kernel.packHalves(chunk, weights) : kernel.packF32(chunk, weights, tileRows),
    );
    const tiles = tilesOf(rows, tileRows);
    if (!sparse) {
      return { weights, byteLength, tiles, columns, weightFormat, order: orderOf(bytes), density: 1 };
    }
    const kept = this.#keep(kernel, arena, weights, tiles, columns / 4, 128 * bytes);
    return { ...kept, columns, weightFormat };
  }

  /** @param dense the order of a matrix of which no blocks are left out */
  packInt8(matrix: Matrix<Halves>, outputs: number, gates: GateRange, dense: ReadingOrder): PackedMatrix {
    const source = sourceOf(matrix, outputs, gates);
    const { inputs, rows } = source;
    const { sparse, ranges } = this.#look(source, this.#blockSparse);
    const { kernel, arena } = sparse ? this.#temporary() : this.#target;
    const order = sparse ? 'straight' : dense;
    const columns = padded(inputs);
    const byteLength = rows * columns;
    const weights = arena.place(byteLength);
    const scales = arena.placeBytes(ranges);
    const starts = arena.placeBytes(new Uint8Array(4 * rows));
    arena.borrow(4 * rows + rows / 4, (lanes) => {
      do {
        eachChunk(arena, source, columns, (chunk) =>
          kernel.packInt8(chunk, weights, scales, starts, lanes, readingOrders[order]),
        );
      } while (kernel.finishInt8(rows, scales, starts, lanes) === 0);
    });
    const tiles = tilesOf(rows, TILE.int8);
    const weightFormat = 'int8';
    if (!sparse) {
      const density = 1;
      return {
        weights,
        byteLength,
        tiles,
        columns: columns / 4,
        weightFormat,
        scales,
        starts,
        order,
        density,
      };
    }
    return {
      ...this.#keep(kernel, arena, weights, tiles, columns / 4, 128),
      columns: columns / 4,
      weightFormat,
      scales: this.#copy(arena, scales, 4 * rows),
      starts: this.#copy(arena, starts, 4 * rows),
    };
  }

  /** Blocks of zeros are multiplied as all others. */
  packInt4(matrix: Matrix<Halves>, outputs: number, gates: GateRange): PackedMatrix {
    const source = sourceOf(matrix, outputs, gates);
    const { inputs, rows } = source;
    const { ranges } = this.#look(source, false);
    const { kernel, arena } = this.#target;
    const columns = Math.ceil(inputs / GROUP);
    const byteLength = (rows / 16) * columns * GROUP_BYTES;
    const weights = arena.place(byteLength);
    const scales = arena.placeBytes(ranges);
    const starts = arena.placeBytes(new Uint8Array(4 * rows));
    const most = Math.max(
      MULTIPLIER_GROWTH,
      Math.min(255, Math.floor((2 ** 31 - 1) / (LARGEST_GROUP * columns))),
    );
    eachChunk(arena, source, columns, (chunk) => kernel.packInt4(chunk, weights, scales, starts, most), true);
    kernel.finishInt4(rows, scales, starts, most);
    return {
      weights,
      byteLength,
      tiles: [rows / 16, 0],
      columns,
      weightFormat: 'int4',
      scales,
      starts,
      density: 1,
    };
  }

  /** A table's rows are looked up, never summed. @returns addresses of values: i8 [inputs, rows], scales: f32 [rows] */
  packTable(
    matrix: Matrix<Halves>,
    outputs: number,
    gates: GateRange,
  ): { readonly values: number; readonly scales: number } {
    const source = sourceOf(matrix, outputs, gates);
    const { inputs, rows } = source;
    const { ranges } = this.#look(source, false);
    const { kernel, arena } = this.#target;
    const values = arena.place(inputs * rows);
    const scales = arena.placeBytes(ranges);
    eachChunk(arena, source, inputs, (chunk) => kernel.packTable(chunk, values, scales));
    kernel.finishTable(rows, scales);
    return { values, scales };
  }

  /**
   * Goes through the matrix a first time.
   *
   * @returns whether enough of its blocks are zero, by a sample of its tiles, and how many stay; the largest weight of each
   *   output, f32 [rows]
   * @throws FolioError `model_invalid` for halves that are not finite
   */
  #look(source: Source, blockSparse: boolean): Look {
    const { matrix, inputs, gates, rows } = source;
    const { kernel, arena } = this.#target;
    const tiles = gates.count * Math.ceil(gates.units / TILE.sparse);
    const looks = blockSparse && inputs <= MOST_SPARSE_INPUTS ? Math.min(SAMPLE, tiles) : 0;
    let zero = 0;
    let finite = true;
    const ranges = arena.borrow(4 * rows, (address) => {
      eachChunk(arena, source, inputs, (chunk) => {
        if (kernel.widen(chunk, address) === 0) finite = false;
        if (looks > 0) zero += kernel.zeroBlocks(chunk, looks);
      });
      return arena.bytes(address, 4 * rows).slice();
    });
    if (!finite) floatsOf(matrix); // which says what it found
    const share = looks > 0 ? zero / (looks * Math.ceil(inputs / 4)) : 0;
    const sparse = share >= SPARSE_FROM;
    return { sparse, density: sparse ? 1 - share : 1, ranges };
  }

  /** Another memory, for what is packed before it is known how much of it stays. */
  #temporary(): Target {
    const kernel = instantiateKernel({ compiled: this.#compiled });
    return { kernel, arena: new Arena(kernel.memory, kernel.heapBase()) };
  }

  #copy(from: Arena, address: number, bytes: number): number {
    return this.#target.arena.placeBytes(from.bytes(address, bytes));
  }

  /** Keeps of the tiles packed at `weights` the blocks that are not zero. @param blocks of a tile, of so many bytes each */
  #keep(
    kernel: KernelExports,
    arena: Arena,
    weights: number,
    tiles: readonly [number, number],
    blocks: number,
    blockBytes: number,
  ): Pick<PackedMatrix, 'weights' | 'byteLength' | 'tiles' | 'sparse' | 'density'> {
    const [whole, rest] = tiles;
    const count = whole + (rest > 0 ? 1 : 0);
    const tileBytes = 4 * SPARSE_TILE_WORDS * count;
    const kept = arena.place(tileBytes);
    const list = arena.place(2 * count * blocks);
    arena.commit();
    const int8 = blockBytes === 128 ? 1 : 0;
    const stored = kernel.compress(weights, whole, rest, blocks, blockBytes, kept, list, int8);
    const byteLength = stored * blockBytes;
    return {
      weights: this.#copy(arena, weights, byteLength),
      byteLength,
      tiles,
      sparse: { tiles: this.#copy(arena, kept, tileBytes), blocks: this.#copy(arena, list, 2 * stored) },
      density: stored / (count * blocks),
    };
  }
}

const sourceOf = (matrix: Matrix<Halves>, outputs: number, gates: GateRange): Source => ({
  matrix,
  inputs: matrix.length / outputs,
  outputs,
  gates,
  rows: rowsOf(gates),
});

/** @param ranges f32 [rows] */
const largest = ({ buffer, byteOffset, length }: Uint8Array): number =>
  new Float32Array(buffer, byteOffset, length / 4).reduce((most, range) => Math.max(most, range), 0);

const bytesOf = (matrix: Matrix<Halves>): Uint8Array =>
  matrix instanceof Halves
    ? matrix.bytes
    : new Uint8Array(matrix.buffer, matrix.byteOffset, matrix.byteLength);

/** Copies chunk after chunk behind what is placed. @param columns of the packed matrix @param pack is given the kernel's `Chunk` */
const eachChunk = (
  arena: Arena,
  { matrix, inputs, outputs, gates, rows }: Source,
  columns: number,
  pack: (chunk: number) => void,
  int4 = false,
): void => {
  const half = matrix instanceof Halves ? 1 : 0;
  const bytes = bytesOf(matrix);
  const stride = bytes.length / inputs;
  const first = (gates.first * gates.units * stride) / outputs;
  const step = half || int4 ? MOST_INPUTS : MOST_INPUTS / 2; // of f32 half as many: the space stays
  arena.borrow(CHUNK_BYTES + step * stride, (chunk) => {
    const from = chunk + CHUNK_BYTES;
    for (let input = 0; input < inputs; input += step) {
      const count = Math.min(step, inputs - input);
      const { units } = gates;
      const described = [from + first, stride, half, input, count, units, padded(units), rows, columns];
      arena.words(chunk, described.length).set(described);
      arena.bytes(from, count * stride).set(bytes.subarray(input * stride, (input + count) * stride));
      pack(chunk);
    }
  });
};

const tilesOf = (rows: number, tile: number): [number, number] => [Math.floor(rows / tile), rows % tile];

/** One value an output with the gaps that padding leaves: [rows]. */
export const spread = (values: Float32Array, gates: GateRange): Float32Array => {
  const to = new Float32Array(rowsOf(gates));
  for (let gate = 0; gate < gates.count; gate++) {
    const from = (gates.first + gate) * gates.units;
    to.set(values.subarray(from, from + gates.units), gate * padded(gates.units));
  }
  return to;
};
