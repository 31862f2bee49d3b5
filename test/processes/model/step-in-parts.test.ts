import fc from 'fast-check';
import { beforeEach, describe, expect, it, type MockInstance, onTestFinished, vi } from 'vitest';
import type { Halves } from '../../../src/model/format/halves.ts';
import { createKernelStepper, type KernelOptions } from '../../../src/model/kernel/kernel-stepper.ts';
import { AdaptiveThreading } from '../../../src/model/kernel/threads/adaptive-threading.ts';
import type { Threads, WorkerTask } from '../../../src/model/kernel/threads/worker-pool.ts';
import type { Network } from '../../../src/model/network.ts';
import type { Precision, Stepper } from '../../../src/model/stepper.ts';
import { nodeThreads } from '../../../src/threads.ts';
import { startFailingWorker } from '../../failing-worker.ts';
import { inHalves } from '../../in-halves.ts';
import { createQuantisedReferenceStepper } from '../../oracles/quantised-reference-stepper.ts';
import { type NetworkShape, networkShape, prune, randomNetwork } from '../../random-network.ts';
import { expectSameBits, walk } from '../../walk.ts';

/** From the first step on, however small the network. */
const eager = (count: number, start = nodeThreads(count).start): Threads => ({
  count,
  startAfter: -1,
  partBytes: 1,
  start,
});

const stepperWith = (
  network: Network<Halves>,
  precision: Precision,
  threads: Threads,
  options: KernelOptions = {},
): Stepper => {
  const stepper = createKernelStepper(network, precision, { ...options, threads });
  onTestFinished(() => stepper.dispose());
  return stepper;
};

const MEMBERS_WORD = 9; // of the kernel's `WorkerPool`
const AHEAD_WORD = 12;

const shape: NetworkShape = {
  vocabulary: 65,
  layers: [
    { kind: 'lstm', units: 200 },
    { kind: 'gru', units: 100, resetAfter: false },
    { kind: 'dense', units: 80 },
    { kind: 'simple-rnn', units: 64 },
  ],
  seed: 1,
};

let together: MockInstance<() => boolean>;

beforeEach(() => {
  together = vi.spyOn(AdaptiveThreading.prototype, 'together', 'get').mockReturnValue(true);
  onTestFinished(() => together.mockRestore());
});

