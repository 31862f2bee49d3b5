import { AHEAD, bytesOf, groupsBefore, groupsOf, Matrix, scaleOf, SparseTile, STREAMS } from './layout';

/** Sixteen-bit ones. Read from memory since V8 builds a constant anew at each use, three instructions a time. */
const ONES: usize = memory.data<i16>([1, 1, 1, 1, 1, 1, 1, 1], 16);

/** Operands whose dot product shows how this host makes it. */
const PROBE: usize = memory.data<u8>([
  127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127,
  255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
], 16);

/**
 * Whether this host has an instruction for the dot product with addition (arm64's sdot, AVX-VNNI's vpdpbusd). One
 * that composes it of others gives itself away, beyond the 7 bits where hosts may differ, by saturating at 16 bits.
 * The host may set it, for either way gives the same sums.
 */
export let fusedDot: bool = hasFusedDot();

function hasFusedDot(): bool {
  if (!ASC_FEATURE_RELAXED_SIMD) return false;
  const zero = i32x4.splat(0);
  const dot = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(PROBE), v128.load(PROBE, 16), zero);
  return i32x4.extract_lane(dot, 0) != 2 * 32767;
}

/**
 * `out += W x` for the sequences in `inputs`, whose input vectors of `units` lie at offset `x` and whose sums lie at
 * offset `out`: the rows of strips `from` to `to`.
 *
 * An input is carried as `round(63 h) + 64`, a 7-bit number, so that a pair of products fits 16 bits; `starts` takes
 * the 64 back. Four blocks of columns are summed in 16 bits before they widen: the packer has seen to it that
 * no row can overflow there. Every sum is a whole number, the same on every host, in either build and with or without
 * the blocks that are zero; the two float operations at the end are never fused.
 */
export function addProductInt8(
  m: Matrix, n: i32, inputs: usize, x: usize, units: i32, sums: usize, out: usize, from: i32, to: i32,
): void {
  const middle = fromMiddle && (to - from) * m.columns <= HALVED ? from + ((to - from) >> 2 << 1) : from;
  addStrips(m, n, inputs, x, units, sums, out, middle, to);
  if (middle > from) addStrips(m, n, inputs, x, units, sums, out, from, middle);
}

/** Strips times blocks of 4 columns: 2 MiB of dense weights. */
const HALVED = 32768;

let fromMiddle = false;

/**
 * Called before each step: in every other one, matrices are multiplied from their middle on. One that is somewhat larger
 * than the second-level cache would leave nothing of itself there that the next step reads first; so, half of it is.
 */
export function alternate(): void {
  fromMiddle = !fromMiddle;
}

/** Whether matrices may be in streams: where each group of columns is multiplied in one turn. */
export function streamable(): bool {
  return ASC_FEATURE_RELAXED_SIMD && !fusedDot;
}

