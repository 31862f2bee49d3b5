import { Network, Team } from './layout';
import { advanceF32, advanceInt8 } from './step';

/**
 * Several threads advance the runs of one step. The runs are cut into portions, and whoever is free takes the next:
 * a helper that sleeps or is late costs nothing but its help. Every run is computed by one thread with the same
 * operations as alone, so the number of threads does not show in the results.
 *
 * All hangs on one word, the ticket: a count of steps (11 bits), the portions of this step (10) and those taken (10).
 * A portion is taken by a compare-and-exchange of the whole word, so a helper that was held up since an earlier step
 * takes nothing from it; and since a step does not end before its portions are finished, what a portion's taker reads
 * of the team belongs to the ticket.
 */
const DISSOLVED = -1;
const MOST_PORTIONS = 1023;

/** Runs of a portion: enough to share the reading of the weights, and few enough for a slower thread to take fewer. */
const PORTION = 4;

/** Looks at the ticket before a helper goes to sleep: about 0.2 ms, more than lies between the steps of a text. */
const PATIENCE = 100_000;

/** Advances `n` runs by one character each, with so many threads, the caller's included. */
export function stepTogether(team: Team, threads: i32, n: i32): void {
  const few = (n + PORTION - 1) / PORTION;
  const fair = min(((few + threads - 1) / threads) * threads, MOST_PORTIONS);
  const size = (n + fair - 1) / fair;
  const portions = (n + size - 1) / size;
  team.n = n;
  team.size = size;
  atomic.store<i32>(finishedOf(team), 0);
  const step = ((ticketOf(team) >> 20) + 1) & 0x7ff;
  atomic.store<i32>(changetype<usize>(team), (step << 20) | (portions << 10));
  atomic.notify(changetype<usize>(team), threads - 1);

  let mine = 0;
  for (let portion = take(team); portion >= 0; portion = take(team)) {
    advance(team, 0, portion);
    mine++;
  }
  while (mine < portions) {
    const finished = atomic.load<i32>(finishedOf(team));
    if (finished < 0) unreachable();
    if (mine + finished == portions) return;
  }
}

/** What a helper does until the team is dissolved. */
export function help(team: Team, thread: i32): void {
  let patience = PATIENCE;
  while (true) {
    const ticket = ticketOf(team);
    if (ticket == DISSOLVED) return;
    const portion = take(team);
    if (portion >= 0) {
      advance(team, thread, portion);
      atomic.add<i32>(finishedOf(team), 1);
      patience = PATIENCE;
    } else if (--patience == 0) {
      atomic.wait<i32>(changetype<usize>(team), ticket, -1);
      patience = PATIENCE;
    }
  }
}

/** Lets the helpers go. */
export function dissolve(team: Team): void {
  atomic.store<i32>(changetype<usize>(team), DISSOLVED);
  atomic.notify(changetype<usize>(team), MOST_PORTIONS);
}

// @ts-ignore: decorator
@inline
function ticketOf(team: Team): i32 {
  return atomic.load<i32>(changetype<usize>(team));
}

// @ts-ignore: decorator
@inline
function finishedOf(team: Team): usize {
  return changetype<usize>(team) + offsetof<Team>('finished');
}

/** @returns the portion that is now the caller's, or -1 when none is left */
function take(team: Team): i32 {
  while (true) {
    const ticket = ticketOf(team);
    const next = ticket & 0x3ff;
    if (ticket == DISSOLVED || next >= ((ticket >> 10) & 0x3ff)) return -1;
    if (atomic.cmpxchg<i32>(changetype<usize>(team), ticket, ticket + 1) == ticket) return next;
  }
}

function advance(team: Team, thread: i32, portion: i32): void {
  const network = changetype<Network>(team.network);
  const from = portion * team.size;
  const n = min(team.size, team.n - from);
  if (team.int8) advanceInt8(network, thread, from, n);
  else advanceF32(network, thread, from, n);
}