describe('one sequence by several threads', () => {
  it('has the bits of the plain twin where no worker comes, over the whole family', () => {
    fc.assert(
      fc.property(
        networkShape({ units: 100 }),
        fc.integer({ min: 2, max: 5 }),
        fc.constantFrom(0, 0.7),
        fc.constantFrom('int8', 'int4'),
        (given, count, pruned, precision) => {
          const network = prune(randomNetwork(given), pruned, given.seed);
          const alone = eager(count, () => {});
          const inParts = createKernelStepper(network, precision, { threads: alone });
          walk(
            [createQuantisedReferenceStepper(network, precision), inParts],
            { steps: 6, n: 1, seed: given.seed },
            expectSameBits,
          );
          const [one, several] = [undefined, alone].map((threads) =>
            createKernelStepper(network, 'f32', { threads }),
          );
          walk([one!, several!], { steps: 6, n: 1, seed: given.seed }, expectSameBits);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    ['int8', { relaxed: true, fusedDot: false }],
    ['int8', { relaxed: true, fusedDot: false, order: 'streams' }],
    ['int8', { relaxed: true, fusedDot: true }],
    ['int8', { relaxed: false }],
    ['int4', { relaxed: true, fusedDot: false }],
    ['int4', { relaxed: false }],
    ['f32', { relaxed: true }],
    ['f32', { relaxed: false }],
    ['f32', { relaxed: true, halves: true }],
    ['f32', { relaxed: true, halves: true, order: 'ahead' }],
  ] as const)('has the bits of one thread, in %s, %o', async (precision, options) => {
    for (const layers of [shape.layers, [{ kind: 'lstm', units: 200 } as const]]) {
      const network = inHalves(randomNetwork({ ...shape, layers }));
      const tasks: WorkerTask[] = [];
      const { start } = nodeThreads(3);
      const threads = eager(3, (task) => {
        tasks.push(task);
        start(task);
      });
      const several = stepperWith(network, precision, threads, options);
      const one = createKernelStepper(network, precision, options);
      const slots = [one, several].map((stepper) => stepper.open());
      several.step([slots[1]!], [0]);
      one.step([slots[0]!], [0]);
      expect(tasks.map(({ thread }) => thread)).toEqual([1, 2]);
      const words = new Int32Array(tasks[0]!.memory.buffer);
      const members = new Set<number>();
      const until = Date.now() + 20_000;
      for (let step = 0; step < 1000 || (members.size < 2 && Date.now() < until); step++) {
        if (step % 250 === 0) await new Promise((resolve) => setTimeout(resolve, 5)); // workers fall asleep
        const id = (step * 7) % 65;
        const expected = one.step([slots[0]!], [id]).slice();
        expectSameBits([expected, several.step([slots[1]!], [id])], step);
        members.add(words[(tasks[0]!.pool >> 2) + MEMBERS_WORD]!);
      }
      expect(Math.max(...members), 'threads that took part').toBeGreaterThan(1);
      expect(several.read(slots[1]!)).toEqual(one.read(slots[0]!));
    }
  });

  it('may alternate with steps of several', async () => {
    const network = randomNetwork(shape);
    const several = stepperWith(network, 'int8', eager(2));
    const one = createKernelStepper(network, 'int8');
    const slots = [one, several].map((stepper) => [stepper.open(), stepper.open(), stepper.open()]);
    for (let step = 0; step < 600; step++) {
      if (step % 200 === 100) await new Promise((resolve) => setTimeout(resolve, 50));
      const n = step % 3 === 0 ? 3 : 1;
      const ids = [step % 65, (step * 3) % 65, 1].slice(0, n);
      const expected = one.step(slots[0]!.slice(0, n), ids).slice();
      expectSameBits([expected, several.step(slots[1]!.slice(0, n), ids)], step);
    }
  });

  it.each(['int8', 'int4'] as const)(
    'computes the product of the next step ahead, and only where that step follows, in %s',
    async (precision) => {
      let used = 0; // parts that were there when their step began
      for (const first of [
        { kind: 'lstm', units: 200 },
        { kind: 'gru', units: 100, resetAfter: true },
        { kind: 'gru', units: 100, resetAfter: false },
        { kind: 'simple-rnn', units: 130 },
      ] as const) {
        const network = randomNetwork({
          vocabulary: 65,
          layers: [first, { kind: 'lstm', units: 40 }],
          seed: 3,
        });
        const tasks: WorkerTask[] = [];
        const { start } = nodeThreads(2);
        const several = stepperWith(
          network,
          precision,
          eager(2, (task) => {
            tasks.push(task);
            start(task);
          }),
        );
        const both = [createKernelStepper(network, precision), several];
        let slots = both.map((stepper) => [stepper.open(), stepper.open()]);
        const step = (which: readonly number[], id: number): void => {
          const ids = which.map((_, i) => (id + i) % 65);
          const [expected, actual] = both.map((stepper, i) =>
            stepper.step(
              which.map((slot) => slots[i]![slot]!),
              ids,
            ),
          );
          expectSameBits([expected!, actual!], id);
        };
        /** What may come between two steps of a sequence. */
        const between = [
          () => step([1], 5), // another sequence
          () => step([0, 1], 9), // both
          () => {
            for (const [i, stepper] of both.entries())
              stepper.write(slots[i]![0]!, both[0]!.read(slots[0]![1]!));
          },
          () => {
            for (const [i, stepper] of both.entries()) for (const slot of slots[i]!) stepper.close(slot);
            slots = both.map((stepper) => [stepper.open(), stepper.open()]);
          },
          () => {
            together.mockReturnValue(false);
            step([0], 33);
            together.mockReturnValue(true);
          },
        ];
        step([0], 0);
        const ahead = () => new Int32Array(tasks[0]!.memory.buffer)[(tasks[0]!.pool >> 2) + AHEAD_WORD]!;
        const goal = used + 20;
        const until = Date.now() + 10_000;
        for (let i = 0; i < 400 || (used < goal && Date.now() < until); i++) {
          if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 5)); // workers fall asleep
          if (i % 7 === 6) between[i % between.length]!();
          step([0], (i * 11) % 65);
          used += ahead();
        }
        expect(both[1]!.read(slots[1]![0]!)).toEqual(both[0]!.read(slots[0]![0]!));
      }
      expect(used).toBeGreaterThanOrEqual(20);
    },
  );

  it('stays on one thread where parts would be small, and where all of h must be known', () => {
    const started: number[] = [];
    const threads = eager(2, ({ thread }) => started.push(thread));
    const advance = (network: Network, precision: Precision, given: Threads): void => {
      const stepper = createKernelStepper(network, precision, { threads: given });
      stepper.step([stepper.open()], [1]);
    };
    const ofLayers = (layers: NetworkShape['layers']) => randomNetwork({ ...shape, layers });
    advance(ofLayers([{ kind: 'lstm', units: 64 }]), 'int8', { ...threads, partBytes: 2 ** 17 });
    advance(ofLayers([{ kind: 'lstm', units: 64, activation: 'relu' }]), 'int8', threads);
    advance(
      ofLayers([
        { kind: 'lstm', units: 64 },
        { kind: 'normalization', units: 64 },
      ]),
      'f32',
      threads,
    );
    expect(started).toEqual([]);
    advance(ofLayers([{ kind: 'lstm', units: 64, activation: 'relu' }]), 'f32', threads);
    expect(started).toEqual([1]);
  });

  it('reports a worker that failed in a product for the next step', () => {
    const { start } = nodeThreads(3);
    const threads = eager(3, (task) => (task.thread === 1 ? start(task) : startFailingWorker(task, true)));
    const stepper = stepperWith(randomNetwork(shape), 'int8', threads);
    const slot = stepper.open();
    const until = Date.now() + 50_000;
    expect(() => {
      while (Date.now() < until) stepper.step([slot], [1]);
    }).toThrow(WebAssembly.RuntimeError);
  });

  it('reports a worker that failed in the middle of its part', async () => {
    const stepper = stepperWith(randomNetwork(shape), 'int8', eager(2, startFailingWorker));
    const slot = stepper.open();
    const until = Date.now() + 50_000;
    expect(() => {
      while (Date.now() < until) stepper.step([slot], [1]);
    }).toThrow(WebAssembly.RuntimeError);
  });
});