function addStrips(
  m: Matrix, n: i32, inputs: usize, x: usize, units: i32, sums: usize, out: usize, from: i32, to: i32,
): void {
  if (ASC_FEATURE_RELAXED_SIMD && m.order == STREAMS) {
    addStreams(m, n, inputs, x, units, sums, out, from, to);
    return;
  }
  const blocks = m.columns;
  for (let strip = from; strip < to; ) {
    const tile = strip >> 1;
    const whole = tile < m.tiles;
    const rows = <usize>strip << 6; // bytes of 4 a row
    const at = out + rows;
    const starts = m.starts + rows;
    const scales = m.scales + rows;
    const stride = whole ? 128 : 64;
    const pair = whole && (strip & 1) == 0 && strip + 1 < to;
    if (m.sparse) {
      const kept = changetype<SparseTile>(m.sparse + tile * offsetof<SparseTile>());
      const w = m.weights + (kept.first << 7) + ((strip & 1) << 6);
      const list = m.blocks + (kept.first << 1);
      for (let s = 0; s < n; s++) {
        const vector = pointer(inputs, s) + x;
        const sum = pointer(sums, s) + at;
        if (pair) sparseTile(w, list, kept, vector, units, sum, starts, scales);
        else sparseStrip(w, stride, list, kept.count, vector, units, sum, starts, scales);
      }
    } else {
      const w = m.weights + tile * (blocks << 7) + ((strip & 1) << 6);
      let s = 0;
      if (ASC_FEATURE_RELAXED_SIMD && pair && fusedDot) {
        for (; s < n - 1; s += 2) {
          const x0 = pointer(inputs, s) + x;
          const x1 = pointer(inputs, s + 1) + x;
          const sum0 = pointer(sums, s) + at;
          const sum1 = pointer(sums, s + 1) + at;
          for (let half: usize = 0; half < 128; half += 64) {
            halfTilePairFused(w + half, blocks, x0, x1, units, sum0 + half, sum1 + half, starts + half, scales + half);
          }
        }
      }
      for (; s < n; s++) {
        const vector = pointer(inputs, s) + x;
        const sum = pointer(sums, s) + at;
        if (!pair) strip16(w, stride, blocks, vector, units, sum, starts, scales);
        else if (ASC_FEATURE_RELAXED_SIMD && m.order == AHEAD) tileAhead(w, blocks, vector, units, sum, starts, scales);
        else wholeTile(w, blocks, vector, units, sum, starts, scales);
      }
    }
    strip += pair ? 2 : 1;
  }
}

/** Where the groups of a tile start in a stream. */
// @ts-ignore: decorator
@inline
function streamAt(m: Matrix, number: i32, stream: i32): usize {
  const groups = m.columns >> 2;
  const rows = (m.tiles << 5) + m.rest;
  return m.weights + ((rows * groupsBefore(groups, stream) + (number << 5) * groupsOf(groups, stream)) << 4);
}

/** The same for a dense matrix in streams. */
function addStreams(
  m: Matrix, n: i32, inputs: usize, x: usize, units: i32, sums: usize, out: usize, from: i32, to: i32,
): void {
  for (let first = from; first < to; ) {
    const number = first >> 1;
    const whole = number < m.tiles;
    const rows = <usize>first << 6; // bytes of 4 a row
    const starts = m.starts + rows;
    const scales = m.scales + rows;
    const pair = whole && (first & 1) == 0 && first + 1 < to;
    const inTile: usize = (first & 1) << 6;
    const w0 = streamAt(m, number, 0) + inTile;
    const w1 = streamAt(m, number, 1) + inTile;
    const w2 = streamAt(m, number, 2) + inTile;
    const w3 = streamAt(m, number, 3) + inTile;
    for (let s = 0; s < n; s++) {
      const vector = pointer(inputs, s) + x;
      const sum = pointer(sums, s) + out + rows;
      const bytes = bytesOf(vector, units);
      const end = bytes + (m.columns << 2);
      const inputScale = v128.load32_splat(scaleOf(vector, units));
      if (pair) tile(false, true, false, w0, w1, w2, w3, bytes, end, end, 0, sum, starts, scales, inputScale);
      else strip(true, w0, w1, w2, w3, whole ? 128 : 64, bytes, end, sum, starts, scales, inputScale);
    }
    first += pair ? 2 : 1;
  }
}

// @ts-ignore: decorator
@inline
export function pointer(list: usize, index: i32): usize {
  return load<usize>(list + (index << 2));
}

/** `out += sum * scale * inputScale` for 4 rows. */
// @ts-ignore: decorator
@inline
export function finish(out: usize, sum: v128, scales: usize, inputScale: v128): void {
  const value = f32x4.convert_i32x4_s(sum);
  const scaled = f32x4.mul(f32x4.mul(value, v128.load(scales)), inputScale);
  v128.store(out, f32x4.add(v128.load(out), scaled));
}

