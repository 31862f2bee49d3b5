import { bytesOf, Layer, scaleOf } from './layout';

const TANH = 0;
const SIGMOID = 1;
const HARD_SIGMOID = 2;
const RELU = 3;
const HARD_SIGMOID_6 = 5;

/**
 * Float constants, four of each. Read from memory since V8 builds a constant anew at each use. The polynomial is
 * that of degree 5 through the Chebyshev nodes of [-1/2, 1/2] for (2^f - 1) / f: relative error 2e-7.
 */
// prettier-ignore
const TABLE: usize = memory.data<f32>([
  -1.4426950408889634, -1.4426950408889634, -1.4426950408889634, -1.4426950408889634, // -log2 e
  -2.8853900817779268, -2.8853900817779268, -2.8853900817779268, -2.8853900817779268, // -2 log2 e
  40, 40, 40, 40, // beyond it a gate is shut
  -40, -40, -40, -40,
  12582912, 12582912, 12582912, 12582912, // 1.5 * 2^23: adding it rounds to a whole number
  0.0013381302537301026, 0.0013381302537301026, 0.0013381302537301026, 0.0013381302537301026,
  0.009666368515384533, 0.009666368515384533, 0.009666368515384533, 0.009666368515384533,
  0.05550381013796484, 0.05550381013796484, 0.05550381013796484, 0.05550381013796484,
  0.24022349038020388, 0.24022349038020388, 0.24022349038020388, 0.24022349038020388,
  0.6931471805599453, 0.6931471805599453, 0.6931471805599453, 0.6931471805599453,
  1, 1, 1, 1,
], 16);

/** Not a number becomes `high`: whatever a state blows up to, no host's own NaN gets into the whole numbers. */
// @ts-ignore: decorator
@inline
function clip(x: v128, low: v128, high: v128): v128 {
  return f32x4.pmax(low, f32x4.pmin(high, x));
}

/** 2^(x factor) within 2^-40 .. 2^40, in float operations that no host may fuse. */
// @ts-ignore: decorator
@inline
function power(x: v128, factor: v128): v128 {
  const round = v128.load(TABLE, 64);
  const t = clip(f32x4.mul(x, factor), v128.load(TABLE, 48), v128.load(TABLE, 32));
  const whole = f32x4.add(t, round);
  const f = f32x4.sub(t, f32x4.sub(whole, round));
  const square = f32x4.mul(f, f);
  const p45 = f32x4.add(v128.load(TABLE, 96), f32x4.mul(f, v128.load(TABLE, 80)));
  const p23 = f32x4.add(v128.load(TABLE, 128), f32x4.mul(f, v128.load(TABLE, 112)));
  const p01 = f32x4.add(v128.load(TABLE, 160), f32x4.mul(f, v128.load(TABLE, 144)));
  const p = f32x4.add(p01, f32x4.mul(square, f32x4.add(p23, f32x4.mul(square, p45))));
  return i32x4.add(p, i32x4.shl(whole, 23));
}

/** e^-x */
// @ts-ignore: decorator
@inline
function decay(x: v128): v128 {
  return power(x, v128.load(TABLE, 0));
}

/** e^-2x */
// @ts-ignore: decorator
@inline
function decayTwice(x: v128): v128 {
  return power(x, v128.load(TABLE, 16));
}

/** Any of the family's activations, for layers that are not the usual LSTM. */
function activate(kind: i32, x: v128): v128 {
  const one = v128.load(TABLE, 160);
  if (kind == TANH) {
    const e = decayTwice(x);
    return f32x4.div(f32x4.sub(one, e), f32x4.add(one, e));
  }
  if (kind == SIGMOID) return f32x4.div(one, f32x4.add(one, decay(x)));
  if (kind == HARD_SIGMOID || kind == HARD_SIGMOID_6) {
    const slope = f32x4.splat(kind == HARD_SIGMOID ? 0.2 : <f32>(1.0 / 6.0));
    const line = f32x4.add(f32x4.mul(x, slope), f32x4.splat(0.5));
    return clip(line, f32x4.splat(0), one);
  }
  if (kind == RELU) return f32x4.pmax(f32x4.splat(0), x);
  return x;
}

