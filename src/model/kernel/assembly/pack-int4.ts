import { GROUP_BYTES } from './layout';
import { copyStrip, LANE_LIMIT, largest, positive, row, STATE_LEVELS, whole } from './pack';

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
function target(source: usize, input: i32, inputs: i32, factor: v128, multiplier: v128): v128 {
  return f32x4.div(f32x4.mul(row(source, 64, input, inputs), factor), multiplier);
}

/** Of -8 .. 7, what comes nearest to the target with the four bits `below` it. */
// @ts-ignore: decorator
@inline
function nearest(target: v128, below: v128): v128 {
  const rounded = whole(f32x4.sub(target, f32x4.convert_i32x4_s(below)), f32x4.splat(0.0625));
  return i32x4.max_s(i32x4.min_s(rounded, i32x4.splat(7)), i32x4.splat(-8));
}

/**
 * Up to 16 outputs, in groups of 32 inputs: 16 multipliers in 8 bits, then the weights.
 *
 * @param most the largest multiplier: such that no sum passes 32 bits
 */
export function packInt4(
  source: usize, stride: usize, inputs: i32, length: i32,
  to: usize, scales: usize, starts: usize, scratch: usize, most: i32,
): void {
  copyStrip(source, stride, inputs, length, scratch);
  for (let four: usize = 0; four < 4; four++) {
    packFour(scratch + (four << 4), inputs, to, four, scales + (four << 4), starts + (four << 4), most);
  }
}

/** Four outputs: their multipliers and values. */
function packFour(
  source: usize, inputs: i32, to: usize, four: usize, scales: usize, starts: usize, most: i32,
): void {
  const usual: f32 = <f32>(most / GROWTH); // multiplier of the group with the largest weight
  const range = largest(source, 64, inputs);
  const some = f32x4.ne(range, f32x4.splat(0));
  const perRange = v128.and(f32x4.div(f32x4.splat(usual), range), some);
  const factor = v128.and(f32x4.div(f32x4.splat(LEVELS * usual), range), some);
  let sum = i32x4.splat(0);
  for (let input = 0; input < inputs; input += 32) {
    const size = largest(source + (<usize>input << 6), 64, min(32, inputs - input));
    const wanted = f32x4.add(f32x4.mul(size, perRange), f32x4.splat(ROUNDED_UP));
    let multiplier = i32x4.max_s(whole(wanted, f32x4.splat(1)), i32x4.splat(1));
    let over = packGroup(source, input, inputs, factor, multiplier, to + 16 + (four << 5));
    while (v128.any_true(over)) {
      const growth = f32x4.div(f32x4.convert_i32x4_s(v128.load(WORST)), f32x4.splat(<f32>(LANE_LIMIT - 1)));
      const grown = whole(f32x4.convert_i32x4_s(multiplier), growth);
      const larger = i32x4.min_s(i32x4.max_s(grown, i32x4.add(multiplier, i32x4.splat(1))), i32x4.splat(most));
      multiplier = v128.bitselect(larger, multiplier, over);
      over = packGroup(source, input, inputs, factor, multiplier, to + 16 + (four << 5));
    }
    sum = i32x4.add(sum, i32x4.mul(multiplier, v128.load(TOTAL)));
    const words = i16x8.narrow_i32x4_u(multiplier, multiplier);
    v128.store32_lane(to + (four << 2), i8x16.narrow_i16x8_u(words, words), 0);
    to += GROUP_BYTES;
  }
  v128.store(starts, i32x4.neg(i32x4.shl(sum, 6)));
  const unit = f32x4.div(range, f32x4.splat(LEVELS * usual));
  v128.store(scales, f32x4.div(unit, f32x4.splat(STATE_LEVELS)));
}

/** Of the group that was packed last: the sum of its values, and the largest of one sign in a 16-bit lane; i32 [4]. */
const TOTAL: usize = memory.data(16, 16);
const WORST: usize = memory.data(16, 16);

/** 32 inputs of four outputs. @returns in which of the outputs a 16-bit lane could overflow */
function packGroup(source: usize, input: i32, inputs: i32, factor: v128, multiplier: v128, to: usize): v128 {
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
        const upper = input + (half << 3) + (vector << 2) + column;
        const lower = upper + 16;
        const lower0 = nearest(target(source, lower, inputs, factor, m), zero);
        const below0 = v128.and(lower0, four);
        const upper0 = nearest(target(source, upper, inputs, factor, m), below0);
        const below1 = v128.and(upper0, four);
        const lower1 = nearest(target(source, lower + 1, inputs, factor, m), below1);
        const below2 = v128.and(lower1, four);
        const upper1 = nearest(target(source, upper + 1, inputs, factor, m), below2);
        const a = i32x4.shl(lower0, 4);
        const b = i32x4.add(i32x4.shl(upper0, 4), below0);
        const c = i32x4.add(i32x4.shl(lower1, 4), below1);
        const d = i32x4.add(i32x4.shl(upper1, 4), below2);
        up = i32x4.add(up, i32x4.add(positive(a, b), positive(c, d)));
        sum = i32x4.add(sum, i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
        // Two bytes of each output; the lanes of a vector are 4 bytes of an output.
        const byte = i32x4.splat(255);
        const bytes = v128.or(v128.and(b, byte), i32x4.shl(v128.and(d, byte), 8));
        const at = to + (half << 7) + (vector << 4);
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
