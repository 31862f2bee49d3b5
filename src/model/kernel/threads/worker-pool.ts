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

/** Threads that a host provides for steps of several sequences. */
export interface Threads {
  /** Threads that work at one time, the caller's included. */
  readonly count: number;
  /** Bytes of weights that steps of several sequences have gone through before a thread is worth its start. */
  readonly startAfter: number;
  /** Starts one that does `runWorker(task)` and ends with it. */
  start(task: WorkerTask): void;
}

/**
 * What a worker thread does. Its text is all that the thread is given, so it uses nothing from outside; a worker
 * that fails says so in the pool's second word, where the step that waits for it looks.
 */
export const runWorker = ({ module, memory, fusedDot, pool, thread }: WorkerTask): void => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernel = exports as { fusedDot: WebAssembly.Global; work(pool: number, thread: number): void };
  kernel.fusedDot.value = fusedDot;
  try {
    kernel.work(pool, thread);
  } catch {
    Atomics.store(new Int32Array(memory.buffer), (pool >> 2) + 1, -(2 ** 31));
  }
};

/** The threads of one kernel. */
export interface WorkerPool {
  /** Advances the first `n` sequences of the step buffers by one character each. */
  step(n: number): void;
  /** Ends the workers. */
  shutdown(): void;
}

export const createWorkerPool = (
  kernel: Kernel,
  arena: Arena,
  { address, scratch, placeScratch }: PlacedNetwork,
  int8: boolean,
  threads: Threads,
): WorkerPool => {
  // As in `assembly/layout.ts`: ticket, finished, network, int8, n, size.
  const pool = arena.placeWords([0, 0, address, int8 ? 1 : 0, 0, 0]);
  arena.commit();
  const { module, memory } = kernel;
  const advance = int8 ? kernel.stepInt8 : kernel.stepF32;
  const adaptive = new AdaptiveThreading();
  let threadCount = 1;

  const spawn = (): void => {
    const areas = placeScratch();
    arena.commit();
    new Uint32Array(memory.buffer).set(areas, (scratch >> 2) + threadCount * areas.length);
    threads.start({ module, memory, fusedDot: kernel.fusedDot.value, pool, thread: threadCount });
    threadCount++;
  };

  return {
    step(n) {
      while (threadCount < Math.min(n, threads.count)) spawn();
      const began = now();
      if (adaptive.together) kernel.stepTogether(pool, threadCount, n);
      else advance(address, n);
      adaptive.took(now() - began, n);
    },
    shutdown: () => kernel.shutdown(pool),
  };
};
