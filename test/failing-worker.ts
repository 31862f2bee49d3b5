import { Worker } from 'node:worker_threads';
import type { WorkerTask } from '../src/model/kernel/threads/worker-pool.ts';

/** Takes a chunk as `work` does, and fails as `runWorker` does. */
const program = `
  const { memory, pool } = require('node:worker_threads').workerData;
  const words = new Int32Array(memory.buffer);
  const [ticket, finished] = [pool >> 2, (pool >> 2) + 1];
  for (;;) {
    const seen = Atomics.load(words, ticket);
    if ((seen & 1023) >= ((seen >> 10) & 1023)) continue;
    if (Atomics.compareExchange(words, ticket, seen, seen + 1) !== seen) continue;
    Atomics.store(words, finished, -(2 ** 31));
    break;
  }`;

/** Starts a worker that fails in the middle of its work. */
export const startFailingWorker = (workerData: WorkerTask): void =>
  void new Worker(program, { eval: true, workerData }).unref();