/** The same for 8 rows: what is read stands before what is written, so that a host may do it in one. */
// @ts-ignore: decorator
@inline
export function finishPair(out: usize, a: v128, b: v128, scales: usize, inputScale: v128): void {
  const first = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(a), v128.load(scales, 0)), inputScale);
  const second = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(b), v128.load(scales, 16)), inputScale);
  const sum0 = f32x4.add(v128.load(out, 0), first);
  const sum1 = f32x4.add(v128.load(out, 16), second);
  v128.store(out, sum0, 0);
  v128.store(out, sum1, 16);
}

/** 4 rows x 16 columns: four vectors of weights against four blocks of the input. */
// @ts-ignore: decorator
@inline
function dots(w0: v128, w1: v128, w2: v128, w3: v128, h0: v128, h1: v128, h2: v128, h3: v128, ones: v128): v128 {
  let sum = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(w0, h0), i16x8.relaxed_dot_i8x16_i7x16_s(w1, h1));
  sum = i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(w2, h2));
  return i32x4.dot_i16x8_s(i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(w3, h3)), ones);
}

/** The block of the input at `at`: the next of a dense matrix, or the one whose number is listed there. */
// @ts-ignore: decorator
@inline
function blockAt(sparse: bool, at: usize, offset: usize, bytes: usize): v128 {
  if (sparse) return v128.load32_splat(bytes + (<usize>load<u16>(at + (offset >> 1)) << 2));
  return v128.load32_splat(at + offset);
}

/** 32 rows of a dense matrix. */
function wholeTile(
  w: usize, blocks: i32, vector: usize, units: i32, out: usize, starts: usize, scales: usize,
): void {
  const x = bytesOf(vector, units);
  const end = x + (blocks << 2);
  const inputScale = v128.load32_splat(scaleOf(vector, units));
  if (!ASC_FEATURE_RELAXED_SIMD) {
    halfTile(false, w, 128, x, end, 0, out, starts, scales, inputScale);
    halfTile(false, w + 64, 128, x, end, 0, out + 64, starts + 64, scales + 64, inputScale);
  } else if (fusedDot) tileFused(false, w, x, end, 0, out, starts, scales, inputScale);
  else tile(false, false, false, w, 0, 0, 0, x, end, end, 0, out, starts, scales, inputScale);
}

/** The same with the start of each next page read ahead. */
function tileAhead(
  w: usize, blocks: i32, vector: usize, units: i32, out: usize, starts: usize, scales: usize,
): void {
  const x = bytesOf(vector, units);
  const end = x + (blocks << 2);
  const inputScale = v128.load32_splat(scaleOf(vector, units));
  tile(false, false, true, w, 0, 0, 0, x, end, end, 0, out, starts, scales, inputScale);
}

/** 32 rows of a block-sparse one. */
function sparseTile(
  w: usize, list: usize, kept: SparseTile, vector: usize, units: i32, out: usize, starts: usize, scales: usize,
): void {
  const bytes = bytesOf(vector, units);
  const end = list + (kept.count << 1);
  const inputScale = v128.load32_splat(scaleOf(vector, units));
  if (!ASC_FEATURE_RELAXED_SIMD) {
    halfTile(true, w, 128, list, end, bytes, out, starts, scales, inputScale);
    halfTile(true, w + 64, 128, list, end, bytes, out + 64, starts + 64, scales + 64, inputScale);
  } else if (fusedDot) tileFused(true, w, list, end, bytes, out, starts, scales, inputScale);
  else tile(true, false, false, w, 0, 0, 0, list, list + (kept.grouped << 1), end, bytes, out, starts, scales, inputScale);
}

/** A strip of a dense matrix. */
function strip16(
  w: usize, stride: usize, blocks: i32, vector: usize, units: i32, out: usize, starts: usize, scales: usize,
): void {
  const x = bytesOf(vector, units);
  const end = x + (blocks << 2);
  const inputScale = v128.load32_splat(scaleOf(vector, units));
  if (ASC_FEATURE_RELAXED_SIMD) strip(false, w, 0, 0, 0, stride, x, end, out, starts, scales, inputScale);
  else halfTile(false, w, stride, x, end, 0, out, starts, scales, inputScale);
}

