import { Chunk, CHUNK_INPUTS, groupsBefore, groupsOf, STREAMS } from './layout';

/**
 * Packing: a matrix as TensorFlow writes it into the order of `layout.ts`, chunk by chunk. What is quantised is gone
 * through twice, for an output's scale follows from its largest weight: `widen` finds it, then `packInt8`, `packInt4` or
 * `packTable` writes the weights and adds up what `finish...` makes scales and starts of.
 */

/** The positive and the negative weights that meet in a 16-bit lane may each come to this: 127 * 258 < 2^15. */
export const LANE_LIMIT = 258;

const LEVELS: f32 = 127;
export const STATE_LEVELS: f32 = 63;

/** Constants, four of each. Read from memory since V8 builds a constant anew at each use. */
const TABLE: usize = memory.data<u32>([
  0x4b400000, 0x4b400000, 0x4b400000, 0x4b400000, // 1.5 * 2^23: adding it rounds to a whole number
  0x8fffe000, 0x8fffe000, 0x8fffe000, 0x8fffe000, // sign and value of a half, extended and moved to a float's places
  0x77800000, 0x77800000, 0x77800000, 0x77800000, // 2^112: so many times less is that float
  0x7fff7fff, 0x7fff7fff, 0x7fff7fff, 0x7fff7fff, // the size of a half
  0x0c800000, 0x0c800000, 0x0c800000, 0x0c800000, // 2^-102: so many times less are the weights of product-halves.ts
], 16);
const ROUND = TABLE;
const HALF_BITS = TABLE + 16;
const HALF_SCALE = TABLE + 32;
const HALF_SIZE = TABLE + 48;
const WEIGHT_SCALE = TABLE + 64;

const LARGEST_HALF: f32 = 65504; // infinities and not-a-numbers are decoded to more

/** 16 outputs of a chunk's rows, with zeros where the gate or the matrix ends: f32 [CHUNK_INPUTS, 16]. */
export const STRIP: usize = memory.data(2048, 16);

/** Loads the outputs of the 16 packed rows from `row` on into `STRIP`. */
export function loadStrip(chunk: Chunk, row: i32): void {
  const unit = row % chunk.paddedUnits;
  const output = (row / chunk.paddedUnits) * chunk.units + unit;
  const length = min(16, chunk.units - unit);
  const from = chunk.source + (output << (chunk.half ? 1 : 2));
  const size = chunk.inputs << 6;
  if (length < 16) loadEdge(from, chunk.stride, chunk.half, length, size);
  else if (chunk.half) loadHalves(from, chunk.stride, size);
  else copyRows(from, chunk.stride, STRIP, 64, chunk.inputs);
  if (chunk.inputs < CHUNK_INPUTS) memory.fill(STRIP + size, 0, (CHUNK_INPUTS << 6) - size);
}

/** IEEE 754 halves to f32: bits moved to a float's places are the value times 2^-112, subnormals included. */
// @ts-ignore: decorator
@inline
function decoded(halves: v128, bits: v128, scale: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shl(halves, 13), bits), scale);
}

/** 16 outputs of every row. */
function loadHalves(from: usize, stride: i32, size: i32): void {
  const bits = v128.load(HALF_BITS);
  const scale = v128.load(HALF_SCALE);
  for (let to = STRIP, end = STRIP + size; to < end; to += 64) {
    storeHalves(to, v128.load(from, 0), v128.load(from, 16), bits, scale);
    from += stride;
  }
}

// @ts-ignore: decorator
@inline
function storeHalves(to: usize, first: v128, second: v128, bits: v128, scale: v128): void {
  v128.store(to, decoded(i32x4.extend_low_i16x8_s(first), bits, scale), 0);
  v128.store(to, decoded(i32x4.extend_high_i16x8_s(first), bits, scale), 16);
  v128.store(to, decoded(i32x4.extend_low_i16x8_s(second), bits, scale), 32);
  v128.store(to, decoded(i32x4.extend_high_i16x8_s(second), bits, scale), 48);
}

