import { Network, WorkerPool } from './layout';
import { closeProduct, NO_SLOT, productPart } from './product-ahead';
import { advanceF32, advanceInt8, pointer } from './step';
import { callerParts, workerParts } from './step-in-parts';
import { asleepOf, finish, MOST_CHUNKS, offer, PRODUCT_AHEAD, SHUT_DOWN, take, ticketOf, waitFor } from './ticket';

/** Sequences of a chunk: enough to share the reading of the weights, and few enough for a slower thread to take fewer. */
const CHUNK = 4;

/** Looks at the ticket before a worker goes to sleep: about 0.2 ms, more than lies between the steps of a text. */
const SPINS = 100_000;

/**
 * Advances `n` sequences by one character each, with so many threads, the caller's included. They are cut into chunks,
 * and whoever is free takes the next: a worker that sleeps or is late only fails to help. Every sequence is
 * computed by one thread with the same operations as alone, so the number of threads does not show in the results.
 *
 * @returns whether a worker took part
 */
export function stepTogether(pool: WorkerPool, threads: i32, n: i32): bool {
  const few = (n + CHUNK - 1) / CHUNK;
  const fair = min(((few + threads - 1) / threads) * threads, MOST_CHUNKS);
  const size = (n + fair - 1) / fair;
  const chunks = (n + size - 1) / size;
  closeProduct(pool, NO_SLOT);
  pool.n = n;
  pool.size = size;
  offer(pool, chunks);

  let mine = 0;
  for (let chunk = take(pool); chunk >= 0; chunk = take(pool)) {
    advance(pool, 0, chunk);
    mine++;
  }
  if (mine < chunks) waitFor(pool, chunks - mine);
  return mine < chunks;
}

/**
 * Advances one sequence by one character, its layers in parts for as many threads as come: see step-in-parts.ts.
 *
 * @returns whether a worker took part
 */
export function stepInParts(pool: WorkerPool, parts: i32): bool {
  closeProduct(pool, pointer(changetype<Network>(pool.network).slots, 0));
  pool.size = 0;
  pool.parts = parts;
  offer(pool, parts - 1);
  callerParts(pool);
  return pool.members > 1;
}

/** What a worker does until the pool is shut down. */
export function work(pool: WorkerPool, thread: i32): void {
  let spins = SPINS;
  while (true) {
    const ticket = ticketOf(pool);
    if (ticket == SHUT_DOWN) return;
    const chunk = take(pool);
    if (chunk >= 0) {
      if (chunk & PRODUCT_AHEAD) productPart(pool, (chunk ^ PRODUCT_AHEAD) + 1);
      else if (pool.size == 0) workerParts(pool, thread, chunk + 1);
      else {
        advance(pool, thread, chunk);
        finish(pool, 1);
      }
      spins = SPINS;
    } else if (--spins == 0) {
      atomic.add<i32>(asleepOf(pool), 1);
      atomic.wait<i32>(changetype<usize>(pool), ticket, -1);
      atomic.sub<i32>(asleepOf(pool), 1);
      spins = SPINS;
    }
  }
}

/** Ends the workers. */
export function shutdown(pool: WorkerPool): void {
  atomic.store<i32>(changetype<usize>(pool), SHUT_DOWN);
  atomic.notify(changetype<usize>(pool), MOST_CHUNKS);
}

function advance(pool: WorkerPool, thread: i32, chunk: i32): void {
  const network = changetype<Network>(pool.network);
  const from = chunk * pool.size;
  const n = min(pool.size, pool.n - from);
  if (pool.int8) advanceInt8(network, thread, from, n);
  else advanceF32(network, thread, from, n);
}
