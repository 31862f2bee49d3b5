import { now } from '../decode/clock.ts';
import type { Arena } from './arena.ts';
import type { Kernel } from './kernel-module.ts';
import { Pace } from './pace.ts';
import type { PlacedNetwork } from './place-network.ts';

/** What a helping thread is given: `runHelper` makes its work of it. Can be posted to another thread. */
export interface Helper {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly fusedDot: number;
  readonly team: number;
  readonly thread: number;
}

/** Threads that a host lends to steps of several runs. */
export interface Threads {
  /** Threads that work at one time, the caller's included. */
  readonly count: number;
  /** Bytes of weights that steps of several runs have gone through before a thread is worth its start. */
  readonly startAfter: number;
  /** Starts one that does `runHelper(helper)` and ends with it. */
  start(helper: Helper): void;
}

/**
 * What a helping thread does. Its text is all that the thread is given, so it uses nothing from outside; a helper
 * that fails says so in the team's second word, where the step that waits for it looks.
 */
export const runHelper = ({ module, memory, fusedDot, team, thread }: Helper): void => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernel = exports as { fusedDot: WebAssembly.Global; help(team: number, thread: number): void };
  kernel.fusedDot.value = fusedDot;
  try {
    kernel.help(team, thread);
  } catch {
    Atomics.store(new Int32Array(memory.buffer), (team >> 2) + 1, -(2 ** 31));
  }
};

/** The threads of one kernel. */
export interface Team {
  /** Advances the first `n` runs of the room by one character each. */
  step(n: number): void;
  /** Lets the helpers go. */
  dissolve(): void;
}

export const createTeam = (
  kernel: Kernel,
  arena: Arena,
  { address, scratch, placeScratch }: PlacedNetwork,
  int8: boolean,
  threads: Threads,
): Team => {
  // As in `assembly/layout.ts`: ticket, finished, network, int8, n, size.
  const team = arena.placeWords([0, 0, address, int8 ? 1 : 0, 0, 0]);
  arena.commit();
  const { module, memory } = kernel;
  const advance = int8 ? kernel.stepInt8 : kernel.stepF32;
  const pace = new Pace();
  let members = 1;

  const hire = (): void => {
    const areas = placeScratch();
    arena.commit();
    new Uint32Array(memory.buffer).set(areas, (scratch >> 2) + members * areas.length);
    threads.start({ module, memory, fusedDot: kernel.fusedDot.value, team, thread: members });
    members++;
  };

  return {
    step(n) {
      while (members < Math.min(n, threads.count)) hire();
      const began = now();
      if (pace.together) kernel.stepTogether(team, members, n);
      else advance(address, n);
      pace.took(now() - began, n);
    },
    dissolve: () => kernel.dissolve(team),
  };
};