/** 16 outputs of every row. */
function copyRows(from: usize, stride: i32, to: usize, toStride: i32, inputs: i32): void {
  for (let input = 0; input < inputs; input++) {
    v128.store(to, v128.load(from, 0), 0);
    v128.store(to, v128.load(from, 16), 16);
    v128.store(to, v128.load(from, 32), 32);
    v128.store(to, v128.load(from, 48), 48);
    from += stride;
    to += toStride;
  }
}

/** The last outputs of a gate, fewer than 16. */
function loadEdge(from: usize, stride: i32, half: i32, length: i32, size: i32): void {
  memory.fill(STRIP, 0, size);
  for (let to = STRIP, end = STRIP + size; to < end; to += 64) {
    for (let i = 0; i < length; i++) {
      const value = half
        ? f32x4.extract_lane(decoded(i32x4.splat(load<i16>(from + (i << 1))), v128.load(HALF_BITS), v128.load(HALF_SCALE)), 0)
        : load<f32>(from + (i << 2));
      store<f32>(to + (i << 2), value);
    }
    from += stride;
  }
}

/**
 * Raises each output's range to its largest weight in this chunk.
 *
 * @param ranges f32 [rows]
 * @returns whether the weights are finite, where they are halves
 */
export function widen(chunk: Chunk, ranges: usize): bool {
  let stray = i32x4.splat(0);
  for (let row = 0; row < chunk.rows; row += 16) {
    const height = loadLargest(chunk, row);
    for (let at: usize = 0; at < 64; at += 16) {
      const range = f32x4.pmax(v128.load(ranges + at), largest(STRIP + at, height));
      stray = v128.or(stray, f32x4.gt(range, f32x4.splat(LARGEST_HALF)));
      v128.store(ranges + at, range);
    }
    ranges += 64;
  }
  return !chunk.half || !v128.any_true(stray);
}

/** Loads a strip, or one row that stands for all: the sizes of halves are in the order of their bits. @returns how many rows */
function loadLargest(chunk: Chunk, row: i32): i32 {
  const unit = row % chunk.paddedUnits;
  if (!chunk.half || unit + 16 > chunk.units) {
    loadStrip(chunk, row);
    return chunk.inputs;
  }
  let from = chunk.source + (((row / chunk.paddedUnits) * chunk.units + unit) << 1);
  let first = i16x8.splat(0);
  let second = i16x8.splat(0);
  const size = v128.load(HALF_SIZE);
  for (let input = 0; input < chunk.inputs; input++) {
    first = i16x8.max_s(first, v128.and(v128.load(from, 0), size));
    second = i16x8.max_s(second, v128.and(v128.load(from, 16), size));
    from += chunk.stride;
  }
  storeHalves(STRIP, first, second, v128.load(HALF_BITS), v128.load(HALF_SCALE));
  return 1;
}

/** Of four outputs in a strip. */
export function largest(source: usize, inputs: i32): v128 {
  let range = f32x4.splat(0);
  for (const end = source + (inputs << 6); source < end; source += 64) {
    range = f32x4.pmax(range, f32x4.abs(v128.load(source)));
  }
  return range;
}

/** Where 16 rows stand in a tile's columns. */
// @ts-ignore: decorator
@inline
function tileStart(row: i32, tileRows: i32, columns: i32): i32 {
  const inTile = row % tileRows;
  return (row - inTile) * columns + inTile;
}

// @ts-ignore: decorator
@inline
function rowsOfTile(row: i32, tileRows: i32, rows: i32): i32 {
  return min(tileRows, rows - (row - (row % tileRows)));
}

/** @param to f32, the packed matrix, in tiles of `tileRows` */
export function packF32(chunk: Chunk, to: usize, tileRows: i32): void {
  for (let row = 0; row < chunk.rows; row += 16) {
    loadStrip(chunk, row);
    const stride = rowsOfTile(row, tileRows, chunk.rows) << 2;
    const at = to + (tileStart(row, tileRows, chunk.columns) << 2) + chunk.input * stride;
    copyRows(STRIP, 64, at, stride, min((chunk.inputs + 3) & -4, chunk.columns - chunk.input));
  }
}

