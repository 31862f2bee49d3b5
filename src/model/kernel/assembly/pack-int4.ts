import { Chunk, CHUNK_INPUTS, GROUP_BYTES } from './layout';
import { finish, LANE_LIMIT, largest, loadStrip, STRIP, whole } from './pack';

/**
 * Weights to 4 bits, 32 inputs of an output sharing a multiplier, a whole number: weight = value * multiplier * scale.
 *
 * Two weights share a byte, and each is read as 8 bits (product-int4.ts): 16 times its own four bits, and below them four
 * that belong to another. So a weight is rounded to the nearest of 16 values that the bits below it leave, which are as
 * far apart as without them.
 */

/** The largest weight of a group comes to this; 7.5 times 16, since -8 * 16 .. 7 * 16 + 15 can be had. */
const LEVELS: f32 = 120;

/** By so many times a group's multiplier may grow: then its values are 32 at most, and 8 of them stay below the limit. */
const GROWTH = 5;

/** A multiplier is rounded down only where the largest weight then comes to 127 at most. */
const ROUNDED_UP: f32 = 0.4375;

/** A row of four outputs' target in units of the value. */
// @ts-ignore: decorator
@inline
function target(source: usize, input: i32, factor: v128, multiplier: v128): v128 {
  return f32x4.div(f32x4.mul(v128.load(source + (input << 6)), factor), multiplier);
}

/** Of -8 .. 7, what comes nearest to the target with the four bits `below` it. */
// @ts-ignore: decorator
@inline
function nearest(target: v128, below: v128): v128 {
  const rounded = whole(f32x4.sub(target, f32x4.convert_i32x4_s(below)), f32x4.splat(0.0625));
  return i32x4.max_s(i32x4.min_s(rounded, i32x4.splat(7)), i32x4.splat(-8));
}

/** What the positive of two vectors come to. */
// @ts-ignore: decorator
@inline
function positive(a: v128, b: v128): v128 {
  const zero = i32x4.splat(0);
  return i32x4.add(i32x4.max_s(a, zero), i32x4.max_s(b, zero));
}

/** Multiplier of the group with the largest weight. */
// @ts-ignore: decorator
@inline
function usualOf(most: i32): f32 {
  return <f32>(most / GROWTH);
}

/**
 * A chunk is a group of every strip: 16 multipliers in 8 bits, then the weights.
 *
 * @param to the packed matrix
 * @param ranges f32 [rows]; `sums` i32 [rows], zeros before the first chunk
 * @param most the largest multiplier: such that no sum passes 32 bits
 */
export function packInt4(chunk: Chunk, to: usize, ranges: usize, sums: usize, most: i32): void {
  const group = chunk.input / CHUNK_INPUTS;
  for (let row = 0; row < chunk.rows; row += 16) {
    loadStrip(chunk, row);
    const at = to + <usize>((row >> 4) * chunk.columns + group) * GROUP_BYTES;
    for (let four = 0; four < 4; four++) packFour(four, at, ranges + (four << 4), sums + (four << 4), most);
    ranges += 64;
    sums += 64;
  }
}

export function finishInt4(rows: i32, ranges: usize, sums: usize, most: i32): void {
  finish(rows, ranges, sums, LEVELS * usualOf(most));
}

/** Four outputs: their multipliers and values. */
function packFour(four: usize, to: usize, ranges: usize, sums: usize, most: i32): void {
  const source = STRIP + (four << 4);
  const usual = usualOf(most);
  const range = v128.load(ranges);
  const some = f32x4.ne(range, f32x4.splat(0));
  const perRange = v128.and(f32x4.div(f32x4.splat(usual), range), some);
  const factor = v128.and(f32x4.div(f32x4.splat(LEVELS * usual), range), some);
  const wanted = f32x4.add(f32x4.mul(largest(source, CHUNK_INPUTS), perRange), f32x4.splat(ROUNDED_UP));
  let multiplier = i32x4.max_s(whole(wanted, f32x4.splat(1)), i32x4.splat(1));
  const weights = to + 16 + (four >> 1 << 6) + ((four & 1) << 4);
  let over = packGroup(source, factor, multiplier, weights);
  while (v128.any_true(over)) {
    const growth = f32x4.div(f32x4.convert_i32x4_s(v128.load(WORST)), f32x4.splat(<f32>(LANE_LIMIT - 1)));
    const grown = whole(f32x4.convert_i32x4_s(multiplier), growth);
    const larger = i32x4.min_s(i32x4.max_s(grown, i32x4.add(multiplier, i32x4.splat(1))), i32x4.splat(most));
    multiplier = v128.bitselect(larger, multiplier, over);
    over = packGroup(source, factor, multiplier, weights);
  }
  v128.store(sums, i32x4.add(v128.load(sums), i32x4.mul(multiplier, v128.load(TOTAL))));
  const words = i16x8.narrow_i32x4_u(multiplier, multiplier);
  v128.store32_lane(to + (four << 2), i8x16.narrow_i16x8_u(words, words), 0);
}

/** Of the group that was packed last: the sum of its values, and the largest of one sign in a 16-bit lane; i32 [4]. */
const TOTAL: usize = memory.data(16, 16);
const WORST: usize = memory.data(16, 16);

/** 32 inputs of four outputs. @returns in which of the outputs a 16-bit lane could overflow */
function packGroup(source: usize, factor: v128, multiplier: v128, to: usize): v128 {
  const m = f32x4.convert_i32x4_s(multiplier);
  const zero = i32x4.splat(0);
  const four = i32x4.splat(15);
  let worst = zero;
  let total = zero;
  for (let half = 0; half < 2; half++) {
    for (let column = 0; column < 4; column += 2) {
      let up = zero;
      let sum = zero;
      for (let vector = 0; vector < 2; vector++) {
        const upper = (half << 3) + (vector << 2) + column;
        const lower = upper + 16;
        const lower0 = nearest(target(source, lower, factor, m), zero);
        const below0 = v128.and(lower0, four);
        const upper0 = nearest(target(source, upper, factor, m), below0);
        const below1 = v128.and(upper0, four);
        const lower1 = nearest(target(source, lower + 1, factor, m), below1);
        const below2 = v128.and(lower1, four);
        const upper1 = nearest(target(source, upper + 1, factor, m), below2);
        const a = i32x4.shl(lower0, 4);
        const b = i32x4.add(i32x4.shl(upper0, 4), below0);
        const c = i32x4.add(i32x4.shl(lower1, 4), below1);
        const d = i32x4.add(i32x4.shl(upper1, 4), below2);
        up = i32x4.add(up, i32x4.add(positive(a, b), positive(c, d)));
        sum = i32x4.add(sum, i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
        // Two bytes of each output; the lanes of a vector are 4 bytes of an output.
        const byte = i32x4.splat(255);
        const bytes = v128.or(v128.and(b, byte), i32x4.shl(v128.and(d, byte), 8));
        const at = to + (half << 7) + (vector << 5);
        if (column == 0) v128.store(at, bytes);
        else v128.store(at, v128.or(v128.load(at), i32x4.shl(bytes, 16)));
      }
      worst = i32x4.max_s(worst, i32x4.max_s(up, i32x4.sub(up, sum)));
      total = i32x4.add(total, sum);
    }
  }
  v128.store(WORST, worst);
  v128.store(TOTAL, total);
  return i32x4.gt_s(worst, i32x4.splat(LANE_LIMIT));
}
