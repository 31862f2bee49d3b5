import { expect, it } from 'vitest';
import { Pace } from '../../../src/model/kernel/pace.ts';

/** Steps of 4 runs at these costs, in ms a run. @returns the share of steps that were for all threads */
const share = (pace: Pace, steps: number, cost: { alone: number; together: number }): number => {
  let together = 0;
  for (let step = 0; step < steps; step++) {
    if (pace.together) together++;
    pace.took(4 * (pace.together ? cost.together : cost.alone), 4);
  }
  return together / steps;
};

it('keeps to all threads while they are faster', () => {
  expect(share(new Pace(), 10_000, { alone: 2, together: 1 })).toBeGreaterThan(0.99);
});

it('keeps mostly to one where helpers hold it up, and looks again', () => {
  const pace = new Pace();
  expect(share(pace, 10_000, { alone: 1, together: 3 })).toBeLessThan(0.25);
  share(pace, 2_000, { alone: 1, together: 0.5 });
  expect(share(pace, 10_000, { alone: 1, together: 0.5 })).toBe(1);
});

it('is not put off by a single long step', () => {
  const pace = new Pace();
  share(pace, 1_000, { alone: 0.02, together: 0.01 });
  pace.took(1, 4);
  expect(share(pace, 1_000, { alone: 0.02, together: 0.01 })).toBe(1);
});
