import { WorkerPool } from './layout';

/**
 * Who does what of a step hangs on one word, the ticket: whether its chunks are those of a step or of a product ahead
 * (1 bit), a count of offers (10 bits), the chunks of this one (10) and those taken (10). A chunk is taken by a
 * compare-and-exchange of the whole word, so a worker that was held up since an earlier offer takes nothing from it; and
 * since a step does not end before its chunks are finished, what a chunk's taker reads of the pool belongs to the ticket.
 */
export const SHUT_DOWN = -1;
export const MOST_CHUNKS = 1023;

/** What is offered. */
export const STEP = 0;
export const PRODUCT_AHEAD = 1 << 30;

// @ts-ignore: decorator
@inline
export function ticketOf(pool: WorkerPool): i32 {
  return atomic.load<i32>(changetype<usize>(pool));
}

// @ts-ignore: decorator
@inline
export function finishedOf(pool: WorkerPool): usize {
  return changetype<usize>(pool) + offsetof<WorkerPool>('finished');
}

// @ts-ignore: decorator
@inline
export function asleepOf(pool: WorkerPool): usize {
  return changetype<usize>(pool) + offsetof<WorkerPool>('asleep');
}

/** Waits until so many chunks, or parts, are finished. @returns whether they were already */
export function waitFor(pool: WorkerPool, parts: i32): bool {
  return reach(finishedOf(pool), parts);
}

/** Waits until a count is reached. @returns whether it was already */
export function reach(count: usize, goal: i32): bool {
  let there = true;
  while (true) {
    const reached = atomic.load<i32>(count);
    if (reached < 0) unreachable(); // a worker failed
    if (reached >= goal) return there;
    there = false;
  }
}

export function finish(pool: WorkerPool, parts: i32): void {
  atomic.add<i32>(finishedOf(pool), parts);
}

/** Offers so many chunks of a new step. A worker that goes to sleep says so before it looks at the ticket once more. */
export function offer(pool: WorkerPool, chunks: i32, kind: i32 = STEP): void {
  atomic.store<i32>(finishedOf(pool), 0);
  const count = ((ticketOf(pool) >> 20) + 1) & 0x3ff;
  atomic.store<i32>(changetype<usize>(pool), kind | (count << 20) | (chunks << 10));
  if (atomic.load<i32>(asleepOf(pool)) > 0) atomic.notify(changetype<usize>(pool), chunks);
}

/** @returns the chunk that is now the caller's, with the bit of its kind, or -1 when none is left */
export function take(pool: WorkerPool): i32 {
  while (true) {
    const ticket = ticketOf(pool);
    const next = ticket & 0x3ff;
    if (ticket == SHUT_DOWN || next >= ((ticket >> 10) & 0x3ff)) return -1;
    if (atomic.cmpxchg<i32>(changetype<usize>(pool), ticket, ticket + 1) == ticket) return next | (ticket & PRODUCT_AHEAD);
  }
}

/** Gives the workers a moment to take what is left: some 0.1 us. */
export function expect(pool: WorkerPool): void {
  for (let looks = 0; looks < 100; looks++) {
    const ticket = ticketOf(pool);
    if ((ticket & 0x3ff) == ((ticket >> 10) & 0x3ff)) return;
  }
}

/** Takes all chunks that are left. @returns how many were taken before */
export function close(pool: WorkerPool): i32 {
  while (true) {
    const ticket = ticketOf(pool);
    const chunks = (ticket >> 10) & 0x3ff;
    if (atomic.cmpxchg<i32>(changetype<usize>(pool), ticket, (ticket & ~0x3ff) | chunks) == ticket) {
      return ticket & 0x3ff;
    }
  }
}
