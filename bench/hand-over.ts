import { createKernelStepper } from '../src/model/kernel/kernel-stepper.ts';
import { AdaptiveThreading } from '../src/model/kernel/threads/adaptive-threading.ts';
import type { Stepper } from '../src/model/stepper.ts';
import { nodeThreads } from '../src/threads.ts';
import { benchOptions, interleave, type Measured, median, report, type Subject } from './harness.ts';
import { argmax, benchNetwork, sizes } from './networks.ts';

/**
 * One text by one thread and by two, where both processors are free: what sharing a step costs by itself, of networks
 * so small that their halves take next to no time (32 units a layer, every step shared), and what it gains in large
 * ones, where the clock decides as ever. Of times in which the threads had no processor each, nothing is to be learned:
 * a measurement is repeated until its processor time says that they had.
 */
const SPAN = 10; // milliseconds of a measurement
const TRIES = 300; // until one is taken as it is
const FREE = 0.96; // of the processors' time, that a measurement must have had

const { json, rounds, wanted } = benchOptions(15);
let disturbed = 0;

/** Microseconds a step, of so many threads. The second spins between steps, so it takes a whole processor. */
const timed = async (step: () => void, threads: number): Promise<number> => {
  for (let tries = 1; ; tries++) {
    for (let i = 0; i < 64; i++) step(); // a worker that sleeps has come by then
    const used = process.cpuUsage();
    const start = performance.now();
    let steps = 0;
    let elapsed = 0;
    for (; elapsed < SPAN; elapsed = performance.now() - start) {
      for (let i = 0; i < 32; i++) step();
      steps += 32;
    }
    const { user, system } = process.cpuUsage(used);
    const free = (user + system) / 1000 / elapsed > FREE * threads;
    if (!free && tries < TRIES) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      continue;
    }
    if (!free) disturbed++;
    return (1000 * elapsed) / steps;
  }
};

const together = Object.getOwnPropertyDescriptor(AdaptiveThreading.prototype, 'together')!.get!;
let always = false;
Object.defineProperty(AdaptiveThreading.prototype, 'together', {
  get(this: AdaptiveThreading): boolean {
    return always || together.call(this);
  },
});

const steppers: Stepper[] = [];
const small = [1, 2, 3].map((layers) => new Array<number>(layers).fill(32));
const large = [sizes['1x512'], sizes['3x1024']];
const named = [...small, ...large].map((units) => ({ name: `${units.length} x ${units[0]}`, units }));
const subjects = named.flatMap(({ name, units }): Subject[] => {
  const network = benchNetwork(units);
  const isSmall = small.includes(units);
  return [1, 2].flatMap((threads) => {
    const subject = threads === 1 ? 'one thread' : 'two threads';
    if (!wanted(name, subject)) return [];
    const partBytes = isSmall ? 1 : nodeThreads().partBytes;
    const stepper = createKernelStepper(network, 'int8', {
      threads: threads > 1 ? { ...nodeThreads(threads), startAfter: -1, partBytes } : undefined,
    });
    steppers.push(stepper);
    const slots = [stepper.open()];
    const ids = [1];
    const step = (): void => {
      const logits = stepper.step(slots, ids);
      if (!isSmall) ids[0] = argmax(logits, 0, network.vocabulary);
    };
    const measure = (): Promise<number> => {
      always = isSmall;
      return timed(step, threads);
    };
    return [{ case: name, subject, unit: 'us a step', measure }];
  });
});
for (const { measure } of subjects) await measure(); // warm
disturbed = 0;
const cases = await interleave(subjects, rounds);

const notes = named.flatMap(({ name, units }): string[] => {
  const of = (subject: string): Measured | undefined =>
    cases.find((one) => one.case === name && one.subject === subject);
  const [one, two] = [of('one thread'), of('two threads')];
  if (!one || !two) return [];
  if (large.includes(units))
    return [`${name}: two threads are ${(one.median / two.median).toFixed(2)} times as fast as one.`];
  const cost = median(two.runs) - median(one.runs);
  return [`${name}: sharing a step costs ${cost.toFixed(2)} us.`];
});
if (disturbed > 0)
  notes.push(`${disturbed} measurements had no free processors: repeat them on an idle machine.`);
report(cases, { json, notes });
for (const stepper of steppers) stepper.dispose();
