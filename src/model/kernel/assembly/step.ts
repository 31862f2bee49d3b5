import { activateUnits, gruGates, lstmGates, normalize, quantise, resetState } from './gates';
import {
  BLOCK, DENSE, GRU_RESET_AFTER, Layer, LSTM, Matrix, Network, NORMALIZATION, SIMPLE_RNN, vectorBytes, WorkerPool,
} from './layout';
import { addProductF32 } from './product-f32';
import { addProductHalves } from './product-halves';
import { addProductInt4 } from './product-int4';
import { addProductInt8, alternate } from './product-int8';

/** Advances `n` of a step's sequences by one character each, in the scratch areas of the thread. */
export function advanceF32(network: Network, thread: i32, from: i32, n: i32): void {
  for (const end = from + n; from < end; from += BLOCK) step(network, thread, from, min(end - from, BLOCK), false);
}

/** The same in int8. */
export function advanceInt8(network: Network, thread: i32, from: i32, n: i32): void {
  for (const end = from + n; from < end; from += BLOCK) step(network, thread, from, min(end - from, BLOCK), true);
}

/** Where a part starts of rows, or units, that threads share: at a multiple of 32 (a tile) but for the end. */
// @ts-ignore: decorator
@inline
export function boundary(units: i32, part: i32, parts: i32): i32 {
  return part == parts ? units : ((units >> 4) * part / parts) << 4 & ~31;
}

/** The same of the first layer, where the caller's part has a size of its own. */
// @ts-ignore: decorator
@inline
export function boundaryOfFirst(pool: WorkerPool, units: i32, part: i32): i32 {
  return part == 0 ? 0 : pool.first + boundary(units - pool.first, part - 1, pool.parts - 1);
}

// @ts-ignore: decorator
@inline
export function layerAt(network: Network, index: i32): Layer {
  return changetype<Layer>(network.layers + index * offsetof<Layer>());
}

// @ts-ignore: decorator
@inline
export function pointer(list: usize, index: i32): usize {
  return load<usize>(list + (index << 2));
}

// @ts-ignore: decorator
@inline
function product(
  int8: bool, m: usize, n: i32, inputs: usize, x: usize, units: i32, sums: usize, out: usize, rows: i32,
): void {
  productOf(int8, m, n, inputs, x, units, sums, out, 0, rows);
}

/** `out += W x` for rows `from` to `to`, multiples of 16. */
// @ts-ignore: decorator
@inline
export function productOf(
  int8: bool, m: usize, n: i32, inputs: usize, x: usize, units: i32, sums: usize, out: usize,
  from: i32, to: i32,
): void {
  if (int8) addWholeProduct(changetype<Matrix>(m), n, inputs, x, units, sums, out, from >> 4, to >> 4);
  else addFloatProduct(changetype<Matrix>(m), n, inputs, x, sums, out, from >> 4, to >> 4);
}

function addFloatProduct(
  m: Matrix, n: i32, inputs: usize, x: usize, sums: usize, out: usize, from: i32, to: i32,
): void {
  if (m.halves) addProductHalves(m, n, inputs, x, sums, out, from, to);
  else addProductF32(m, n, inputs, x, sums, out, from, to);
}

function addWholeProduct(
  m: Matrix, n: i32, inputs: usize, x: usize, units: i32, sums: usize, out: usize, from: i32, to: i32,
): void {
  if (m.int4) addProductInt4(m, n, inputs, x, units, sums, out, from, to);
  else addProductInt8(m, n, inputs, x, units, sums, out, from, to);
}