/** A strip of a block-sparse one. */
function sparseStrip(
  w: usize, stride: usize, list: usize, count: i32, vector: usize, units: i32, out: usize, starts: usize, scales: usize,
): void {
  const inputScale = v128.load32_splat(scaleOf(vector, units));
  halfTile(true, w, stride, list, list + (count << 1), bytesOf(vector, units), out, starts, scales, inputScale);
}

/**
 * 32 rows where the host composes the dot product of others: four blocks at a time up to `grouped`, then singly.
 *
 * @param streams whether the groups of four blocks are in streams, of which the others start at `w1`, `w2` and `w3`
 * @param ahead whether each turn reads the start of the next page too, so that what follows there is fetched in time
 */
// @ts-ignore: decorator
@inline
function tile(
  sparse: bool, streams: bool, ahead: bool, w: usize, w1: usize, w2: usize, w3: usize, at: usize, grouped: usize, end: usize, bytes: usize,
  out: usize, starts: usize, scales: usize, inputScale: v128,
): void {
  const ones = v128.load(ONES);
  let a0 = v128.load(starts, 0);
  let a1 = v128.load(starts, 16);
  let a2 = v128.load(starts, 32);
  let a3 = v128.load(starts, 48);
  let a4 = v128.load(starts, 64);
  let a5 = v128.load(starts, 80);
  let a6 = v128.load(starts, 96);
  let a7 = v128.load(starts, 112);
  for (; at < grouped; at += sparse ? 8 : 16) {
    if (ahead) load<i32>(w & -4096, 4096);
    const h0 = blockAt(sparse, at, 0, bytes);
    const h1 = blockAt(sparse, at, 4, bytes);
    const h2 = blockAt(sparse, at, 8, bytes);
    const h3 = blockAt(sparse, at, 12, bytes);
    a0 = i32x4.add(a0, dots(v128.load(w, 0), v128.load(w, 128), v128.load(w, 256), v128.load(w, 384), h0, h1, h2, h3, ones));
    a1 = i32x4.add(a1, dots(v128.load(w, 16), v128.load(w, 144), v128.load(w, 272), v128.load(w, 400), h0, h1, h2, h3, ones));
    a2 = i32x4.add(a2, dots(v128.load(w, 32), v128.load(w, 160), v128.load(w, 288), v128.load(w, 416), h0, h1, h2, h3, ones));
    a3 = i32x4.add(a3, dots(v128.load(w, 48), v128.load(w, 176), v128.load(w, 304), v128.load(w, 432), h0, h1, h2, h3, ones));
    a4 = i32x4.add(a4, dots(v128.load(w, 64), v128.load(w, 192), v128.load(w, 320), v128.load(w, 448), h0, h1, h2, h3, ones));
    a5 = i32x4.add(a5, dots(v128.load(w, 80), v128.load(w, 208), v128.load(w, 336), v128.load(w, 464), h0, h1, h2, h3, ones));
    a6 = i32x4.add(a6, dots(v128.load(w, 96), v128.load(w, 224), v128.load(w, 352), v128.load(w, 480), h0, h1, h2, h3, ones));
    a7 = i32x4.add(a7, dots(v128.load(w, 112), v128.load(w, 240), v128.load(w, 368), v128.load(w, 496), h0, h1, h2, h3, ones));
    w += 512;
    if (streams) {
      const read = w;
      w = w1;
      w1 = w2;
      w2 = w3;
      w3 = read;
    }
  }
  if (sparse) {
    for (; at < end; at += 2) {
      const h = blockAt(sparse, at, 0, bytes);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w, 0), h), ones));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w, 16), h), ones));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w, 32), h), ones));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w, 48), h), ones));
      a4 = i32x4.add(a4, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w, 64), h), ones));
      a5 = i32x4.add(a5, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w, 80), h), ones));
      a6 = i32x4.add(a6, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w, 96), h), ones));
      a7 = i32x4.add(a7, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w, 112), h), ones));
      w += 128;
    }
  }
  finishPair(out, a0, a1, scales, inputScale);
  finishPair(out + 32, a2, a3, scales + 32, inputScale);
  finishPair(out + 64, a4, a5, scales + 64, inputScale);
  finishPair(out + 96, a6, a7, scales + 96, inputScale);
}

