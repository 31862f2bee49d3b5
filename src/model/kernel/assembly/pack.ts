/**
 * Packing: a matrix as TensorFlow writes it, [inputs, outputs] row-major f32, into the order of `layout.ts`, 16
 * outputs at a time. Runs in an instance of its own, whose memory is dropped with the source.
 */

/** The positive and the negative weights that meet in a 16-bit lane may each come to this: 127 * 258 < 2^15. */
export const LANE_LIMIT = 258;

const LEVELS: f32 = 127;
export const STATE_LEVELS: f32 = 63;
const ROUND: f32 = 12582912; // 1.5 * 2^23: adding it rounds to a whole number
const ROUND_BITS = 0x4b400000;

/** @param stride bytes between rows of the source; `toStride` bytes between columns, as packed */
export function packF32(
  source: usize, stride: usize, inputs: i32, length: i32, to: usize, toStride: usize, scratch: usize,
): void {
  if (length < 16) {
    copyStrip(source, stride, inputs, length, scratch);
    source = scratch;
    stride = 64;
  }
  copyRows(source, stride, inputs, to, toStride);
}

/** 16 outputs of every row. */
function copyRows(source: usize, stride: usize, inputs: i32, to: usize, toStride: usize): void {
  for (let input = 0; input < inputs; input++) {
    v128.store(to, v128.load(source, 0), 0);
    v128.store(to, v128.load(source, 16), 16);
    v128.store(to, v128.load(source, 32), 32);
    v128.store(to, v128.load(source, 48), 48);
    source += stride;
    to += toStride;
  }
}

/** @param toStride bytes between blocks of 4 columns, as packed */
export function packInt8(
  source: usize, stride: usize, inputs: i32, length: i32,
  to: usize, toStride: usize, scales: usize, starts: usize, scratch: usize,
): void {
  copyStrip(source, stride, inputs, length, scratch);
  for (let at: usize = 0; at < 64; at += 16) {
    packRows(scratch + at, 64, inputs, to + at, toStride, scales + at, starts + at);
  }
}

/** The first outputs of every row, and zeros behind them, in rows of 16. */
export function copyStrip(source: usize, stride: usize, inputs: i32, length: i32, to: usize): void {
  if (length == 16) {
    copyRows(source, stride, inputs, to, 64);
    return;
  }
  memory.fill(to, 0, inputs << 6);
  for (let input = 0; input < inputs; input++) {
    for (let i = 0; i < length; i++) store<f32>(to + (i << 2), load<f32>(source + (i << 2)));
    source += stride;
    to += 64;
  }
}

/** 127 over the largest weight of each output; 0 where all are 0. */
// @ts-ignore: decorator
@inline
function factorOf(range: v128): v128 {
  return v128.and(f32x4.div(f32x4.splat(LEVELS), range), f32x4.ne(range, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
export function whole(weights: v128, factor: v128): v128 {
  const rounded = f32x4.add(f32x4.mul(weights, factor), f32x4.splat(ROUND));
  return i32x4.sub(rounded, i32x4.splat(ROUND_BITS));
}

// @ts-ignore: decorator
@inline
export function row(source: usize, stride: usize, input: i32, inputs: i32): v128 {
  if (input < inputs) return v128.load(source + <usize>input * stride);
  return f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
export function positive(a: v128, b: v128): v128 {
  const zero = i32x4.splat(0);
  return i32x4.add(i32x4.max_s(a, zero), i32x4.max_s(b, zero));
}

export function largest(source: usize, stride: usize, inputs: i32): v128 {
  let range = f32x4.splat(0);
  for (let input = 0; input < inputs; input++) {
    range = f32x4.pmax(range, f32x4.abs(v128.load(source)));
    source += stride;
  }
  return range;
}

/** 4 outputs. Where a lane could overflow, that output's scale grows until none can. */
function packRows(
  source: usize, stride: usize, inputs: i32, to: usize, toStride: usize, scales: usize, starts: usize,
): void {
  let range = largest(source, stride, inputs);
  while (true) {
    const factor = factorOf(range);
    let worst = i32x4.splat(0);
    let sum = i32x4.splat(0);
    let at = to;
    for (let input = 0; input < inputs; ) {
      let positive0 = i32x4.splat(0);
      let positive1 = i32x4.splat(0);
      let total0 = i32x4.splat(0);
      let total1 = i32x4.splat(0);
      for (const end = input + 16; input < end; input += 4) {
        const a = whole(row(source, stride, input, inputs), factor);
        const b = whole(row(source, stride, input + 1, inputs), factor);
        const c = whole(row(source, stride, input + 2, inputs), factor);
        const d = whole(row(source, stride, input + 3, inputs), factor);
        positive0 = i32x4.add(positive0, positive(a, b));
        positive1 = i32x4.add(positive1, positive(c, d));
        total0 = i32x4.add(total0, i32x4.add(a, b));
        total1 = i32x4.add(total1, i32x4.add(c, d));
        const byte = i32x4.splat(255);
        const low = v128.or(v128.and(a, byte), i32x4.shl(v128.and(b, byte), 8));
        const high = v128.or(i32x4.shl(v128.and(c, byte), 16), i32x4.shl(d, 24));
        v128.store(at, v128.or(low, high));
        at += toStride;
      }
      const up = i32x4.max_s(positive0, positive1);
      const down = i32x4.max_s(i32x4.sub(positive0, total0), i32x4.sub(positive1, total1));
      worst = i32x4.max_s(worst, i32x4.max_s(up, down));
      sum = i32x4.add(sum, i32x4.add(total0, total1));
    }
    const over = i32x4.gt_s(worst, i32x4.splat(LANE_LIMIT));
    if (!v128.any_true(over)) {
      v128.store(starts, i32x4.neg(i32x4.shl(sum, 6)));
      v128.store(scales, f32x4.div(f32x4.div(range, f32x4.splat(LEVELS)), f32x4.splat(STATE_LEVELS)));
      return;
    }
    const growth = f32x4.div(f32x4.convert_i32x4_s(worst), f32x4.splat(<f32>(LANE_LIMIT - 1)));
    range = v128.bitselect(f32x4.mul(range, growth), range, over);
  }
}

/** Up to 16 outputs of a table whose rows are looked up, never summed: [inputs, rows] int8, `toStride` bytes apart. */
export function packTable(
  source: usize, stride: usize, inputs: i32, length: i32, to: usize, toStride: usize, scales: usize, scratch: usize,
): void {
  if (length < 16) {
    copyStrip(source, stride, inputs, length, scratch);
    source = scratch;
    stride = 64;
  }
  const range0 = largest(source, stride, inputs);
  const range1 = largest(source + 16, stride, inputs);
  const range2 = largest(source + 32, stride, inputs);
  const range3 = largest(source + 48, stride, inputs);
  v128.store(scales, f32x4.div(range0, f32x4.splat(LEVELS)), 0);
  v128.store(scales, f32x4.div(range1, f32x4.splat(LEVELS)), 16);
  v128.store(scales, f32x4.div(range2, f32x4.splat(LEVELS)), 32);
  v128.store(scales, f32x4.div(range3, f32x4.splat(LEVELS)), 48);
  for (let input = 0; input < inputs; input++) {
    const a = whole(v128.load(source, 0), factorOf(range0));
    const b = whole(v128.load(source, 16), factorOf(range1));
    const c = whole(v128.load(source, 32), factorOf(range2));
    const d = whole(v128.load(source, 48), factorOf(range3));
    v128.store(to, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
    source += stride;
    to += toStride;
  }
}
