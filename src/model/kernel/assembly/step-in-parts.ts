import { activateUnits, gruGates, lstmGates, quantise, resetState } from './gates';
import { BLOCK, DENSE, GRU_RESET_BEFORE, Layer, LSTM, Network, SIMPLE_RNN, vectorBytes, WorkerPool } from './layout';
import { isGru, jointRows, offerProduct, takeProduct, waitForProduct } from './product-ahead';
import { boundary, boundaryOfFirst, cellOf, layerAt, pointer, productOf, startSums } from './step';
import { close, expect, finish, waitFor } from './ticket';

/**
 * One sequence's step by several threads. Each layer's units are cut in parts; a thread computes all gates of its
 * units from the whole h of before, with the operations that one thread alone would have used, so the bits are the
 * same. The new h goes to `Layer.next`, for the others still multiply the old one; after the layer's barrier the
 * caller's thread moves it to the slot.
 *
 * The first layer is cut in `pool.parts`. What no worker has taken when the caller has done its own part, the caller
 * does too, and the later layers are cut for those that came: `pool.members`. Nobody waits for a worker that sleeps.
 */

/** The first unit of a thread's part of a layer. */
// @ts-ignore: decorator
@inline
function partStart(pool: WorkerPool, l: i32, units: i32, part: i32, parts: i32): i32 {
  return l == 0 ? boundaryOfFirst(pool, units, part) : boundary(units, part, parts);
}

/** The list of a thread's scratch areas. */
// @ts-ignore: decorator
@inline
function scratchOf(network: Network, thread: i32): usize {
  return network.scratch + ((thread * BLOCK) << 2);
}

/** Steps by which those in which a worker was waited for must differ from the others before the caller's part changes. */
const UNEVEN = 16;

/**
 * The caller does more than its part of the layers, and how much that is depends on what it does with the logits. So its
 * part grows where it waits for workers in most steps, and shrinks where it does not: by a tile of units at a time.
 */
function weigh(pool: WorkerPool, units: i32, there: bool): void {
  pool.balance += there ? -1 : 1;
  if (pool.balance > UNEVEN) {
    pool.balance = 0;
    pool.first = min(pool.first + 32, units - 32 * (pool.parts - 1) & ~31);
  } else if (pool.balance < -UNEVEN) {
    pool.balance = 0;
    pool.first = max(pool.first - 32, 32);
  }
}

/** Everything of a layer up to its barrier, or up to the one in its middle. */
function layerPart(pool: WorkerPool, network: Network, l: i32, int8: bool, thread: i32, part: i32, parts: i32): void {
  const layer = layerAt(network, l);
  const units = layer.paddedUnits;
  const from = partStart(pool, l, units, part, parts);
  const to = partStart(pool, l, units, part + 1, parts);
  const scratch = scratchOf(network, thread);
  const area = pointer(scratch, 0);
  const sums = network.sums;
  const gru = isGru(layer);
  const gates = layer.kind == LSTM ? 4 : gru ? 3 : 1;
  const id = l > 0 ? -1 : load<i32>(network.ids);
  const h = pointer(network.slots, 0) + layer.state;
  for (let row = 0; row < gates * units; row += units) {
    startSums(network, layer, id, int8, gates * units, area + sums, row + from, row + to);
    if (l > 0) {
      const below = layerAt(network, l - 1);
      const next = changetype<usize>(below) + offsetof<Layer>('next');
      productOf(int8, layer.input, 1, next, 0, below.paddedUnits, scratch, sums, row + from, row + to);
    }
  }
  const ahead = l == 0 && part > 0 && part <= pool.ahead;
  if (ahead) waitForProduct(pool, pool.ahead);
  const recurrentSums = gru ? network.recurrentSums : sums;
  const joint = layer.kind == DENSE ? 0 : jointRows(layer);
  for (let row = 0; row < joint; row += units) {
    if (ahead) {
      takeProduct(pool, layer, area + recurrentSums, row + from, row + to);
      continue;
    }
    if (gru) startRecurrent(layer, area + recurrentSums, row + from, row + to);
    productOf(
      int8, layer.recurrent, 1, network.slots, layer.state, units, scratch, recurrentSums, row + from, row + to,
    );
  }
  if (layer.kind == GRU_RESET_BEFORE) {
    startRecurrent(layer, area + recurrentSums, 2 * units + from, 2 * units + to);
    const reset = pointer(network.scratch, 0); // the caller's, for all
    resetState(layer, area + sums, area + recurrentSums, h, reset, from, to);
    if (int8) quantise(layer, reset, from, to);
    return;
  }
  if (layer.kind == LSTM) lstmGates(layer, area + sums, layer.next, cellOf(h, units), from, to);
  else if (layer.kind >= SIMPLE_RNN) activateUnits(layer, area + sums, layer.next, from, to);
  else gruGates(layer, area + sums, area + recurrentSums, h, layer.next, true, from, to);
  if (int8) quantise(layer, layer.next, from, to);
}

// @ts-ignore: decorator
@inline
function startRecurrent(layer: Layer, sums: usize, from: i32, to: i32): void {
  memory.copy(sums + (from << 2), layer.recurrentBias + (from << 2), (to - from) << 2);
}