/** h = activation(sums) of the units `from` to `to` of a layer without gates: [paddedUnits]. */
export function activateUnits(layer: Layer, sums: usize, h: usize, from: i32, to: i32): void {
  for (let u: usize = from << 2; u < <usize>to << 2; u += 16) {
    v128.store(h + u, activate(layer.activation, v128.load(sums + u)));
  }
}

/** (x - mean) / sqrt(variance + epsilon) over the layer's units, summed from the first to the last. */
export function normalize(layer: Layer, x: usize, out: usize): void {
  const bytes: usize = layer.units << 2;
  let sum: f32 = 0;
  for (let u: usize = 0; u < bytes; u += 4) sum += load<f32>(x + u);
  const mean: f32 = sum / <f32>layer.units;
  let squares: f32 = 0;
  for (let u: usize = 0; u < bytes; u += 4) {
    const difference: f32 = load<f32>(x + u) - mean;
    store<f32>(out + u, difference);
    squares += difference * difference;
  }
  const deviation: f32 = sqrt<f32>(squares / <f32>layer.units + load<f32>(layer.bias));
  for (let u: usize = 0; u < bytes; u += 4) store<f32>(out + u, load<f32>(out + u) / deviation);
}

/** c and h of the units `from` to `to`, from the sums of gates i f c o: [4 * paddedUnits]. */
export function lstmGates(layer: Layer, sums: usize, h: usize, c: usize, from: i32, to: i32): void {
  if (layer.activation == TANH && layer.gate == SIGMOID) usualGates(layer, sums, h, c, from << 2, to << 2);
  else anyGates(layer, sums, h, c, from << 2, to << 2);
}

/**
 * tanh and sigmoid: c = sigmoid(f) c + sigmoid(i) tanh(g) and h = sigmoid(o) tanh(c), each over one common
 * denominator, so with one division each. Two passes, since either's chain of dependent operations is then short
 * enough for the host to work at several at a time.
 */
function usualGates(layer: Layer, sums: usize, h: usize, c: usize, from: usize, to: usize): void {
  const bytes: usize = layer.paddedUnits << 2;
  const one = v128.load(TABLE, 160);
  for (let u = from; u < to; u += 32) {
    const i = sums + u;
    const f = i + bytes;
    const g = f + bytes;
    const at = c + u;
    const c0 = usualCell(v128.load(i, 0), v128.load(f, 0), v128.load(g, 0), v128.load(at, 0), one);
    const c1 = usualCell(v128.load(i, 16), v128.load(f, 16), v128.load(g, 16), v128.load(at, 16), one);
    v128.store(at, c0, 0);
    v128.store(at, c1, 16);
  }
  sums += bytes * 3;
  for (let u = from; u < to; u += 32) {
    const h0 = usualState(v128.load(sums + u, 0), v128.load(c + u, 0), one);
    const h1 = usualState(v128.load(sums + u, 16), v128.load(c + u, 16), one);
    v128.store(h + u, h0, 0);
    v128.store(h + u, h1, 16);
  }
}

// @ts-ignore: decorator
@inline
function usualCell(sumI: v128, sumF: v128, sumG: v128, c: v128, one: v128): v128 {
  const i = f32x4.add(one, decay(sumI));
  const f = f32x4.add(one, decay(sumF));
  const g = decayTwice(sumG);
  const ig = f32x4.mul(i, f32x4.add(one, g));
  const numerator = f32x4.add(f32x4.mul(c, ig), f32x4.mul(f32x4.sub(one, g), f));
  return f32x4.div(numerator, f32x4.mul(f, ig));
}

// @ts-ignore: decorator
@inline
function usualState(sumO: v128, c: v128, one: v128): v128 {
  const o = f32x4.add(one, decay(sumO));
  const t = decayTwice(c);
  return f32x4.div(f32x4.sub(one, t), f32x4.mul(o, f32x4.add(one, t)));
}