/** Advances up to `BLOCK` sequences, layer by layer, by one character each. */
// @ts-ignore: decorator
@inline
function step(network: Network, thread: i32, from: i32, n: i32, int8: bool): void {
  const slots = network.slots + (from << 2);
  const ids = network.ids + (from << 2);
  const scratch = network.scratch + ((thread * BLOCK) << 2);
  const sums = network.sums;
  const recurrentSums = network.recurrentSums;
  let below: usize = 0;
  let unitsBelow = 0;
  if (int8) alternate();

  for (let l = 0; l < network.depth; l++) {
    const layer = layerAt(network, l);
    const units = layer.paddedUnits;
    if (layer.kind == NORMALIZATION) {
      for (let s = 0; s < n; s++) {
        const slot = pointer(slots, s);
        normalize(layer, slot + below, slot + layer.state);
        if (int8) quantise(layer, slot + layer.state, 0, units);
      }
      below = layer.state;
      unitsBelow = units;
      continue;
    }
    const rows = units * (layer.kind == LSTM ? 4 : layer.kind < SIMPLE_RNN ? 3 : 1);
    for (let s = 0; s < n; s++) {
      const id = l > 0 ? -1 : load<i32>(ids + (s << 2));
      startSums(network, layer, id, int8, rows, pointer(scratch, s) + sums, 0, rows);
    }
    if (l > 0) product(int8, layer.input, n, slots, below, unitsBelow, scratch, sums, rows);

    if (layer.kind == LSTM) {
      product(int8, layer.recurrent, n, slots, layer.state, units, scratch, sums, rows);
      for (let s = 0; s < n; s++) {
        const h = pointer(slots, s) + layer.state;
        lstmGates(layer, pointer(scratch, s) + sums, h, cellOf(h, units), 0, units);
        if (int8) quantise(layer, h, 0, units);
      }
    } else if (layer.kind >= SIMPLE_RNN) {
      if (layer.kind != DENSE) product(int8, layer.recurrent, n, slots, layer.state, units, scratch, sums, rows);
      for (let s = 0; s < n; s++) {
        const h = pointer(slots, s) + layer.state;
        activateUnits(layer, pointer(scratch, s) + sums, h, 0, units);
        if (int8) quantise(layer, h, 0, units);
      }
    } else {
      for (let s = 0; s < n; s++) {
        memory.copy(pointer(scratch, s) + recurrentSums, layer.recurrentBias, rows << 2);
      }
      const resetAfter = layer.kind == GRU_RESET_AFTER;
      const joint = resetAfter ? rows : units << 1;
      product(int8, layer.recurrent, n, slots, layer.state, units, scratch, recurrentSums, joint);
      if (!resetAfter) {
        for (let s = 0; s < n; s++) {
          const area = pointer(scratch, s);
          resetState(layer, area + sums, area + recurrentSums, pointer(slots, s) + layer.state, area, 0, units);
          if (int8) quantise(layer, area, 0, units);
        }
        product(int8, layer.candidate, n, scratch, 0, units, scratch, recurrentSums + ((units << 1) << 2), units);
      }
      for (let s = 0; s < n; s++) {
        const area = pointer(scratch, s);
        const h = pointer(slots, s) + layer.state;
        gruGates(layer, area + sums, area + recurrentSums, h, h, resetAfter, 0, units);
        if (int8) quantise(layer, h, 0, units);
      }
    }
    below = layer.state;
    unitsBelow = units;
  }

  const vocabulary = network.vocabulary;
  const rows = (vocabulary + 15) & ~15;
  for (let s = 0; s < n; s++) {
    memory.copy(pointer(scratch, s) + sums, network.outputBias, rows << 2);
  }
  product(int8, network.output, n, slots, below, unitsBelow, scratch, sums, rows);
  for (let s = 0; s < n; s++) {
    const to = network.logits + (((from + s) * vocabulary) << 2);
    memory.copy(to, pointer(scratch, s) + sums, vocabulary << 2);
  }
}

/** An LSTM's c stands behind the vector of h. */
// @ts-ignore: decorator
@inline
export function cellOf(h: usize, units: i32): usize {
  return h + vectorBytes(units);
}

/**
 * What a layer's sums start from, for its rows `from` to `to`: the bias, and in the first layer the character's row
 * of the table, for its input is one-hot.
 *
 * @param id the character, -1 in the layers above
 */
export function startSums(
  network: Network, layer: Layer, id: i32, int8: bool, rows: i32, sums: usize, from: i32, to: i32,
): void {
  const at: usize = from << 2;
  const bytes: usize = (to - from) << 2;
  if (id < 0) memory.copy(sums + at, layer.bias + at, bytes);
  else if (!int8) memory.copy(sums + at, network.table + ((id * rows) << 2) + at, bytes);
  else dequantiseRow(network.table + id * rows + from, network.tableScales + at, layer.bias + at, sums + at, bytes);
}

function dequantiseRow(row: usize, scales: usize, bias: usize, out: usize, bytes: usize): void {
  for (const end = out + bytes; out < end; out += 32) {
    const values = v128.load_ext<i8>(row);
    const low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(values));
    const high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(values));
    const sum0 = f32x4.add(v128.load(bias, 0), f32x4.mul(low, v128.load(scales, 0)));
    const sum1 = f32x4.add(v128.load(bias, 16), f32x4.mul(high, v128.load(scales, 16)));
    v128.store(out, sum0, 0);
    v128.store(out, sum1, 16);
    row += 8;
    bias += 32;
    scales += 32;
  }
}
