import { createKernelStepper } from '../src/model/kernel/kernel-stepper.ts';
import { AdaptiveThreading } from '../src/model/kernel/threads/adaptive-threading.ts';
import type { WorkerTask } from '../src/model/kernel/threads/worker-pool.ts';
import type { Stepper } from '../src/model/stepper.ts';
import { nodeThreads } from '../src/threads.ts';
import { benchOptions, interleave, median, report } from './harness.ts';
import { benchNetwork } from './networks.ts';

/**
 * What it costs to share a step of one text between two threads, by itself: a network so small that its halves take
 * next to no time (32 units a layer), by one thread and by two. A layer is one offer or barrier; of rounds
 * in which the second thread had no processor, nothing is to be learned, so the least is of interest too.
 */
const STEPS = 20_000; // of a measurement
const MEMBERS_WORD = 8; // of the kernel's `WorkerPool`

const { json, rounds } = benchOptions(15);

/** Microseconds a step. */
const timed = (step: () => void): number => {
  const start = performance.now();
  for (let i = 0; i < STEPS; i++) step();
  return (1000 * (performance.now() - start)) / STEPS;
};

Object.defineProperty(AdaptiveThreading.prototype, 'together', { get: () => true });
const shared: Stepper[] = [];
const subjects = [1, 2, 3].flatMap((layers) => {
  const network = benchNetwork(new Array<number>(layers).fill(32));
  const alone = createKernelStepper(network, 'int8');
  const { start } = nodeThreads(2);
  let task: WorkerTask | undefined;
  const ofTwo = createKernelStepper(network, 'int8', {
    threads: {
      count: 2,
      startAfter: -1,
      partBytes: 1,
      start(given) {
        task = given;
        start(given);
      },
    },
  });
  shared.push(ofTwo);
  const slots = [alone.open(), ofTwo.open()];
  ofTwo.step([slots[1]!], [1]);
  const words = new Int32Array(task!.memory.buffer);
  const unit = 'us a step';
  const name = `${layers} layer${layers > 1 ? 's' : ''} of 32`;
  return [
    { case: name, subject: 'one thread', unit, measure: () => timed(() => alone.step([slots[0]!], [1])) },
    {
      case: name,
      subject: 'two threads',
      unit,
      async measure() {
        for (;;) {
          let both = 0;
          const took = timed(() => {
            ofTwo.step([slots[1]!], [1]);
            if (words[(task!.pool >> 2) + MEMBERS_WORD] === 2) both++;
          });
          if (both > 0.9 * STEPS) return took;
          await new Promise((resolve) => setTimeout(resolve, 5)); // the worker had no processor, or has not started
        }
      },
    },
  ];
});
const cases = await interleave(subjects, rounds);
const notes = [1, 2, 3].map((_, index) => {
  const [one, two] = [cases[2 * index]!, cases[2 * index + 1]!];
  const least = Math.min(...two.runs) - Math.min(...one.runs);
  return `${one.case}: sharing a step costs ${(median(two.runs) - median(one.runs)).toFixed(2)} us, at least ${least.toFixed(2)} us.`;
});
report(cases, { json, notes });
for (const stepper of shared) stepper.dispose();
