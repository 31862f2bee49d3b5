const SIGN_AND_VALUE: i32 = 0x8fffe000;
const EXPONENT: i16 = 0x7c00;

/**
 * IEEE 754 halves to f32: a half's bits, moved to a float's places, are its value times 2^-112, subnormals included.
 *
 * @param count a multiple of 8
 * @returns whether all are finite
 */
export function decodeFloat16(from: usize, count: i32, to: usize): bool {
  const scale = f32x4.splat(<f32>5.192296858534828e33); // 2^112
  const mask = i32x4.splat(SIGN_AND_VALUE);
  const exponent = i16x8.splat(EXPONENT);
  let stray = i16x8.splat(0);
  for (const end = from + (count << 1); from < end; from += 16) {
    const halves = v128.load(from);
    stray = v128.or(stray, i16x8.eq(v128.and(halves, exponent), exponent));
    const low = i32x4.shl(i32x4.extend_low_i16x8_s(halves), 13);
    const high = i32x4.shl(i32x4.extend_high_i16x8_s(halves), 13);
    v128.store(to, f32x4.mul(v128.and(low, mask), scale), 0);
    v128.store(to, f32x4.mul(v128.and(high, mask), scale), 16);
    to += 32;
  }
  return !v128.any_true(stray);
}
