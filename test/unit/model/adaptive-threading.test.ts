import { expect, it } from 'vitest';
import { AdaptiveThreading } from '../../../src/model/kernel/threads/adaptive-threading.ts';
import { numbers } from '../../random-network.ts';

/** Steps of 4 runs at these costs, in ms a run. @returns the share of steps that were for all threads */
const share = (
  adaptive: AdaptiveThreading,
  steps: number,
  cost: { alone: number; together: number },
): number => {
  let together = 0;
  for (let step = 0; step < steps; step++) {
    if (adaptive.together) together++;
    adaptive.took(4 * (adaptive.together ? cost.together : cost.alone), 4);
  }
  return together / steps;
};

it('adaptive threading uses all threads while they are faster', () => {
  expect(share(new AdaptiveThreading(), 10_000, { alone: 2, together: 1 })).toBeGreaterThan(0.95);
});

it('adaptive threading uses one thread where workers are slower, and finds out when they no longer are', () => {
  const adaptive = new AdaptiveThreading();
  expect(share(adaptive, 10_000, { alone: 1, together: 3 })).toBeLessThan(0.05);
  share(adaptive, 1_000, { alone: 1, together: 0.5 });
  expect(share(adaptive, 10_000, { alone: 1, together: 0.5 })).toBeGreaterThan(0.95);
});

it('adaptive threading ignores a single long step', () => {
  const adaptive = new AdaptiveThreading();
  share(adaptive, 1_000, { alone: 0.02, together: 0.01 });
  adaptive.took(1, 4);
  expect(share(adaptive, 5_000, { alone: 0.02, together: 0.01 })).toBeGreaterThan(0.9);
});

/**
 * 20 seconds of steps on a machine where something else makes them 1 to 7 times as long, in spells of up to 0.4 s, and puts
 * the thread aside now and then. @returns the time they took over that of one thread on the same machine
 */
const onBusyMachine = (
  seed: number,
  { alone, together, stalls }: { alone: number; together: number; stalls: number },
): number => {
  const random = numbers(seed);
  const adaptive = new AdaptiveThreading();
  let now = 0;
  let alonesTime = 0;
  let load = 1;
  let spell = 0;
  while (now < 20_000) {
    if (now >= spell) {
      load = Math.exp(2 * random());
      spell = now + 20 + 400 * random();
    }
    const one = alone * load + (random() < alone / 40 ? 8 * random() : 0);
    const all = (one * together) / alone + (random() < stalls ? 4 : 0); // a worker that gets no processor for 4 ms
    const took = adaptive.together ? all : one;
    now += took;
    alonesTime += one;
    adaptive.took(took, 1);
  }
  return now / alonesTime;
};

it.each([
  ['a fifth slower', 0.02, 0.024, 0],
  ['half as fast', 0.02, 0.04, 0],
  ['a fifth slower', 0.5, 0.6, 0],
  ['half as fast', 2, 4, 0],
  ['twice as fast, but for a worker put aside in 1 % of the steps', 0.02, 0.01, 0.01],
  ['twice as fast, but for a worker put aside in 10 % of the steps', 0.02, 0.01, 0.1],
])('costs within 5 %% of one thread where all threads are %s: %d ms', (_, alone, together, stalls) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    expect(onBusyMachine(seed, { alone, together, stalls })).toBeLessThan(1.05);
  }
});

it.each([0.02, 0.5, 2])(
  'gains what all threads gain on a busy machine that leaves them alone: %d ms',
  (alone) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      expect(onBusyMachine(seed, { alone, together: alone / 2, stalls: 0 })).toBeLessThan(0.56);
    }
  },
);
