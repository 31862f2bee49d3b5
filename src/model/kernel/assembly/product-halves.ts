import { AHEAD, Matrix, SparseTile } from './layout';
import { multiplyAdd, pointer } from './product-f32';

/**
 * The f32 product of weights that are kept as halves, in the bits that the same weights have in f32: half as many bytes
 * for two more operations a vector, so it pays where a step is bound by memory.
 *
 * A weight is 16 bits: a sign, and 15 of a float32's at their places from the 13th on; they are the weight times 2^-102.
 * Inputs are multiplied by 2^102 instead. Either is exact: each half below 128 in size is a normal float32 then, and
 * inputs are below 2^26.
 */

/** Constants, four of each. Read from memory since V8 builds a constant anew at each use. */
const TABLE: usize = memory.data<u32>([
  0x8fffe000, 0x8fffe000, 0x8fffe000, 0x8fffe000, // the bits of a weight at a float32's places
  0x00002000, 0x00002000, 0x00002000, 0x00002000, // 2^13 and 0 in 16 bits
  0x72800000, 0x72800000, 0x72800000, 0x72800000, // 2^102
], 16);
const WEIGHT_BITS = TABLE;
const LOW_SHIFT = TABLE + 16;
const INPUT_SCALE = TABLE + 32;

/** Of a dense matrix's one run of columns: its number, as in `Matrix.blocks`. */
const WHOLE: usize = memory.data(2, 2);

/** Four weights in the lower 16 bits of each lane: their product with 2^13 moves them and extends their sign. */
// @ts-ignore: decorator
@inline
function low(weights: v128, shift: v128, bits: v128): v128 {
  return v128.and(i32x4.dot_i16x8_s(weights, shift), bits);
}

/** Four weights in the upper 16 bits. */
// @ts-ignore: decorator
@inline
function high(weights: v128, bits: v128): v128 {
  return v128.and(i32x4.shr_s(weights, 3), bits);
}

/** As `addProductF32`. */
export function addProductHalves(
  m: Matrix, n: i32, inputs: usize, x: usize, sums: usize, out: usize, from: i32, to: i32,
): void {
  const columns = m.columns;
  for (let strip = from; strip < to; ) {
    const tile = strip >> 1;
    const whole = tile < m.tiles;
    const stride = whole ? 64 : 32;
    const both = whole && (strip & 1) == 0 && strip + 1 < to;
    let w = m.weights + ((strip & 1) << 5);
    let list = WHOLE;
    let end = WHOLE + 2;
    let run = columns;
    if (m.sparse) {
      const kept = changetype<SparseTile>(m.sparse + tile * offsetof<SparseTile>());
      w += kept.first << 8;
      list = m.blocks + (kept.first << 1);
      end = list + (kept.count << 1);
      run = 4;
    } else w += tile * columns * 64;
    const at = out + (strip << 6);
    let s = 0;
    for (; s < n - 1; s += 2) {
      const x0 = pointer(inputs, s) + x;
      const x1 = pointer(inputs, s + 1) + x;
      const out0 = pointer(sums, s) + at;
      const out1 = pointer(sums, s + 1) + at;
      stripPair(w, stride, list, end, run, x0, x1, out0, out1);
      if (both) stripPair(w + 32, stride, list, end, run, x0, x1, out0 + 64, out1 + 64);
    }
    if (s < n) {
      if (both && m.order == AHEAD) tile32Ahead(w, list, end, run, pointer(inputs, s) + x, pointer(sums, s) + at);
      else if (both) tile32(w, list, end, run, pointer(inputs, s) + x, pointer(sums, s) + at);
      else tile16(w, stride, list, end, run, pointer(inputs, s) + x, pointer(sums, s) + at);
    }
    strip += both ? 2 : 1;
  }
}

/** 32 rows: the runs of `run` columns that are listed by their number in fours. */
function tile32(w: usize, list: usize, end: usize, run: i32, vector: usize, out: usize): void {
  wholeTile(false, w, list, end, run, vector, out);
}

/** The same with the start of each next page read ahead, so that what follows there is fetched in time. */
function tile32Ahead(w: usize, list: usize, end: usize, run: i32, vector: usize, out: usize): void {
  wholeTile(true, w, list, end, run, vector, out);
}

