import { expect, it } from 'vitest';
import { AdaptiveThreading } from '../../../src/model/kernel/threads/adaptive-threading.ts';

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
  expect(share(new AdaptiveThreading(), 10_000, { alone: 2, together: 1 })).toBeGreaterThan(0.99);
});

it('adaptive threading uses mostly one thread where workers are slower, and measures again', () => {
  const adaptive = new AdaptiveThreading();
  expect(share(adaptive, 10_000, { alone: 1, together: 3 })).toBeLessThan(0.25);
  share(adaptive, 2_000, { alone: 1, together: 0.5 });
  expect(share(adaptive, 10_000, { alone: 1, together: 0.5 })).toBe(1);
});

it('adaptive threading ignores a single long step', () => {
  const adaptive = new AdaptiveThreading();
  share(adaptive, 1_000, { alone: 0.02, together: 0.01 });
  adaptive.took(1, 4);
  expect(share(adaptive, 1_000, { alone: 0.02, together: 0.01 })).toBe(1);
});

it('costs within 5 % of one thread where workers are put aside now and then', () => {
  const adaptive = new AdaptiveThreading();
  let milliseconds = 0;
  const steps = 200_000;
  for (let step = 0; step < steps; step++) {
    // Together half as long, but one step in 100 waits for a worker that gets no processor for 4 ms.
    const cost = adaptive.together ? (step % 100 === 0 ? 4 : 0.01) : 0.02;
    milliseconds += cost;
    adaptive.took(cost, 1);
  }
  expect(milliseconds / (steps * 0.02)).toBeLessThan(1.05);
});

it('measures one thread anew from time to time', () => {
  const adaptive = new AdaptiveThreading();
  share(adaptive, 200, { alone: 4, together: 3 }); // a busy machine
  share(adaptive, 40_000, { alone: 1, together: 3 });
  expect(share(adaptive, 10_000, { alone: 1, together: 3 })).toBeLessThan(0.1);
});
