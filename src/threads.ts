import { availableParallelism } from 'node:os';
import { runWorker, type Threads } from './model/kernel/threads/worker-pool.ts';

const MOST = 8;
const START_AFTER = 2e9; // bytes: some 40 ms of work, which is what a thread's start takes of a processor
const PART_BYTES = 2 ** 17; // some 2 us of work, several times what a barrier takes

const program = `(${runWorker})(require('node:worker_threads').workerData)`;

/**
 * Threads of this process, which neither hold it open nor are started before a model has had some work for them.
 *
 * @param count Threads that work at one time, the caller's included. Default: as many as there are processors, 8 at most.
 */
export const nodeThreads = (count = Math.min(MOST, availableParallelism())): Threads => ({
  count,
  startAfter: START_AFTER,
  partBytes: PART_BYTES,
  start: (task) => {
    // An import would cost every cold start some milliseconds.
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    try {
      const worker = new Worker(program, { eval: true, workerData: task, execArgv: [], name: 'folio' });
      worker.on('error', () => {}); // the step that waits for a failed worker says so
      worker.unref();
    } catch {
      // Where no thread can be had, the caller's does it all: a worker that never comes is not waited for.
    }
  },
});
