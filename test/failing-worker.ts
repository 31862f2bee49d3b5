import { Worker } from 'node:worker_threads';
import type { WorkerTask } from '../src/model/kernel/threads/worker-pool.ts';

/** Takes a chunk as `work` does, and fails as `runWorker` does. */
const program = `
  const { memory, pool, ahead } = require('node:worker_threads').workerData;
  const words = new Int32Array(memory.buffer);
  const ticket = pool >> 2;
  for (;;) {
    const seen = Atomics.load(words, ticket);
    if (ahead && !(seen & (1 << 30))) continue;
    if ((seen & 1023) >= ((seen >> 10) & 1023)) continue;
    if (Atomics.compareExchange(words, ticket, seen, seen + 1) !== seen) continue;
    for (const count of [1, 2]) Atomics.store(words, ticket + count, -(2 ** 31));
    break;
  }`;

/**
 * Starts a worker that fails in the middle of its work.
 *
 * @param ahead only in a product for the next step
 */
export const startFailingWorker = (task: WorkerTask, ahead = false): void =>
  void new Worker(program, { eval: true, workerData: { ...task, ahead } }).unref();