// @ts-ignore: decorator
@inline
function wholeTile(ahead: bool, w: usize, list: usize, end: usize, run: i32, vector: usize, out: usize): void {
  const bits = v128.load(WEIGHT_BITS);
  const shift = v128.load(LOW_SHIFT);
  const scale = v128.load(INPUT_SCALE);
  let a0 = v128.load(out, 0);
  let a1 = v128.load(out, 16);
  let a2 = v128.load(out, 32);
  let a3 = v128.load(out, 48);
  let a4 = v128.load(out, 64);
  let a5 = v128.load(out, 80);
  let a6 = v128.load(out, 96);
  let a7 = v128.load(out, 112);
  for (; list < end; list += 2) {
    let x = vector + (<usize>load<u16>(list) << 4);
    for (const stop = x + (run << 2); x < stop; x += 4) {
      if (ahead) load<i32>(w & -4096, 4096);
      const value = f32x4.mul(v128.load32_splat(x), scale);
      const w0 = v128.load(w, 0);
      a0 = multiplyAdd(low(w0, shift, bits), value, a0);
      a1 = multiplyAdd(high(w0, bits), value, a1);
      const w1 = v128.load(w, 16);
      a2 = multiplyAdd(low(w1, shift, bits), value, a2);
      a3 = multiplyAdd(high(w1, bits), value, a3);
      const w2 = v128.load(w, 32);
      a4 = multiplyAdd(low(w2, shift, bits), value, a4);
      a5 = multiplyAdd(high(w2, bits), value, a5);
      const w3 = v128.load(w, 48);
      a6 = multiplyAdd(low(w3, shift, bits), value, a6);
      a7 = multiplyAdd(high(w3, bits), value, a7);
      w += 64;
    }
  }
  v128.store(out, a0, 0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
  v128.store(out, a4, 64);
  v128.store(out, a5, 80);
  v128.store(out, a6, 96);
  v128.store(out, a7, 112);
}

/** 16 rows. */
function tile16(w: usize, stride: usize, list: usize, end: usize, run: i32, vector: usize, out: usize): void {
  const bits = v128.load(WEIGHT_BITS);
  const shift = v128.load(LOW_SHIFT);
  const scale = v128.load(INPUT_SCALE);
  let a0 = v128.load(out, 0);
  let a1 = v128.load(out, 16);
  let a2 = v128.load(out, 32);
  let a3 = v128.load(out, 48);
  for (; list < end; list += 2) {
    let x = vector + (<usize>load<u16>(list) << 4);
    for (const stop = x + (run << 2); x < stop; x += 4) {
      const value = f32x4.mul(v128.load32_splat(x), scale);
      const w0 = v128.load(w, 0);
      a0 = multiplyAdd(low(w0, shift, bits), value, a0);
      a1 = multiplyAdd(high(w0, bits), value, a1);
      const w1 = v128.load(w, 16);
      a2 = multiplyAdd(low(w1, shift, bits), value, a2);
      a3 = multiplyAdd(high(w1, bits), value, a3);
      w += stride;
    }
  }
  v128.store(out, a0, 0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
}

/** 16 rows for two sequences: each vector of weights is read and moved once, and used twice. */
function stripPair(
  w: usize,
  stride: usize,
  list: usize,
  end: usize,
  run: i32,
  vector0: usize,
  vector1: usize,
  out0: usize,
  out1: usize,
): void {
  const bits = v128.load(WEIGHT_BITS);
  const shift = v128.load(LOW_SHIFT);
  const scale = v128.load(INPUT_SCALE);
  let a0 = v128.load(out0, 0);
  let a1 = v128.load(out0, 16);
  let a2 = v128.load(out0, 32);
  let a3 = v128.load(out0, 48);
  let b0 = v128.load(out1, 0);
  let b1 = v128.load(out1, 16);
  let b2 = v128.load(out1, 32);
  let b3 = v128.load(out1, 48);
  for (; list < end; list += 2) {
    const block = <usize>load<u16>(list) << 4;
    let x0 = vector0 + block;
    let x1 = vector1 + block;
    for (const stop = x0 + (run << 2); x0 < stop; x0 += 4) {
      const value0 = f32x4.mul(v128.load32_splat(x0), scale);
      const value1 = f32x4.mul(v128.load32_splat(x1), scale);
      const pair0 = v128.load(w, 0);
      const w0 = low(pair0, shift, bits);
      a0 = multiplyAdd(w0, value0, a0);
      b0 = multiplyAdd(w0, value1, b0);
      const w1 = high(pair0, bits);
      a1 = multiplyAdd(w1, value0, a1);
      b1 = multiplyAdd(w1, value1, b1);
      const pair1 = v128.load(w, 16);
      const w2 = low(pair1, shift, bits);
      a2 = multiplyAdd(w2, value0, a2);
      b2 = multiplyAdd(w2, value1, b2);
      const w3 = high(pair1, bits);
      a3 = multiplyAdd(w3, value0, a3);
      b3 = multiplyAdd(w3, value1, b3);
      w += stride;
      x1 += 4;
    }
  }
  v128.store(out0, a0, 0);
  v128.store(out0, a1, 16);
  v128.store(out0, a2, 32);
  v128.store(out0, a3, 48);
  v128.store(out1, b0, 0);
  v128.store(out1, b1, 16);
  v128.store(out1, b2, 32);
  v128.store(out1, b3, 48);
}
