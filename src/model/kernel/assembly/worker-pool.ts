import { Network, WorkerPool } from './layout';
import { advanceF32, advanceInt8 } from './step';

/**
 * Several threads advance the sequences of one step. They are cut into chunks, and whoever is free takes the next:
 * a worker that sleeps or is late only fails to help. Every sequence is computed by one thread with the same
 * operations as alone, so the number of threads does not show in the results.
 *
 * All hangs on one word, the ticket: a count of steps (11 bits), the chunks of this step (10) and those taken (10).
 * A chunk is taken by a compare-and-exchange of the whole word, so a worker that was held up since an earlier step
 * takes nothing from it; and since a step does not end before its chunks are finished, what a chunk's taker reads
 * of the pool belongs to the ticket.
 */
const SHUT_DOWN = -1;
const MOST_CHUNKS = 1023;

/** Sequences of a chunk: enough to share the reading of the weights, and few enough for a slower thread to take fewer. */
const CHUNK = 4;

/** Looks at the ticket before a worker goes to sleep: about 0.2 ms, more than lies between the steps of a text. */
const SPINS = 100_000;

/** Advances `n` sequences by one character each, with so many threads, the caller's included. */
export function stepTogether(pool: WorkerPool, threads: i32, n: i32): void {
  const few = (n + CHUNK - 1) / CHUNK;
  const fair = min(((few + threads - 1) / threads) * threads, MOST_CHUNKS);
  const size = (n + fair - 1) / fair;
  const chunks = (n + size - 1) / size;
  pool.n = n;
  pool.size = size;
  atomic.store<i32>(finishedOf(pool), 0);
  const step = ((ticketOf(pool) >> 20) + 1) & 0x7ff;
  atomic.store<i32>(changetype<usize>(pool), (step << 20) | (chunks << 10));
  atomic.notify(changetype<usize>(pool), threads - 1);

  let mine = 0;
  for (let chunk = take(pool); chunk >= 0; chunk = take(pool)) {
    advance(pool, 0, chunk);
    mine++;
  }
  while (mine < chunks) {
    const finished = atomic.load<i32>(finishedOf(pool));
    if (finished < 0) unreachable();
    if (mine + finished == chunks) return;
  }
}

/** What a worker does until the pool is shut down. */
export function work(pool: WorkerPool, thread: i32): void {
  let spins = SPINS;
  while (true) {
    const ticket = ticketOf(pool);
    if (ticket == SHUT_DOWN) return;
    const chunk = take(pool);
    if (chunk >= 0) {
      advance(pool, thread, chunk);
      atomic.add<i32>(finishedOf(pool), 1);
      spins = SPINS;
    } else if (--spins == 0) {
      atomic.wait<i32>(changetype<usize>(pool), ticket, -1);
      spins = SPINS;
    }
  }
}

/** Ends the workers. */
export function shutdown(pool: WorkerPool): void {
  atomic.store<i32>(changetype<usize>(pool), SHUT_DOWN);
  atomic.notify(changetype<usize>(pool), MOST_CHUNKS);
}

// @ts-ignore: decorator
@inline
function ticketOf(pool: WorkerPool): i32 {
  return atomic.load<i32>(changetype<usize>(pool));
}

// @ts-ignore: decorator
@inline
function finishedOf(pool: WorkerPool): usize {
  return changetype<usize>(pool) + offsetof<WorkerPool>('finished');
}

/** @returns the chunk that is now the caller's, or -1 when none is left */
function take(pool: WorkerPool): i32 {
  while (true) {
    const ticket = ticketOf(pool);
    const next = ticket & 0x3ff;
    if (ticket == SHUT_DOWN || next >= ((ticket >> 10) & 0x3ff)) return -1;
    if (atomic.cmpxchg<i32>(changetype<usize>(pool), ticket, ticket + 1) == ticket) return next;
  }
}

function advance(pool: WorkerPool, thread: i32, chunk: i32): void {
  const network = changetype<Network>(pool.network);
  const from = chunk * pool.size;
  const n = min(pool.size, pool.n - from);
  if (pool.int8) advanceInt8(network, thread, from, n);
  else advanceF32(network, thread, from, n);
}