/** The rest of a layer whose candidate is multiplied with the reset state, once all parts of that are there. */
function candidatePart(pool: WorkerPool, network: Network, l: i32, int8: bool, thread: i32, part: i32, parts: i32): void {
  const layer = layerAt(network, l);
  const units = layer.paddedUnits;
  const from = partStart(pool, l, units, part, parts);
  const to = partStart(pool, l, units, part + 1, parts);
  const scratch = scratchOf(network, thread);
  const area = pointer(scratch, 0);
  const out = network.recurrentSums + ((2 * units) << 2);
  const h = pointer(network.slots, 0) + layer.state;
  productOf(int8, layer.candidate, 1, network.scratch, 0, units, scratch, out, from, to);
  gruGates(layer, area + network.sums, area + network.recurrentSums, h, layer.next, false, from, to);
  if (int8) quantise(layer, layer.next, from, to);
}

/** The logits of the rows that are this part's. */
function outputPart(network: Network, int8: bool, thread: i32, part: i32, parts: i32): void {
  const vocabulary = network.vocabulary;
  const rows = (vocabulary + 15) & ~15;
  const from = boundary(rows, part, parts);
  const to = boundary(rows, part + 1, parts);
  const scratch = scratchOf(network, thread);
  const area = pointer(scratch, 0);
  const sums = network.sums;
  const top = layerAt(network, network.depth - 1);
  const next = changetype<usize>(top) + offsetof<Layer>('next');
  memory.copy(area + sums + (from << 2), network.outputBias + (from << 2), (to - from) << 2);
  productOf(int8, network.output, 1, next, 0, top.paddedUnits, scratch, sums, from, to);
  const end = min(to, vocabulary);
  if (from < end) memory.copy(network.logits + (from << 2), area + sums + (from << 2), (end - from) << 2);
}

/** Bytes of an output matrix that are worth a barrier more. */
const SHARED_OUTPUT = 131072;

// @ts-ignore: decorator
@inline
function outputIsShared(network: Network, int8: bool): bool {
  const units = layerAt(network, network.depth - 1).paddedUnits;
  return network.vocabulary * units * (int8 ? 1 : 4) >= SHARED_OUTPUT;
}

/** The caller's share of a step whose parts of the first layer have been offered to the workers. */
export function callerParts(pool: WorkerPool): void {
  const network = changetype<Network>(pool.network);
  const int8 = pool.int8 != 0;
  const parts = pool.parts;
  layerPart(pool, network, 0, int8, 0, 0, parts);
  if (pool.ahead > 0) {
    const units = layerAt(network, 0).paddedUnits;
    if (!waitForProduct(pool, pool.ahead)) weigh(pool, units, false);
    expect(pool); // who has just finished the product takes its part of the step now
  }
  const members = close(pool) + 1;
  for (let part = members; part < parts; part++) layerPart(pool, network, 0, int8, 0, part, parts);
  pool.members = members;
  finish(pool, parts - members + 1);
  laterPhases(pool, network, int8, 0, 0);
}

/** The share of a worker that has taken a part of the first layer. */
export function workerParts(pool: WorkerPool, thread: i32, part: i32): void {
  const network = changetype<Network>(pool.network);
  const int8 = pool.int8 != 0;
  const parts = pool.parts;
  // What is last for a worker is not waited for: the caller may be at its next step by then.
  const more = network.depth > 1 || layerAt(network, 0).kind == GRU_RESET_BEFORE || outputIsShared(network, int8);
  layerPart(pool, network, 0, int8, thread, part, parts);
  finish(pool, 1);
  if (!more) return;
  waitFor(pool, parts); // `pool.members` is known then
  laterPhases(pool, network, int8, thread, part);
}

/** All but the first layer's first part, for the member whose number is `part`. */
function laterPhases(pool: WorkerPool, network: Network, int8: bool, thread: i32, part: i32): void {
  const members = pool.members;
  const caller = part == 0;
  const shared = outputIsShared(network, int8);
  const depth = network.depth;
  let done = pool.parts;
  for (let l = 0; l < depth; l++) {
    const layer = layerAt(network, l);
    const parts = l == 0 ? pool.parts : members;
    if (l > 0) {
      layerPart(pool, network, l, int8, thread, part, members);
      finish(pool, 1);
      done += members;
    }
    if (layer.kind == GRU_RESET_BEFORE) {
      waitFor(pool, done);
      candidatePart(pool, network, l, int8, thread, part, parts);
      let mine = 1;
      if (caller) {
        for (let left = members; left < parts; left++) {
          candidatePart(pool, network, l, int8, thread, left, parts);
          mine++;
        }
      }
      finish(pool, mine);
      done += parts;
    }
    if (!caller && l == depth - 1 && !shared) return;
    const there = waitFor(pool, done);
    if (caller && l == 0 && pool.ahead > 0 && members > 1) weigh(pool, layer.paddedUnits, there);
    if (caller) memory.copy(pointer(network.slots, 0) + layer.state, layer.next, vectorBytes(layer.paddedUnits));
  }
  if (shared) {
    outputPart(network, int8, thread, part, members);
    finish(pool, 1);
    if (!caller) return;
    waitFor(pool, done + members);
  }
  if (members > 1) offerProduct(pool, network);
  if (!shared) outputPart(network, int8, thread, 0, 1);
}