/** Weights that were halves, below 128 in size. @param to the packed matrix of product-halves.ts */
export function packHalves(chunk: Chunk, to: usize): void {
  for (let row = 0; row < chunk.rows; row += 16) {
    loadStrip(chunk, row);
    const stride = rowsOfTile(row, 32, chunk.rows) << 1;
    let at = to + (tileStart(row, 32, chunk.columns) << 1) + chunk.input * stride;
    for (let source = STRIP, end = STRIP + (chunk.inputs << 6); source < end; source += 64) {
      v128.store(at, v128.or(i32x4.shr_u(upper(source), 16), upper(source + 16)), 0);
      v128.store(at, v128.or(i32x4.shr_u(upper(source + 32), 16), upper(source + 48)), 16);
      at += stride;
    }
  }
}

/** A weight's 16 bits at the upper end of each lane. */
// @ts-ignore: decorator
@inline
function upper(weights: usize): v128 {
  const bits = f32x4.mul(v128.load(weights), v128.load(WEIGHT_SCALE));
  return v128.bitselect(i32x4.shl(bits, 3), bits, i32x4.splat(0x7fffffff));
}

/** 127 over the largest weight of each output; 0 where all are 0. */
// @ts-ignore: decorator
@inline
function factorOf(range: v128): v128 {
  return v128.and(f32x4.div(f32x4.splat(LEVELS), range), f32x4.ne(range, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
export function whole(weights: v128, factor: v128, round: v128 = v128.load(ROUND)): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(weights, factor), round), round);
}

