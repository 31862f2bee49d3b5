import { Matrix } from './layout';

/** `out += W x` for the sequences in `inputs`, whose inputs lie at offset `x` and whose sums at offset `out`. */
export function addProductF32(m: Matrix, n: i32, inputs: usize, x: usize, sums: usize, out: usize): void {
  const columns = m.columns;
  let w = m.weights;
  for (let tile = 0; tile < m.tiles; tile++) {
    addTile(w, 48, columns, n, inputs, x, sums, out);
    w += columns * 192;
    out += 192;
  }
  if (m.rest) addTile(w, m.rest, columns, n, inputs, x, sums, out);
}

/** Tiles of 48 rows, or the 16 or 32 rows that are left. */
// @ts-ignore: decorator
@inline
function addTile(
  w: usize, rows: i32, columns: i32, n: i32, inputs: usize, x: usize, sums: usize, out: usize,
): void {
  const stride = rows << 2;
  let s = 0;
  for (; s < n - 1; s += 2) {
    const x0 = pointer(inputs, s) + x;
    const x1 = pointer(inputs, s + 1) + x;
    const out0 = pointer(sums, s) + out;
    const out1 = pointer(sums, s + 1) + out;
    for (let at = 0; at < stride; at += 64) stripPair(w + at, stride, columns, x0, x1, out0 + at, out1 + at);
  }
  if (s == n) return;
  const x0 = pointer(inputs, s) + x;
  const out0 = pointer(sums, s) + out;
  if (rows == 48) tile48(w, columns, x0, out0);
  else if (rows == 32) tile32(w, columns, x0, out0);
  else tile16(w, columns, x0, out0);
}

// @ts-ignore: decorator
@inline
function pointer(list: usize, index: i32): usize {
  return load<usize>(list + (index << 2));
}

/** a * b + c, in one rounding where the host can: the reason why f32 may differ in the last place. */
// @ts-ignore: decorator
@inline
function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

function tile48(w: usize, columns: i32, x: usize, out: usize): void {
  let a0 = v128.load(out, 0);
  let a1 = v128.load(out, 16);
  let a2 = v128.load(out, 32);
  let a3 = v128.load(out, 48);
  let a4 = v128.load(out, 64);
  let a5 = v128.load(out, 80);
  let a6 = v128.load(out, 96);
  let a7 = v128.load(out, 112);
  let a8 = v128.load(out, 128);
  let a9 = v128.load(out, 144);
  let a10 = v128.load(out, 160);
  let a11 = v128.load(out, 176);
  for (const end = x + (columns << 2); x < end; x += 4) {
    const value = v128.load32_splat(x);
    a0 = multiplyAdd(v128.load(w, 0), value, a0);
    a1 = multiplyAdd(v128.load(w, 16), value, a1);
    a2 = multiplyAdd(v128.load(w, 32), value, a2);
    a3 = multiplyAdd(v128.load(w, 48), value, a3);
    a4 = multiplyAdd(v128.load(w, 64), value, a4);
    a5 = multiplyAdd(v128.load(w, 80), value, a5);
    a6 = multiplyAdd(v128.load(w, 96), value, a6);
    a7 = multiplyAdd(v128.load(w, 112), value, a7);
    a8 = multiplyAdd(v128.load(w, 128), value, a8);
    a9 = multiplyAdd(v128.load(w, 144), value, a9);
    a10 = multiplyAdd(v128.load(w, 160), value, a10);
    a11 = multiplyAdd(v128.load(w, 176), value, a11);
    w += 192;
  }
  v128.store(out, a0, 0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
  v128.store(out, a4, 64);
  v128.store(out, a5, 80);
  v128.store(out, a6, 96);
  v128.store(out, a7, 112);
  v128.store(out, a8, 128);
  v128.store(out, a9, 144);
  v128.store(out, a10, 160);
  v128.store(out, a11, 176);
}

function tile32(w: usize, columns: i32, x: usize, out: usize): void {
  let a0 = v128.load(out, 0);
  let a1 = v128.load(out, 16);
  let a2 = v128.load(out, 32);
  let a3 = v128.load(out, 48);
  let a4 = v128.load(out, 64);
  let a5 = v128.load(out, 80);
  let a6 = v128.load(out, 96);
  let a7 = v128.load(out, 112);
  for (const end = x + (columns << 2); x < end; x += 4) {
    const value = v128.load32_splat(x);
    a0 = multiplyAdd(v128.load(w, 0), value, a0);
    a1 = multiplyAdd(v128.load(w, 16), value, a1);
    a2 = multiplyAdd(v128.load(w, 32), value, a2);
    a3 = multiplyAdd(v128.load(w, 48), value, a3);
    a4 = multiplyAdd(v128.load(w, 64), value, a4);
    a5 = multiplyAdd(v128.load(w, 80), value, a5);
    a6 = multiplyAdd(v128.load(w, 96), value, a6);
    a7 = multiplyAdd(v128.load(w, 112), value, a7);
    w += 128;
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

function tile16(w: usize, columns: i32, x: usize, out: usize): void {
  let a0 = v128.load(out, 0);
  let a1 = v128.load(out, 16);
  let a2 = v128.load(out, 32);
  let a3 = v128.load(out, 48);
  for (const end = x + (columns << 2); x < end; x += 4) {
    const value = v128.load32_splat(x);
    a0 = multiplyAdd(v128.load(w, 0), value, a0);
    a1 = multiplyAdd(v128.load(w, 16), value, a1);
    a2 = multiplyAdd(v128.load(w, 32), value, a2);
    a3 = multiplyAdd(v128.load(w, 48), value, a3);
    w += 64;
  }
  v128.store(out, a0, 0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
}

/** 16 rows for two sequences: each vector of weights is read once and used twice. */
function stripPair(
  w: usize,
  stride: usize,
  columns: i32,
  x0: usize,
  x1: usize,
  out0: usize,
  out1: usize,
): void {
  let a0 = v128.load(out0, 0);
  let a1 = v128.load(out0, 16);
  let a2 = v128.load(out0, 32);
  let a3 = v128.load(out0, 48);
  let b0 = v128.load(out1, 0);
  let b1 = v128.load(out1, 16);
  let b2 = v128.load(out1, 32);
  let b3 = v128.load(out1, 48);
  for (const end = x0 + (columns << 2); x0 < end; x0 += 4) {
    const value0 = v128.load32_splat(x0);
    const value1 = v128.load32_splat(x1);
    const w0 = v128.load(w, 0);
    a0 = multiplyAdd(w0, value0, a0);
    b0 = multiplyAdd(w0, value1, b0);
    const w1 = v128.load(w, 16);
    a1 = multiplyAdd(w1, value0, a1);
    b1 = multiplyAdd(w1, value1, b1);
    const w2 = v128.load(w, 32);
    a2 = multiplyAdd(w2, value0, a2);
    b2 = multiplyAdd(w2, value1, b2);
    const w3 = v128.load(w, 48);
    a3 = multiplyAdd(w3, value0, a3);
    b3 = multiplyAdd(w3, value1, b3);
    w += stride;
    x1 += 4;
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
