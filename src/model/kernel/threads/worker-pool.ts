import { now } from '../../decode/clock.ts';
import type { Arena } from '../arena.ts';
import type { Kernel } from '../kernel-module.ts';
import type { PlacedNetwork } from '../place-network.ts';
import { AdaptiveThreading } from './adaptive-threading.ts';

/** What a worker thread is given: `runWorker` makes its work of it. Can be posted to another thread. */
export interface WorkerTask {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly fusedDot: number;
  readonly pool: number;
  readonly thread: number;
}

/** Threads that a host provides for a model's steps. */
export interface Threads {
  /** Threads that work at one time, the caller's included. */
  readonly count: number;
  /** Bytes of weights that steps which threads could share have gone through before one is worth its start. */
  readonly startAfter: number;
  /** Bytes of weights that a thread multiplies at least where a step of one sequence is shared. */
  readonly partBytes: number;
  /** Starts one that does `runWorker(task)` and ends with it. */
  start(task: WorkerTask): void;
}

/** In how many parts a step of one sequence is cut: 1 where it does not pay. */
export const partsOf = (
  { divisible, weightBytes }: Pick<PlacedNetwork, 'divisible' | 'weightBytes'>,
  { count, partBytes }: Threads,
): number => (divisible ? Math.max(1, Math.min(count, Math.floor(weightBytes / partBytes))) : 1);

/**
 * What a worker thread does. Its text is all that the thread is given, so it uses nothing from outside; a worker
 * that fails says so in the pool's second and third word, where the step that waits for it looks.
 */
export const runWorker = ({ module, memory, fusedDot, pool, thread }: WorkerTask): void => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernel = exports as { fusedDot: WebAssembly.Global; work(pool: number, thread: number): void };
  kernel.fusedDot.value = fusedDot;
  try {
    kernel.work(pool, thread);
  } catch {
    const finished = new Int32Array(memory.buffer, pool + 4, 2);
    for (const i of finished.keys()) Atomics.store(finished, i, -(2 ** 31));
  }
};

/** The threads of one kernel. */
export interface WorkerPool {
  /** Advances the first `n` sequences of the step buffers by one character each. */
  step(n: number): void;
  /** Called before a state is changed by anything but a step of its own: what was computed ahead for it is of no use. */
  forget(): void;
  /** Ends the workers. */
  shutdown(): void;
}

export const createWorkerPool = (
  kernel: Kernel,
  arena: Arena,
  network: PlacedNetwork,
  int8: boolean,
  threads: Threads,
): WorkerPool => {
  const { address, scratch, placeScratch } = network;
  const { module, memory } = kernel;
  network.placeNext(memory);
  const parts = partsOf(network, threads);
  const { units, rows } = network.firstLayer;
  const aheadSums = int8 && parts > 1 && rows > 0 ? arena.place(4 * rows) : 0;
  const first = Math.floor(units / 32 / parts) * 32;
  // As in `assembly/layout.ts`: ticket, finished, finishedAhead, asleep, network, int8, n, size, parts, members, first,
  // balance, ahead, offeredAhead, aheadSums, aheadInput, aheadSlot.
  const words = [0, 0, 0, 0, address, int8 ? 1 : 0, 0, 0, parts, 0, first, 0, 0, 0, aheadSums, 0, 0];
  const pool = arena.placeWords(words);
  arena.commit();
  const aheadSlot = new Uint32Array(memory.buffer, pool + 4 * (words.length - 1), 1);
  const advance = int8 ? kernel.stepInt8 : kernel.stepF32;
  const ofOne = new AdaptiveThreading();
  const ofSeveral = new AdaptiveThreading();
  let threadCount = 1;

  const spawn = (): void => {
    const areas = placeScratch();
    arena.commit();
    new Uint32Array(memory.buffer).set(areas, (scratch >> 2) + threadCount * areas.length);
    threads.start({ module, memory, fusedDot: kernel.fusedDot.value, pool, thread: threadCount });
    threadCount++;
  };

  const forget = (): void => {
    aheadSlot[0] = 0;
  };

  return {
    step(n) {
      const wanted = n === 1 ? parts : Math.min(n, threads.count);
      while (threadCount < wanted) spawn();
      const adaptive = n === 1 ? ofOne : ofSeveral;
      const began = now();
      let helped = 0;
      if (!adaptive.together) {
        forget();
        advance(address, n);
      } else if (n === 1) helped = kernel.stepInParts(pool, parts);
      else helped = kernel.stepTogether(pool, threadCount, n);
      adaptive.took(now() - began, n, helped === 1);
    },
    forget,
    shutdown: () => kernel.shutdown(pool),
  };
};