/** Four vectors of whole numbers within 8 bits: i8 [4, 4]. */
// @ts-ignore: decorator
@inline
function narrow(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** Where 16 rows of a group of 16 columns stand in an int8 matrix. */
function groupStart(row: i32, group: i32, chunk: Chunk, order: i32): usize {
  const inTile = row % 32;
  const groups = chunk.columns >> 4;
  let before = (row - inTile) * groups;
  let inStream = group;
  if (order == STREAMS) {
    const stream = group & 3;
    before = chunk.rows * groupsBefore(groups, stream) + (row - inTile) * groupsOf(groups, stream);
    inStream = group >> 2;
  }
  return ((before + rowsOfTile(row, 32, chunk.rows) * inStream) << 4) + (inTile << 2);
}

/**
 * @param to the packed matrix
 * @param ranges f32 [rows]; `sums` i32 [rows]; `lanes` [rows] as `Lanes`, zeros before the first chunk
 * @param order as in `Matrix`
 */
export function packInt8(chunk: Chunk, to: usize, ranges: usize, sums: usize, lanes: usize, order: i32): void {
  const done = lanes + (chunk.rows << 2);
  for (let row = 0; row < chunk.rows; row += 16) {
    if (load<i32>(done + (row >> 2))) continue;
    const stride = rowsOfTile(row, 32, chunk.rows) << 2;
    const group = chunk.input >> 4;
    let at = to + groupStart(row, group, chunk, order);
    let second = to + groupStart(row, group + 1, chunk, order);
    const unit = row % chunk.paddedUnits;
    if (chunk.half && unit + 16 <= chunk.units && (chunk.inputs & 15) == 0) {
      const from = chunk.source + (((row / chunk.paddedUnits) * chunk.units + unit) << 1);
      const four = row << 2;
      packRowsOfHalves(from, chunk.stride, chunk.inputs, at, second, stride, ranges + four, sums + four, lanes + four);
      packRowsOfHalves(from + 16, chunk.stride, chunk.inputs, at + 32, second + 32, stride, ranges + four + 32, sums + four + 32, lanes + four + 32);
      continue;
    }
    loadStrip(chunk, row);
    for (let four = row << 2, end = four + 64, source = STRIP; four < end; four += 16) {
      packRows(source, chunk.inputs, at, second, stride, ranges + four, sums + four, lanes + four);
      source += 16;
      at += 16;
      second += 16;
    }
  }
}

/** A transposition of 4 x 4 bytes. */
// @ts-ignore: decorator
@inline
function transposed(bytes: v128): v128 {
  return i8x16.shuffle(bytes, bytes, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

// @ts-ignore: decorator
@inline
function positives(bytes: v128): v128 {
  return i16x8.extadd_pairwise_i8x16_s(i8x16.max_s(bytes, i8x16.splat(0)));
}

/** 8 outputs that are whole, in one or two groups of 16 inputs, straight from halves. */
function packRowsOfHalves(
  from: usize, fromStride: i32, inputs: i32, to: usize, next: usize, stride: i32, ranges: usize, sums: usize, lanes: usize,
): void {
  const low = factorOf(v128.load(ranges));
  const high = factorOf(v128.load(ranges, 16));
  const round = v128.load(ROUND);
  const bits = v128.load(HALF_BITS);
  const scale = v128.load(HALF_SCALE);
  for (let input = 0; input < inputs; input += 16) {
    let upLow = i16x8.splat(0);
    let upHigh = i16x8.splat(0);
    let totalLow = i16x8.splat(0);
    let totalHigh = i16x8.splat(0);
    for (const end = to + (stride << 2); to < end; to += stride) {
      const a = v128.load(from);
      from += fromStride;
      const b = v128.load(from);
      from += fromStride;
      const c = v128.load(from);
      from += fromStride;
      const d = v128.load(from);
      from += fromStride;
      const first = transposed(narrow(
        whole(decoded(i32x4.extend_low_i16x8_s(a), bits, scale), low, round),
        whole(decoded(i32x4.extend_low_i16x8_s(b), bits, scale), low, round),
        whole(decoded(i32x4.extend_low_i16x8_s(c), bits, scale), low, round),
        whole(decoded(i32x4.extend_low_i16x8_s(d), bits, scale), low, round),
      ));
      v128.store(to, first);
      upLow = i16x8.add(upLow, positives(first));
      totalLow = i16x8.add(totalLow, i16x8.extadd_pairwise_i8x16_s(first));
      const second = transposed(narrow(
        whole(decoded(i32x4.extend_high_i16x8_s(a), bits, scale), high, round),
        whole(decoded(i32x4.extend_high_i16x8_s(b), bits, scale), high, round),
        whole(decoded(i32x4.extend_high_i16x8_s(c), bits, scale), high, round),
        whole(decoded(i32x4.extend_high_i16x8_s(d), bits, scale), high, round),
      ));
      v128.store(to, second, 16);
      upHigh = i16x8.add(upHigh, positives(second));
      totalHigh = i16x8.add(totalHigh, i16x8.extadd_pairwise_i8x16_s(second));
    }
    addBlock(upLow, totalLow, sums, lanes);
    addBlock(upHigh, totalHigh, sums + 16, lanes + 16);
    to = next;
  }
}

/** Adds 16 inputs of 4 outputs to their sums. */
// @ts-ignore: decorator
@inline
function addBlock(up: v128, total: v128, sums: usize, lanes: usize): void {
  v128.store(lanes, i16x8.max_s(v128.load(lanes), i16x8.max_s(up, i16x8.sub(up, total))));
  v128.store(sums, i32x4.add(v128.load(sums), i32x4.extadd_pairwise_i16x8_s(total)));
}

/** 4 outputs, in one or two groups of 16 inputs. */
function packRows(
  source: usize, inputs: i32, to: usize, next: usize, stride: i32, ranges: usize, sums: usize, lanes: usize,
): void {
  const factor = factorOf(v128.load(ranges));
  const round = v128.load(ROUND);
  for (let input = 0; input < inputs; input += 16) {
    let up = i16x8.splat(0);
    let total = i16x8.splat(0);
    for (const end = source + 1024; source < end; source += 256) {
      const bytes = transposed(narrow(
        whole(v128.load(source, 0), factor, round), whole(v128.load(source, 64), factor, round),
        whole(v128.load(source, 128), factor, round), whole(v128.load(source, 192), factor, round),
      ));
      v128.store(to, bytes);
      up = i16x8.add(up, positives(bytes));
      total = i16x8.add(total, i16x8.extadd_pairwise_i8x16_s(bytes));
      to += stride;
    }
    addBlock(up, total, sums, lanes);
    to = next;
  }
}

/**
 * After the last chunk: the ranges become scales, the sums starts, unless a lane could overflow. Then the output's range
 * has grown, and its strip is to be packed again.
 *
 * @param lanes the largest sums of one sign in the two lanes of each output, i16 [rows, 2]; whether a strip is done, i32 [rows / 16]
 * @returns whether all are done
 */
export function finishInt8(rows: i32, ranges: usize, sums: usize, lanes: usize): bool {
  const done = lanes + (rows << 2);
  let all = true;
  for (let row = 0; row < rows; row += 16) {
    let fits = true;
    for (let at = row << 2, end = at + 64; at < end; at += 16) {
      const two = v128.load(lanes + at);
      const worst = i32x4.max_s(i32x4.shr_s(two, 16), i32x4.shr_s(i32x4.shl(two, 16), 16));
      const over = i32x4.gt_s(worst, i32x4.splat(LANE_LIMIT));
      if (!v128.any_true(over)) continue;
      const range = v128.load(ranges + at);
      const growth = f32x4.div(f32x4.convert_i32x4_s(worst), f32x4.splat(<f32>(LANE_LIMIT - 1)));
      v128.store(ranges + at, v128.bitselect(f32x4.mul(range, growth), range, over));
      fits = false;
    }
    store<i32>(done + (row >> 2), fits ? 1 : 0);
    if (fits) continue;
    memory.fill(lanes + (row << 2), 0, 64);
    memory.fill(sums + (row << 2), 0, 64);
    all = false;
  }
  if (all) finish(rows, ranges, sums, LEVELS);
  return all;
}

/** Ranges become scales, sums starts. @param levels of the largest weight */
export function finish(rows: i32, ranges: usize, sums: usize, levels: f32): void {
  for (let at = 0; at < rows << 2; at += 16) {
    const unit = f32x4.div(v128.load(ranges + at), f32x4.splat(levels));
    v128.store(ranges + at, f32x4.div(unit, f32x4.splat(STATE_LEVELS)));
    v128.store(sums + at, i32x4.neg(i32x4.shl(v128.load(sums + at), 6)));
  }
}

/** A table's rows are looked up, never summed. @param to i8 [inputs, rows] */
export function packTable(chunk: Chunk, to: usize, ranges: usize): void {
  for (let row = 0; row < chunk.rows; row += 16) {
    loadStrip(chunk, row);
    let at = to + chunk.input * chunk.rows + row;
    const factor0 = factorOf(v128.load(ranges, 0));
    const factor1 = factorOf(v128.load(ranges, 16));
    const factor2 = factorOf(v128.load(ranges, 32));
    const factor3 = factorOf(v128.load(ranges, 48));
    for (let source = STRIP, end = STRIP + (chunk.inputs << 6); source < end; source += 64) {
      const a = whole(v128.load(source, 0), factor0);
      const b = whole(v128.load(source, 16), factor1);
      const c = whole(v128.load(source, 32), factor2);
      const d = whole(v128.load(source, 48), factor3);
      v128.store(at, narrow(a, b, c, d));
      at += chunk.rows;
    }
    ranges += 64;
  }
}

export function finishTable(rows: i32, ranges: usize): void {
  for (const end = ranges + (rows << 2); ranges < end; ranges += 16) {
    v128.store(ranges, f32x4.div(v128.load(ranges), f32x4.splat(LEVELS)));
  }
}
