import { GRU_RESET_AFTER, GRU_RESET_BEFORE, Layer, LSTM, Network, WorkerPool } from './layout';
import { boundaryOfFirst, layerAt, pointer, productOf } from './step';
import { close, offer, PRODUCT_AHEAD, reach } from './ticket';

/**
 * What the first layer multiplies its own h with does not depend on the character that comes next. So while the caller's
 * thread computes the logits and chooses that character, the workers compute their parts of this product for the next
 * step. In int8 and int4 alone: in f32 the product is added, column by column, to what stands before it, so here the order
 * of additions, and the last bit, would be another.
 *
 * It is of no use where the sequence's state changes in between, by a step of another kind or by the host (which clears
 * `WorkerPool.aheadSlot`).
 */

/** Offers the workers' parts of the product of the state that the step which is about to end leaves in the slot. */
export function offerProduct(pool: WorkerPool, network: Network): void {
  if (pool.aheadSums == 0) return;
  const slot = pointer(network.slots, 0);
  pool.aheadSlot = slot;
  pool.aheadInput = slot + layerAt(network, 0).state;
  atomic.store<i32>(finishedAhead(pool), 0);
  offer(pool, pool.parts - 1, PRODUCT_AHEAD);
  pool.offeredAhead = 1;
}

/** Ends the offer. If it was of that sequence, the first `pool.ahead` of the workers' parts are there then, or will be soon. */
export function closeProduct(pool: WorkerPool, slot: usize): void {
  pool.ahead = 0;
  if (!pool.offeredAhead) return;
  pool.offeredAhead = 0;
  const taken = close(pool);
  if (slot == pool.aheadSlot) pool.ahead = taken;
  else waitForProduct(pool, taken); // the pool and the sums are in use until then
}

/** For steps that have no use for it. */
export const NO_SLOT: usize = -1;

/** Waits until so many parts are there, whose takers began before the step did. @returns whether they were already */
export function waitForProduct(pool: WorkerPool, parts: i32): bool {
  return reach(finishedAhead(pool), parts);
}

/** The rows of all gates of a part's units. */
export function productPart(pool: WorkerPool, part: i32): void {
  const layer = layerAt(changetype<Network>(pool.network), 0);
  const units = layer.paddedUnits;
  const from = boundaryOfFirst(pool, units, part);
  const to = boundaryOfFirst(pool, units, part + 1);
  const sums = changetype<usize>(pool) + offsetof<WorkerPool>('aheadSums'); // lists of one
  const input = changetype<usize>(pool) + offsetof<WorkerPool>('aheadInput');
  const bytes: usize = (to - from) << 2;
  for (let row = 0; row < jointRows(layer); row += units) {
    const at: usize = (row + from) << 2;
    if (isGru(layer)) memory.copy(pool.aheadSums + at, layer.recurrentBias + at, bytes);
    else memory.fill(pool.aheadSums + at, 0, bytes);
    productOf(true, layer.recurrent, 1, input, 0, units, sums, 0, row + from, row + to);
  }
  atomic.add<i32>(finishedAhead(pool), 1);
}

/** Takes the product of rows `from` to `to` into a thread's sums: a GRU's stand apart, others are added to the input's. */
export function takeProduct(pool: WorkerPool, layer: Layer, sums: usize, from: i32, to: i32): void {
  const product = pool.aheadSums + (from << 2);
  const bytes: usize = (to - from) << 2;
  sums += from << 2;
  if (isGru(layer)) {
    memory.copy(sums, product, bytes);
    return;
  }
  for (let at: usize = 0; at < bytes; at += 32) {
    const low = f32x4.add(v128.load(sums + at, 0), v128.load(product + at, 0));
    const high = f32x4.add(v128.load(sums + at, 16), v128.load(product + at, 16));
    v128.store(sums + at, low, 0);
    v128.store(sums + at, high, 16);
  }
}

// @ts-ignore: decorator
@inline
function finishedAhead(pool: WorkerPool): usize {
  return changetype<usize>(pool) + offsetof<WorkerPool>('finishedAhead');
}

/** Rows of the recurrent product that needs nothing but h. */
// @ts-ignore: decorator
@inline
export function jointRows(layer: Layer): i32 {
  const kind = layer.kind;
  return layer.paddedUnits * (kind == LSTM ? 4 : kind == GRU_RESET_AFTER ? 3 : kind == GRU_RESET_BEFORE ? 2 : 1);
}

// @ts-ignore: decorator
@inline
export function isGru(layer: Layer): bool {
  return layer.kind == GRU_RESET_AFTER || layer.kind == GRU_RESET_BEFORE;
}
