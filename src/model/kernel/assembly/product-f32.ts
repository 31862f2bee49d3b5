import { AHEAD, Matrix, SparseTile } from './layout';

/**
 * `out += W x` for the sequences in `inputs`, whose input vectors lie at offset `x` and whose sums at offset `out`:
 * the rows of strips `from` to `to`.
 */
export function addProductF32(
  m: Matrix, n: i32, inputs: usize, x: usize, sums: usize, out: usize, from: i32, to: i32,
): void {
  if (m.sparse) {
    addSparse(m, n, inputs, x, sums, out, from, to);
    return;
  }
  const columns = m.columns;
  for (let strip = from; strip < to; ) {
    const tile = strip / 3;
    const first = strip % 3;
    const height = tile < m.tiles ? 3 : m.rest >> 4; // strips of the tile
    const strips = min(height - first, to - strip);
    const stride: usize = height << 6;
    const w = m.weights + tile * columns * 192 + (first << 6);
    const at = out + (strip << 6);
    let s = 0;
    for (; s < n - 1; s += 2) {
      const x0 = pointer(inputs, s) + x;
      const x1 = pointer(inputs, s + 1) + x;
      const out0 = pointer(sums, s) + at;
      const out1 = pointer(sums, s + 1) + at;
      for (let row: usize = 0; row < <usize>strips << 6; row += 64) {
        stripPair(w + row, stride, columns, x0, x1, out0 + row, out1 + row);
      }
    }
    if (s < n) {
      const x0 = pointer(inputs, s) + x;
      const out0 = pointer(sums, s) + at;
      if (strips == 3 && m.order == AHEAD) tile48Ahead(w, columns, x0, out0);
      else if (strips == 3) tile48(w, columns, x0, out0);
      else if (strips == 2) tile32(w, stride, columns, x0, out0);
      else tile16(w, stride, columns, x0, out0);
    }
    strip += strips;
  }
}

/** The same for a block-sparse matrix. */
function addSparse(m: Matrix, n: i32, inputs: usize, x: usize, sums: usize, out: usize, from: i32, to: i32): void {
  for (let strip = from; strip < to; ) {
    const tile = strip >> 1;
    const whole = tile < m.tiles;
    const stride = whole ? 128 : 64;
    const kept = changetype<SparseTile>(m.sparse + tile * offsetof<SparseTile>());
    const w = m.weights + (kept.first << 9) + ((strip & 1) << 6);
    const list = m.blocks + (kept.first << 1);
    const end = list + (kept.count << 1);
    const pair = whole && (strip & 1) == 0 && strip + 1 < to;
    for (let s = 0; s < n; s++) {
      const vector = pointer(inputs, s) + x;
      const sum = pointer(sums, s) + out + (strip << 6);
      if (pair) sparseTile(w, list, end, vector, sum);
      else sparseStrip(w, stride, list, end, vector, sum);
    }
    strip += pair ? 2 : 1;
  }
}

// @ts-ignore: decorator
@inline
export function pointer(list: usize, index: i32): usize {
  return load<usize>(list + (index << 2));
}

/** a * b + c, in one rounding where the host can: the reason why f32 may differ in the last place. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

function tile48(w: usize, columns: i32, x: usize, out: usize): void {
  wholeTile(false, w, columns, x, out);
}

/** The same with the start of each next page read ahead, so that what follows there is fetched in time. */
function tile48Ahead(w: usize, columns: i32, x: usize, out: usize): void {
  wholeTile(true, w, columns, x, out);
}

