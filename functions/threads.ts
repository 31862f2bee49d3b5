import type { Threads } from '../src/model/kernel/threads/worker-pool.ts';
import { nodeThreads } from '../src/threads.ts';

const MEGABYTES_OF_A_PROCESSOR = 1769; // as Lambda gives them out

/** A thread for each whole processor that a function of so much memory has. */
export const threadsOf = (megabytes = 0): Threads =>
  nodeThreads(Math.max(1, Math.floor(megabytes / MEGABYTES_OF_A_PROCESSOR)));
