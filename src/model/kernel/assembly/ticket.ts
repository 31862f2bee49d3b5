import { WorkerPool } from './layout';

/**
 * Who does what of a step hangs on one word, the ticket: a count of steps (11 bits), the chunks of this step (10) and
 * those taken (10). A chunk is taken by a compare-and-exchange of the whole word, so a worker that was held up since
 * an earlier step takes nothing from it; and since a step does not end before its chunks are finished, what a chunk's
 * taker reads of the pool belongs to the ticket.
 */
export const SHUT_DOWN = -1;
export const MOST_CHUNKS = 1023;

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

/** Offers so many chunks of a new step. A worker that goes to sleep says so before it looks at the ticket once more. */
export function offer(pool: WorkerPool, chunks: i32): void {
  atomic.store<i32>(finishedOf(pool), 0);
  const step = ((ticketOf(pool) >> 20) + 1) & 0x7ff;
  atomic.store<i32>(changetype<usize>(pool), (step << 20) | (chunks << 10));
  if (atomic.load<i32>(asleepOf(pool)) > 0) atomic.notify(changetype<usize>(pool), chunks);
}

/** @returns the chunk that is now the caller's, or -1 when none is left */
export function take(pool: WorkerPool): i32 {
  while (true) {
    const ticket = ticketOf(pool);
    const next = ticket & 0x3ff;
    if (ticket == SHUT_DOWN || next >= ((ticket >> 10) & 0x3ff)) return -1;
    if (atomic.cmpxchg<i32>(changetype<usize>(pool), ticket, ticket + 1) == ticket) return next;
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