/** 16 rows of a dense matrix, four blocks at a time, whichever way the host makes its dot product. */
// @ts-ignore: decorator
@inline
function strip(
  streams: bool, w: usize, w1: usize, w2: usize, w3: usize, stride: usize, x: usize, end: usize, out: usize, starts: usize, scales: usize, inputScale: v128,
): void {
  const ones = v128.load(ONES);
  let a0 = v128.load(starts, 0);
  let a1 = v128.load(starts, 16);
  let a2 = v128.load(starts, 32);
  let a3 = v128.load(starts, 48);
  for (; x < end; x += 16) {
    const h0 = v128.load32_splat(x, 0);
    const h1 = v128.load32_splat(x, 4);
    const h2 = v128.load32_splat(x, 8);
    const h3 = v128.load32_splat(x, 12);
    const b1 = w + stride;
    const b2 = b1 + stride;
    const b3 = b2 + stride;
    a0 = i32x4.add(a0, dots(v128.load(w, 0), v128.load(b1, 0), v128.load(b2, 0), v128.load(b3, 0), h0, h1, h2, h3, ones));
    a1 = i32x4.add(a1, dots(v128.load(w, 16), v128.load(b1, 16), v128.load(b2, 16), v128.load(b3, 16), h0, h1, h2, h3, ones));
    a2 = i32x4.add(a2, dots(v128.load(w, 32), v128.load(b1, 32), v128.load(b2, 32), v128.load(b3, 32), h0, h1, h2, h3, ones));
    a3 = i32x4.add(a3, dots(v128.load(w, 48), v128.load(b1, 48), v128.load(b2, 48), v128.load(b3, 48), h0, h1, h2, h3, ones));
    w = b3 + stride;
    if (streams) {
      const read = w;
      w = w1;
      w1 = w2;
      w2 = w3;
      w3 = read;
    }
  }
  finishPair(out, a0, a1, scales, inputScale);
  finishPair(out + 32, a2, a3, scales + 32, inputScale);
}

/** 32 rows where the host has the dot product with addition. */
// @ts-ignore: decorator
@inline
function tileFused(
  sparse: bool, w: usize, at: usize, end: usize, bytes: usize,
  out: usize, starts: usize, scales: usize, inputScale: v128,
): void {
  let a0 = v128.load(starts, 0);
  let a1 = v128.load(starts, 16);
  let a2 = v128.load(starts, 32);
  let a3 = v128.load(starts, 48);
  let a4 = v128.load(starts, 64);
  let a5 = v128.load(starts, 80);
  let a6 = v128.load(starts, 96);
  let a7 = v128.load(starts, 112);
  for (; at < end; at += sparse ? 2 : 4) {
    const h = blockAt(sparse, at, 0, bytes);
    a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 0), h, a0);
    a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 16), h, a1);
    a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 32), h, a2);
    a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 48), h, a3);
    a4 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 64), h, a4);
    a5 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 80), h, a5);
    a6 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 96), h, a6);
    a7 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 112), h, a7);
    w += 128;
  }
  finishPair(out, a0, a1, scales, inputScale);
  finishPair(out + 32, a2, a3, scales + 32, inputScale);
  finishPair(out + 64, a4, a5, scales + 64, inputScale);
  finishPair(out + 96, a6, a7, scales + 96, inputScale);
}

