/**
 * What the host writes and the kernel reads: plain structs in linear memory, every field 4 bytes.
 *
 * Rows (gates of a layer, or characters; a multiple of 16) are cut into tiles, of 48 in f32 and of 32 in int8, in halves and
 * in block-sparse matrices; the rows left over are a smaller tile. 16 rows are a strip. Inside a tile the weights stand in
 * the order in which they are multiplied, so that every product is one streaming read:
 * - f32: for each column its rows;
 * - f32 from halves: the same in 16 bits, 8 rows in each vector: the first four in the lower halves of its lanes;
 * - int8: for each block of 4 columns its rows, in vectors of 4 rows x 4 columns. Groups of four blocks may be dealt out to
 *   four streams, which lie one behind the other, and of which each is read in a straight line: group `g` is in stream `g % 4`;
 * - int4: a tile is a strip; for each group of 32 columns the multipliers of its rows, one byte each, then two halves of
 *   it, and in each for every 8 rows four vectors: the first two are vector 0 of either 4 rows, the others vector 1. Of half i,
 *   vector j holds blocks 2 i + j of 4 columns in its bytes, and blocks 4 + 2 i + j in the four lower bits of them.
 */
@unmanaged
export class Matrix {
  weights: usize;
  tiles: i32;
  rest: i32; // rows that follow the tiles
  columns: i32; // f32: columns; int8: blocks of 4 columns, a multiple of 4; int4: groups of 32 columns
  scales: usize; // int8, int4: f32 [rows], value of one unit of the integer product
  starts: usize; // int8, int4: i32 [rows], -64 times the sum of the row
  sparse: usize; // SparseTile, one a tile, then one for the rest; 0 for a dense matrix
  blocks: usize; // sparse: u16, the number of each stored block: its columns are 4 * number .. 4 * number + 3
  int4: i32; // 1 where the weights are in 4 bits
  halves: i32; // f32: 1 where the weights are in 16 bits, as in product-halves.ts
  order: i32; // dense, not int4: STRAIGHT, AHEAD or (int8) STREAMS
}

/** Orders of a dense matrix. */
export const STRAIGHT = 0;
export const AHEAD = 1; // the same; while it is multiplied, the start of the next page is read: 4 KiB of anything must follow it
export const STREAMS = 2;

/** Groups of 16 columns of a tile that are in a stream. */
// @ts-ignore: decorator
@inline
export function groupsOf(groups: i32, stream: i32): i32 {
  return (groups + 3 - stream) >> 2;
}

/** Those that are in the streams before it. */
// @ts-ignore: decorator
@inline
export function groupsBefore(groups: i32, stream: i32): i32 {
  return stream * (groups >> 2) + min(stream, groups & 3);
}

/** Bytes of a group of 32 columns of a strip in int4: multipliers, then weights. */
export const GROUP_BYTES: usize = 16 + 256;

/**
 * A tile of a block-sparse matrix: of its blocks, 4 columns by all rows of the tile, only those with a weight other
 * than zero are stored, one after another in the order of the dense tile.
 */
@unmanaged
export class SparseTile {
  first: i32; // stored blocks of the tiles before this one
  count: i32; // stored blocks of this tile
  grouped: i32; // int8: how many of them, from the first, may be summed in 16 bits four at a time
}

/**
 * Rows of a matrix as TensorFlow writes it, [inputs, outputs], on their way into the order above. Few at a time: linear
 * memory cannot shrink, so a published matrix must not pass through it as a whole.
 */
@unmanaged
export class Chunk {
  source: usize; // of its first row, the first output that is packed
  stride: i32; // bytes from row to row
  half: i32; // 1 for IEEE 754 halves, 0 for f32
  input: i32; // its first row's number in the matrix, a multiple of 16; of CHUNK_INPUTS for int4
  inputs: i32; // rows, CHUNK_INPUTS at most
  units: i32; // outputs of a gate
  paddedUnits: i32;
  rows: i32; // as packed: paddedUnits of each gate
  columns: i32; // as packed: inputs of the matrix, padded as the format wants them
}

