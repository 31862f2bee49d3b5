import { bytesOf, GROUP_BYTES, Matrix, scaleOf } from './layout';
import { addPairs, finish, finishPair, fusedDot, pointer } from './product-int8';

/**
 * `out += W x` as in product-int8.ts, for a matrix in 4 bits: the rows of strips `from` to `to`.
 *
 * A vector of 16 bytes holds 4 rows x 4 columns twice. As it is, it is the weights of one block of columns; moved by 4
 * bits, those of another. So unpacking is one instruction for 32 weights. The four bits below each weight
 * belong to another: the packer has rounded with regard to them (pack-int4.ts).
 *
 * The sum of 32 columns is multiplied by the group's multiplier, a whole number, so that all sums are whole numbers,
 * the same on every host and in either build. A 16-bit lane receives 8 products; the packer has seen to it that none overflows.
 */
export function addProductInt4(
  m: Matrix, n: i32, inputs: usize, x: usize, units: i32, sums: usize, out: usize, from: i32, to: i32,
): void {
  const groups = m.columns;
  for (let strip = from; strip < to; strip++) {
    const rows = <usize>strip << 6; // bytes of 4 a row
    const w = m.weights + <usize>(strip * groups) * GROUP_BYTES;
    for (let s = 0; s < n; s++) {
      const vector = pointer(inputs, s) + x;
      const at = pointer(sums, s) + out + rows;
      if (!ASC_FEATURE_RELAXED_SIMD) stripPlain(w, groups, vector, units, at, m.starts + rows, m.scales + rows);
      else if (fusedDot) stripFused(w, groups, vector, units, at, m.starts + rows, m.scales + rows);
      else strip16(w, groups, vector, units, at, m.starts + rows, m.scales + rows);
    }
  }
}

/** The other weights of a vector. */
// @ts-ignore: decorator
@inline
function lower(w: v128): v128 {
  return i16x8.shl(w, 4);
}

/** 4 rows x 16 columns, times the multipliers: two vectors of weights against four blocks of the input. */
// @ts-ignore: decorator
@inline
function dots(w0: v128, w1: v128, h0: v128, h1: v128, h4: v128, h5: v128, multipliers: v128): v128 {
  const left = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(w0, h0), i16x8.relaxed_dot_i8x16_i7x16_s(w1, h1));
  const right = i16x8.add(
    i16x8.relaxed_dot_i8x16_i7x16_s(lower(w0), h4), i16x8.relaxed_dot_i8x16_i7x16_s(lower(w1), h5),
  );
  return i32x4.dot_i16x8_s(i16x8.add(left, right), multipliers);
}

/** 16 rows where the host composes the dot product with addition of others. */
function strip16(
  w: usize, groups: i32, vector: usize, units: i32, out: usize, starts: usize, scales: usize,
): void {
  let x = bytesOf(vector, units);
  let a0 = v128.load(starts, 0);
  let a1 = v128.load(starts, 16);
  let a2 = v128.load(starts, 32);
  let a3 = v128.load(starts, 48);
  for (const end = x + (groups << 5); x < end; x += 32) {
    const all = v128.load(w);
    const low = v128.shuffle<i8>(all, all, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23); // each twice
    const high = v128.shuffle<i8>(all, all, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const m0 = i16x8.extend_low_i8x16_u(low);
    const m1 = i16x8.extend_high_i8x16_u(low);
    const m2 = i16x8.extend_low_i8x16_u(high);
    const m3 = i16x8.extend_high_i8x16_u(high);
    for (let half: usize = 0; half < 16; half += 8) {
      const h0 = v128.load32_splat(x + half, 0);
      const h1 = v128.load32_splat(x + half, 4);
      const h4 = v128.load32_splat(x + half, 16);
      const h5 = v128.load32_splat(x + half, 20);
      const at = w + (half << 4);
      a0 = i32x4.add(a0, dots(v128.load(at, 16), v128.load(at, 48), h0, h1, h4, h5, m0));
      a1 = i32x4.add(a1, dots(v128.load(at, 32), v128.load(at, 64), h0, h1, h4, h5, m1));
      a2 = i32x4.add(a2, dots(v128.load(at, 80), v128.load(at, 112), h0, h1, h4, h5, m2));
      a3 = i32x4.add(a3, dots(v128.load(at, 96), v128.load(at, 128), h0, h1, h4, h5, m3));
    }
    w += GROUP_BYTES;
  }
  const inputScale = v128.load32_splat(scaleOf(vector, units));
  finishPair(out, a0, a1, scales, inputScale);
  finishPair(out + 32, a2, a3, scales + 32, inputScale);
}

/** 4 rows x 32 columns where the host has the dot product with addition. */
// @ts-ignore: decorator
@inline
function groupFused(w: usize, x: usize): v128 {
  const w0 = v128.load(w, 0);
  const w1 = v128.load(w, 32);
  const w2 = v128.load(w, 128);
  const w3 = v128.load(w, 160);
  let a = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, v128.load32_splat(x, 0), i32x4.splat(0));
  let b = i32x4.relaxed_dot_i8x16_i7x16_add_s(lower(w0), v128.load32_splat(x, 16), i32x4.splat(0));
  a = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, v128.load32_splat(x, 4), a);
  b = i32x4.relaxed_dot_i8x16_i7x16_add_s(lower(w1), v128.load32_splat(x, 20), b);
  a = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, v128.load32_splat(x, 8), a);
  b = i32x4.relaxed_dot_i8x16_i7x16_add_s(lower(w2), v128.load32_splat(x, 24), b);
  a = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, v128.load32_splat(x, 12), a);
  b = i32x4.relaxed_dot_i8x16_i7x16_add_s(lower(w3), v128.load32_splat(x, 28), b);
  return i32x4.add(a, b);
}