/** 16 rows of a tile for two sequences: each vector of weights is read once and used twice. */
function halfTilePairFused(
  w: usize, blocks: i32, vector0: usize, vector1: usize, units: i32,
  out0: usize, out1: usize, starts: usize, scales: usize,
): void {
  let a0 = v128.load(starts, 0);
  let a1 = v128.load(starts, 16);
  let a2 = v128.load(starts, 32);
  let a3 = v128.load(starts, 48);
  let b0 = a0;
  let b1 = a1;
  let b2 = a2;
  let b3 = a3;
  let x0 = bytesOf(vector0, units);
  let x1 = bytesOf(vector1, units);
  for (const end = x0 + (blocks << 2); x0 < end; x0 += 4) {
    const h0 = v128.load32_splat(x0);
    const h1 = v128.load32_splat(x1);
    const w0 = v128.load(w, 0);
    a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, h0, a0);
    b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w0, h1, b0);
    const w1 = v128.load(w, 16);
    a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, h0, a1);
    b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w1, h1, b1);
    const w2 = v128.load(w, 32);
    a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, h0, a2);
    b2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w2, h1, b2);
    const w3 = v128.load(w, 48);
    a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, h0, a3);
    b3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(w3, h1, b3);
    w += 128;
    x1 += 4;
  }
  const scale0 = v128.load32_splat(scaleOf(vector0, units));
  const scale1 = v128.load32_splat(scaleOf(vector1, units));
  finishPair(out0, a0, a1, scales, scale0);
  finishPair(out0 + 32, a2, a3, scales + 32, scale0);
  finishPair(out1, b0, b1, scales, scale1);
  finishPair(out1 + 32, b2, b3, scales + 32, scale1);
}

/** 16 rows in plain SIMD: weights and input widened to 16 bits, pairs of rows in `lo` and `hi`. */
// @ts-ignore: decorator
@inline
function halfTile(
  sparse: bool, w: usize, stride: usize, at: usize, end: usize, bytes: usize,
  out: usize, starts: usize, scales: usize, inputScale: v128,
): void {
  let lo0 = i32x4.splat(0);
  let lo1 = i32x4.splat(0);
  let lo2 = i32x4.splat(0);
  let lo3 = i32x4.splat(0);
  let hi0 = i32x4.splat(0);
  let hi1 = i32x4.splat(0);
  let hi2 = i32x4.splat(0);
  let hi3 = i32x4.splat(0);
  for (; at < end; at += sparse ? 2 : 4) {
    const h = i16x8.extend_low_i8x16_u(blockAt(sparse, at, 0, bytes));
    lo0 = i32x4.add(lo0, i32x4.dot_i16x8_s(v128.load_ext<i8>(w, 0), h));
    hi0 = i32x4.add(hi0, i32x4.dot_i16x8_s(v128.load_ext<i8>(w, 8), h));
    lo1 = i32x4.add(lo1, i32x4.dot_i16x8_s(v128.load_ext<i8>(w, 16), h));
    hi1 = i32x4.add(hi1, i32x4.dot_i16x8_s(v128.load_ext<i8>(w, 24), h));
    lo2 = i32x4.add(lo2, i32x4.dot_i16x8_s(v128.load_ext<i8>(w, 32), h));
    hi2 = i32x4.add(hi2, i32x4.dot_i16x8_s(v128.load_ext<i8>(w, 40), h));
    lo3 = i32x4.add(lo3, i32x4.dot_i16x8_s(v128.load_ext<i8>(w, 48), h));
    hi3 = i32x4.add(hi3, i32x4.dot_i16x8_s(v128.load_ext<i8>(w, 56), h));
    w += stride;
  }
  finishPair(
    out, i32x4.add(addPairs(lo0, hi0), v128.load(starts, 0)), i32x4.add(addPairs(lo1, hi1), v128.load(starts, 16)),
    scales, inputScale,
  );
  finishPair(
    out + 32, i32x4.add(addPairs(lo2, hi2), v128.load(starts, 32)), i32x4.add(addPairs(lo3, hi3), v128.load(starts, 48)),
    scales + 32, inputScale,
  );
}

/** [a b c d], [e f g h] -> [a+b c+d e+f g+h] */
// @ts-ignore: decorator
@inline
export function addPairs(lo: v128, hi: v128): v128 {
  return i32x4.add(v128.shuffle<i32>(lo, hi, 0, 2, 4, 6), v128.shuffle<i32>(lo, hi, 1, 3, 5, 7));
}