/** Rows of a chunk at most: a group of int4, two blocks of int8. */
export const CHUNK_INPUTS = 32;

@unmanaged
export class Layer {
  kind: i32;
  units: i32;
  paddedUnits: i32; // up to a multiple of 16
  activation: i32;
  gate: i32; // the recurrent activation
  dynamic: i32; // int8: 1 when |h| may pass 1, so that its scale follows it
  state: usize; // offset of the layer's state in a slot: a `Vector` of h, and c for an LSTM
  input: usize; // Matrix of the layer below, none for the first
  recurrent: usize; // Matrix
  candidate: usize; // Matrix of the GRU that resets before the product
  bias: usize; // f32 [rows]; of a normalization: f32, epsilon
  recurrentBias: usize; // GRU: f32 [rows]
  next: usize; // the vector that threads write h to together, before it takes the place of the slot's
}

@unmanaged
export class Network {
  layers: usize; // Layer, one after another
  depth: i32;
  vocabulary: i32;
  table: usize; // [vocabulary, rows of the first layer] f32 with bias, or int8
  tableScales: usize; // int8: f32 [rows]
  output: usize; // Matrix
  outputBias: usize; // f32 [rows]
  slots: usize; // addresses of the sequences' slots: [n]
  ids: usize; // [n]
  logits: usize; // f32 [n, vocabulary]
  scratch: usize; // addresses of `BLOCK` scratch areas for each thread
  sums: usize; // offset in a scratch area: f32 [rows]
  recurrentSums: usize; // offset in a scratch area, GRU: f32 [rows]
}

/** Threads that share a step. The first four fields are read and written by atomic operations alone. */
@unmanaged
export class WorkerPool {
  ticket: i32; // see worker-pool.ts
  finished: i32; // chunks, or parts, that are finished; negative when a worker has failed
  finishedAhead: i32; // workers' parts of a product ahead that are finished; negative likewise
  asleep: i32; // workers that wait to be notified
  network: usize;
  int8: i32;
  n: i32; // sequences of this step
  size: i32; // sequences of a chunk; 0 where the chunks are parts of one sequence's layers
  parts: i32; // of one sequence's first layer
  members: i32; // threads that take part in its later layers
  first: i32; // units of the first layer that are the caller's part
  balance: i32; // see step-in-parts.ts
  ahead: i32; // workers' parts of the first layer whose recurrent product was computed ahead: see product-ahead.ts
  offeredAhead: i32; // 1 while such parts are offered
  aheadSums: usize; // f32 [rows of the first layer's recurrent matrix]: that product; 0 where it is not computed ahead
  aheadInput: usize; // the vector that is multiplied
  aheadSlot: usize; // the sequence whose it is; the host makes it 0 where that one's state changes
}

export const LSTM = 0;
export const GRU_RESET_AFTER = 1;
export const GRU_RESET_BEFORE = 2;
export const SIMPLE_RNN = 3;
export const DENSE = 4;
export const NORMALIZATION = 5;

/** Runs that share one reading of the weights; more are advanced block by block. */
export const BLOCK = 8;

/**
 * A vector that is a product's input: f32 [paddedUnits], then for int8 and int4 its bytes [paddedUnits], 16 more of
 * zero values so that groups of 32 may end there, and one f32, the value that stands for 1. A GRU's reset state is
 * kept in a scratch area in the same form, at offset 0.
 */
// @ts-ignore: decorator
@inline
export function bytesOf(vector: usize, paddedUnits: i32): usize {
  return vector + (paddedUnits << 2);
}

// @ts-ignore: decorator
@inline
export function scaleOf(vector: usize, paddedUnits: i32): usize {
  return vector + paddedUnits * 5 + 16;
}

/** What follows a vector stands so many bytes behind its start. */
// @ts-ignore: decorator
@inline
export function vectorBytes(paddedUnits: i32): i32 {
  return paddedUnits * 5 + 32;
}