/** 16 rows where the host has the dot product with addition. */
function stripFused(
  w: usize, groups: i32, vector: usize, units: i32, out: usize, starts: usize, scales: usize,
): void {
  let x = bytesOf(vector, units);
  let a0 = v128.load(starts, 0);
  let a1 = v128.load(starts, 16);
  let a2 = v128.load(starts, 32);
  let a3 = v128.load(starts, 48);
  for (const end = x + (groups << 5); x < end; x += 32) {
    const all = v128.load(w);
    const low = i16x8.extend_low_i8x16_u(all);
    const high = i16x8.extend_high_i8x16_u(all);
    a0 = i32x4.add(a0, i32x4.mul(groupFused(w + 16, x), i32x4.extend_low_i16x8_u(low)));
    a1 = i32x4.add(a1, i32x4.mul(groupFused(w + 32, x), i32x4.extend_high_i16x8_u(low)));
    a2 = i32x4.add(a2, i32x4.mul(groupFused(w + 80, x), i32x4.extend_low_i16x8_u(high)));
    a3 = i32x4.add(a3, i32x4.mul(groupFused(w + 96, x), i32x4.extend_high_i16x8_u(high)));
    w += GROUP_BYTES;
  }
  const inputScale = v128.load32_splat(scaleOf(vector, units));
  finishPair(out, a0, a1, scales, inputScale);
  finishPair(out + 32, a2, a3, scales + 32, inputScale);
}

/** 16 rows in plain SIMD, four at a time: weights and input widened to 16 bits. */
function stripPlain(
  w: usize, groups: i32, vector: usize, units: i32, out: usize, starts: usize, scales: usize,
): void {
  const inputScale = v128.load32_splat(scaleOf(vector, units));
  for (let four: usize = 0; four < 4; four++) {
    let sum = v128.load(starts + (four << 4));
    let x = bytesOf(vector, units);
    let group = w + 16 + (four >> 1 << 6) + ((four & 1) << 4);
    let own = w + (four << 2);
    for (const end = x + (groups << 5); x < end; x += 32) {
      let lo = i32x4.splat(0);
      let hi = i32x4.splat(0);
      for (let vector: usize = 0; vector < 4; vector++) {
        const weights = v128.load(group + (vector >> 1 << 7) + ((vector & 1) << 5));
        const other = lower(weights);
        const h = i16x8.extend_low_i8x16_u(v128.load32_splat(x + (vector << 2), 0));
        const otherH = i16x8.extend_low_i8x16_u(v128.load32_splat(x + (vector << 2), 16));
        lo = i32x4.add(lo, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(weights), h));
        hi = i32x4.add(hi, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(weights), h));
        lo = i32x4.add(lo, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(other), otherH));
        hi = i32x4.add(hi, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(other), otherH));
      }
      const multipliers = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(own)));
      sum = i32x4.add(sum, i32x4.mul(addPairs(lo, hi), multipliers));
      group += GROUP_BYTES;
      own += GROUP_BYTES;
    }
    finish(out + (four << 4), sum, scales + (four << 4), inputScale);
  }
}