function anyGates(layer: Layer, sums: usize, h: usize, c: usize, from: usize, to: usize): void {
  const bytes: usize = layer.paddedUnits << 2;
  for (let u = from; u < to; u += 16) {
    const kept = f32x4.mul(activate(layer.gate, v128.load(sums + bytes + u)), v128.load(c + u));
    const candidate = activate(layer.activation, v128.load(sums + bytes * 2 + u));
    const after = f32x4.add(kept, f32x4.mul(activate(layer.gate, v128.load(sums + u)), candidate));
    v128.store(c + u, after);
    const o = activate(layer.gate, v128.load(sums + bytes * 3 + u));
    v128.store(h + u, f32x4.mul(o, activate(layer.activation, after)));
  }
}

/** r * h, the input of the candidate's product where the reset comes before it. */
export function resetState(
  layer: Layer, sums: usize, recurrent: usize, h: usize, out: usize, from: i32, to: i32,
): void {
  const bytes: usize = layer.paddedUnits << 2;
  for (let u: usize = from << 2; u < <usize>to << 2; u += 16) {
    const r = f32x4.add(v128.load(sums + bytes + u), v128.load(recurrent + bytes + u));
    v128.store(out + u, f32x4.mul(activate(layer.gate, r), v128.load(h + u)));
  }
}

/** `out`, the next h, from the sums of gates z r h, of the input and of the state: [3 * paddedUnits] each. */
export function gruGates(
  layer: Layer, sums: usize, recurrent: usize, h: usize, out: usize, resetAfter: bool, from: i32, to: i32,
): void {
  const bytes: usize = layer.paddedUnits << 2;
  const one = v128.load(TABLE, 160);
  for (let u: usize = from << 2; u < <usize>to << 2; u += 16) {
    const z = activate(layer.gate, f32x4.add(v128.load(sums + u), v128.load(recurrent + u)));
    let fromState = v128.load(recurrent + bytes * 2 + u);
    if (resetAfter) {
      const r = f32x4.add(v128.load(sums + bytes + u), v128.load(recurrent + bytes + u));
      fromState = f32x4.mul(activate(layer.gate, r), fromState);
    }
    const candidate = activate(layer.activation, f32x4.add(v128.load(sums + bytes * 2 + u), fromState));
    const kept = f32x4.mul(z, v128.load(h + u));
    v128.store(out + u, f32x4.add(kept, f32x4.mul(f32x4.sub(one, z), candidate)));
  }
}

/** The bytes and the scale of a vector whose f32 values are set: of a part of its units where the scale is fixed. */
export function quantise(layer: Layer, vector: usize, from: i32, to: i32): void {
  const units = layer.paddedUnits;
  let scale: f32 = 1;
  if (layer.dynamic) {
    scale = 0;
    for (let u = 0; u < layer.units; u++) {
      const size = abs(load<f32>(vector + (u << 2)));
      if (size > scale) scale = size;
    }
  }
  store<f32>(scaleOf(vector, units), scale);
  const factor = f32x4.splat(scale == 0 ? 0 : <f32>63 / scale);
  const high = f32x4.splat(63);
  const low = f32x4.splat(-63);
  const round = v128.load(TABLE, 64);
  const offset = i32x4.splat(0x4b400000 - 64);
  let bytes = bytesOf(vector, units) + from;
  const end = vector + (to << 2);
  for (vector += from << 2; vector < end; vector += 64) {
    const a = seven(v128.load(vector, 0), factor, low, high, round, offset);
    const b = seven(v128.load(vector, 16), factor, low, high, round, offset);
    const c = seven(v128.load(vector, 32), factor, low, high, round, offset);
    const d = seven(v128.load(vector, 48), factor, low, high, round, offset);
    v128.store(bytes, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
    bytes += 16;
  }
  // In int4 the columns behind the last may have weights: see pack-int4.ts.
  if (to < units) return;
  v128.store(bytes, i8x16.splat(64));
  for (const last = bytes; bytes > last + layer.units - units; ) store<u8>(--bytes, 64);
}

/** round(h * factor) + 64 */
// @ts-ignore: decorator
@inline
function seven(h: v128, factor: v128, low: v128, high: v128, round: v128, offset: v128): v128 {
  const t = clip(f32x4.mul(h, factor), low, high);
  return i32x4.sub(f32x4.add(t, round), offset);
}