// @ts-ignore: decorator
@inline
function wholeTile(ahead: bool, w: usize, columns: i32, x: usize, out: usize): void {
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
    if (ahead) load<i32>(w & -4096, 4096);
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

function tile32(w: usize, stride: usize, columns: i32, x: usize, out: usize): void {
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
    w += stride;
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

function tile16(w: usize, stride: usize, columns: i32, x: usize, out: usize): void {
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
    w += stride;
  }
  v128.store(out, a0, 0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
}

/** 32 rows of a block-sparse matrix: the listed blocks of 4 columns. */
function sparseTile(w: usize, list: usize, end: usize, vector: usize, out: usize): void {
  let a0 = v128.load(out, 0);
  let a1 = v128.load(out, 16);
  let a2 = v128.load(out, 32);
  let a3 = v128.load(out, 48);
  let a4 = v128.load(out, 64);
  let a5 = v128.load(out, 80);
  let a6 = v128.load(out, 96);
  let a7 = v128.load(out, 112);
  for (; list < end; list += 2) {
    const x = vector + (<usize>load<u16>(list) << 4);
    const value0 = v128.load32_splat(x, 0);
    a0 = multiplyAdd(v128.load(w, 0), value0, a0);
    a1 = multiplyAdd(v128.load(w, 16), value0, a1);
    a2 = multiplyAdd(v128.load(w, 32), value0, a2);
    a3 = multiplyAdd(v128.load(w, 48), value0, a3);
    a4 = multiplyAdd(v128.load(w, 64), value0, a4);
    a5 = multiplyAdd(v128.load(w, 80), value0, a5);
    a6 = multiplyAdd(v128.load(w, 96), value0, a6);
    a7 = multiplyAdd(v128.load(w, 112), value0, a7);
    const value1 = v128.load32_splat(x, 4);
    a0 = multiplyAdd(v128.load(w, 128), value1, a0);
    a1 = multiplyAdd(v128.load(w, 144), value1, a1);
    a2 = multiplyAdd(v128.load(w, 160), value1, a2);
    a3 = multiplyAdd(v128.load(w, 176), value1, a3);
    a4 = multiplyAdd(v128.load(w, 192), value1, a4);
    a5 = multiplyAdd(v128.load(w, 208), value1, a5);
    a6 = multiplyAdd(v128.load(w, 224), value1, a6);
    a7 = multiplyAdd(v128.load(w, 240), value1, a7);
    const value2 = v128.load32_splat(x, 8);
    a0 = multiplyAdd(v128.load(w, 256), value2, a0);
    a1 = multiplyAdd(v128.load(w, 272), value2, a1);
    a2 = multiplyAdd(v128.load(w, 288), value2, a2);
    a3 = multiplyAdd(v128.load(w, 304), value2, a3);
    a4 = multiplyAdd(v128.load(w, 320), value2, a4);
    a5 = multiplyAdd(v128.load(w, 336), value2, a5);
    a6 = multiplyAdd(v128.load(w, 352), value2, a6);
    a7 = multiplyAdd(v128.load(w, 368), value2, a7);
    const value3 = v128.load32_splat(x, 12);
    a0 = multiplyAdd(v128.load(w, 384), value3, a0);
    a1 = multiplyAdd(v128.load(w, 400), value3, a1);
    a2 = multiplyAdd(v128.load(w, 416), value3, a2);
    a3 = multiplyAdd(v128.load(w, 432), value3, a3);
    a4 = multiplyAdd(v128.load(w, 448), value3, a4);
    a5 = multiplyAdd(v128.load(w, 464), value3, a5);
    a6 = multiplyAdd(v128.load(w, 480), value3, a6);
    a7 = multiplyAdd(v128.load(w, 496), value3, a7);
    w += 512;
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

/** 16 rows of a block-sparse matrix. */
function sparseStrip(w: usize, stride: usize, list: usize, end: usize, vector: usize, out: usize): void {
  let a0 = v128.load(out, 0);
  let a1 = v128.load(out, 16);
  let a2 = v128.load(out, 32);
  let a3 = v128.load(out, 48);
  for (; list < end; list += 2) {
    const x = vector + (<usize>load<u16>(list) << 4);
    const value0 = v128.load32_splat(x, 0);
    a0 = multiplyAdd(v128.load(w, 0), value0, a0);
    a1 = multiplyAdd(v128.load(w, 16), value0, a1);
    a2 = multiplyAdd(v128.load(w, 32), value0, a2);
    a3 = multiplyAdd(v128.load(w, 48), value0, a3);
    w += stride;
    const value1 = v128.load32_splat(x, 4);
    a0 = multiplyAdd(v128.load(w, 0), value1, a0);
    a1 = multiplyAdd(v128.load(w, 16), value1, a1);
    a2 = multiplyAdd(v128.load(w, 32), value1, a2);
    a3 = multiplyAdd(v128.load(w, 48), value1, a3);
    w += stride;
    const value2 = v128.load32_splat(x, 8);
    a0 = multiplyAdd(v128.load(w, 0), value2, a0);
    a1 = multiplyAdd(v128.load(w, 16), value2, a1);
    a2 = multiplyAdd(v128.load(w, 32), value2, a2);
    a3 = multiplyAdd(v128.load(w, 48), value2, a3);
    w += stride;
    const value3 = v128.load32_splat(x, 12);
    a0 = multiplyAdd(v128.load(w, 0), value3, a0);
    a1 = multiplyAdd(v128.load(w, 16), value3, a1);
    a2 = multiplyAdd(v128.load(w, 32), value3, a2);
    a3 = multiplyAdd(v128.load(w, 48), value3, a3);
    w += stride;
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
