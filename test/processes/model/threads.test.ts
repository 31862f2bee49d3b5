import { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createKernelStepper, type KernelOptions } from '../../../src/model/kernel/kernel-stepper.ts';
import { AdaptiveThreading } from '../../../src/model/kernel/threads/adaptive-threading.ts';
import { runWorker, type Threads } from '../../../src/model/kernel/threads/worker-pool.ts';
import type { Precision, Stepper } from '../../../src/model/stepper.ts';
import { nodeThreads as patientThreads } from '../../../src/threads.ts';
import { startFailingWorker } from '../../failing-worker.ts';
import { inHalves } from '../../in-halves.ts';
import { numbers, randomNetwork } from '../../random-network.ts';
import { stepCases } from '../../step.cases.ts';

const network = inHalves(
  randomNetwork({
    vocabulary: 65,
    layers: [
      { kind: 'lstm', units: 100 },
      { kind: 'gru', units: 40, resetAfter: false },
    ],
    seed: 1,
  }),
);

/** Started for the first step of several runs. */
const nodeThreads = (count: number): Threads => ({ ...patientThreads(count), startAfter: 0 });

const stepperWith = (
  threads: Threads,
  precision: Precision = 'int8',
  options: KernelOptions = {},
): Stepper => {
  const stepper = createKernelStepper(network, precision, { ...options, threads });
  onTestFinished(() => stepper.dispose());
  return stepper;
};

/** Advances changing numbers of runs of both, and compares their logits. */
const compare = (a: Stepper, b: Stepper, steps: number): void => {
  const next = numbers(3);
  const [ofA, ofB] = [a, b].map((stepper) => Array.from({ length: 40 }, () => stepper.open())) as [
    number[],
    number[],
  ];
  for (let step = 0; step < steps; step++) {
    const n = 1 + Math.floor(next() * 40);
    const ids = Array.from({ length: n }, () => Math.floor(next() * network.vocabulary));
    const [expected, actual] = [a.step(ofA.slice(0, n), ids), b.step(ofB.slice(0, n), ids)];
    if (expected.some((logit, i) => logit !== actual[i])) expect.fail(`step ${step}, ${n} runs`);
  }
};

/** Resolves when the workers have begun to work. */
const soon = () => new Promise((resolve) => setTimeout(resolve, 150));

/** One step of two runs, with which workers are started; the slots are given back as they were found. */
const warmed = (stepper: Stepper): Stepper => {
  const slots = [stepper.open(), stepper.open()];
  stepper.step(slots, [1, 2]);
  for (const slot of slots.toReversed()) stepper.close(slot);
  return stepper;
};

// However fast they are here.
beforeEach(() => {
  const together = vi.spyOn(AdaptiveThreading.prototype, 'together', 'get').mockReturnValue(true);
  onTestFinished(() => together.mockRestore());
});

describe('several threads', () => {
  describe('a pool of three', () =>
    stepCases((given) => warmed(createKernelStepper(given, 'int8', { threads: nodeThreads(3) }))));

  it.each([
    ['int8', { relaxed: true, fusedDot: false }],
    ['int8', { relaxed: true, fusedDot: true }],
    ['int8', { relaxed: false }],
    ['int4', { relaxed: true, fusedDot: false }],
    ['f32', { relaxed: true }],
    ['f32', { relaxed: true, halves: true }],
  ] as const)('give the bits of one, in %s, %o', async (precision, options) => {
    const together = stepperWith(nodeThreads(3), precision, options);
    warmed(together);
    await soon();
    compare(createKernelStepper(network, precision, options), together, 300);
  });

  it('start when there are runs for them, and no more than were asked for', () => {
    const started: number[] = [];
    const stepper = stepperWith({
      count: 4,
      startAfter: 0,
      partBytes: 2 ** 17,
      start: ({ thread }) => started.push(thread),
    });
    const slots = Array.from({ length: 9 }, () => stepper.open());
    const advance = (n: number) => stepper.step(slots.slice(0, n), new Array<number>(n).fill(1));
    advance(1);
    expect(started).toEqual([]);
    advance(2);
    expect(started).toEqual([1]);
    advance(9);
    expect(started).toEqual([1, 2, 3]);
  });

  it('are not started for little work', () => {
    const started: number[] = [];
    const stepper = stepperWith({
      count: 2,
      startAfter: 1e7,
      partBytes: 2 ** 17,
      start: ({ thread }) => started.push(thread),
    });
    const slots = [stepper.open(), stepper.open()];
    const steps = Math.ceil(1e7 / (2 * stepper.byteLength));
    for (let step = 1; step < steps; step++) stepper.step(slots, [1, 2]);
    expect(started).toEqual([]);
    for (let step = 0; step < 2; step++) stepper.step(slots, [1, 2]);
    expect(started).toEqual([1]);
  });

  it('are not waited for: workers that never come only fail to help', () => {
    compare(
      createKernelStepper(network, 'int8'),
      warmed(stepperWith({ count: 8, startAfter: 0, partBytes: 2 ** 17, start: () => {} })),
      20,
    );
  });

  it('are done without where no memory can be shared', () => {
    const { Memory } = WebAssembly;
    onTestFinished(() => {
      WebAssembly.Memory = Memory;
    });
    const stepper = stepperWith(nodeThreads(2));
    WebAssembly.Memory = class extends Memory {
      constructor(descriptor: WebAssembly.MemoryDescriptor) {
        if (descriptor.shared) throw new RangeError('could not allocate memory');
        super(descriptor);
      }
    };
    compare(createKernelStepper(network, 'int8'), stepper, 20);
  });

  it('shut down, leave the rest to the caller', async () => {
    const stepper = stepperWith(nodeThreads(2));
    const slots = [stepper.open(), stepper.open()];
    stepper.step(slots, [1, 2]);
    await soon();
    stepper.dispose();
    compare(createKernelStepper(network, 'int8'), stepper, 20);
  });

  it('end when they are shut down', async () => {
    const ended: Promise<number>[] = [];
    const program = `(${runWorker})(require('node:worker_threads').workerData)`;
    const stepper = stepperWith({
      count: 2,
      startAfter: 0,
      partBytes: 2 ** 17,
      start: (workerData) => {
        const worker = new Worker(program, { eval: true, workerData });
        ended.push(new Promise((resolve) => worker.once('exit', resolve)));
      },
    });
    stepper.step([stepper.open(), stepper.open()], [1, 2]);
    await soon();
    stepper.dispose();
    expect(await Promise.all(ended)).toEqual([0]);
  });

  it('report a worker that failed in the middle of its work', async () => {
    const stepper = stepperWith({
      count: 2,
      startAfter: 0,
      partBytes: 2 ** 17,
      start: startFailingWorker,
    });
    const slots = [stepper.open(), stepper.open()];
    const until = Date.now() + 50_000;
    expect(() => {
      while (Date.now() < until) stepper.step(slots, [1, 2]);
    }).toThrow(WebAssembly.RuntimeError);
  });
});
