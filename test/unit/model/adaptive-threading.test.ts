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
    const all = adaptive.together;
    if (all) together++;
    adaptive.took(4 * (all ? cost.together : cost.alone), 4, all);
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
  adaptive.took(1, 4, adaptive.together);
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
    const helped = adaptive.together;
    const took = helped ? all : one;
    now += took;
    alonesTime += one;
    adaptive.took(took, 1, helped);
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
])('costs hardly more than one thread where all threads are %s: %d ms', (_, alone, together, stalls) => {
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

/**
 * Steps on a machine where a second processor is there for spells of about so many ms: a step that one ends in lasts until the
 * next begins, and steps without it are one thread's. @returns the steps a ms over those of one thread
 */
const withSecondProcessor = (
  seed: number,
  { alone, together, there, gone }: { alone: number; together: number; there: number; gone: number },
): number => {
  const random = numbers(seed);
  const spell = (mean: number): number => -mean * Math.log(1 - random());
  const adaptive = new AdaptiveThreading();
  let now = 0;
  let steps = 0;
  let until = spell(there); // when the second processor goes
  let back = until + spell(gone);
  for (; now < 5_000; steps++) {
    while (now >= back) {
      until = back + spell(there);
      back = until + spell(gone);
    }
    const helped = adaptive.together && now < until;
    let took = helped ? together : alone;
    if (helped && now + took > until) took = back + together - now;
    now += took;
    adaptive.took(took, 1, helped);
  }
  return (steps / now) * alone;
};

it.each([
  ['4 ms of 28', 0.02, 4, 24],
  ['4 ms of 28', 0.5, 4, 24],
  ['4 ms of 8', 0.02, 4, 4],
  ['20 ms of 80', 0.02, 20, 60],
])(
  'costs hardly more than one thread where there is a second processor for %s: %d ms',
  (_, alone, there, gone) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      expect(withSecondProcessor(seed, { alone, together: alone / 2, there, gone })).toBeGreaterThan(0.95);
    }
  },
);

it.each([
  ['for 2 ms of 100', 98, 2, 1.8],
  ['for 4 ms of 50', 46, 4, 1.6],
  ['for 1 ms of 10', 9, 1, 1.6],
])('keeps to all threads where something takes the second processor: %s', (_, there, gone, gain) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    expect(withSecondProcessor(seed, { alone: 0.02, together: 0.01, there, gone })).toBeGreaterThan(gain);
  }
});

it('does not judge by steps in which no worker took part, nor by those in which workers were new', () => {
  const adaptive = new AdaptiveThreading();
  for (let step = 0; step < 2_000; step++) adaptive.took(0.02, 1, false); // workers start
  let late = 5; // ms of the first step that has help
  let together = 0;
  for (let step = 0; step < 2_000; step++) {
    const helped = adaptive.together;
    adaptive.took(helped ? 0.01 + late : 0.02, 1, helped);
    if (helped) {
      late = 0;
      together++;
    }
  }
  expect(together).toBeGreaterThan(1_500);
});
