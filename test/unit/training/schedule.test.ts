import { expect, test } from 'vitest';
import { learningRate } from '../../../training/loop/schedule.ts';

const settings = { learningRate: 0.01, warmUp: 10, finalRate: 0.1 };

test('learning rate: rises in a straight line, then falls along half a cosine to its final share', () => {
  expect(learningRate(0, 1000, settings)).toBeCloseTo(0.001, 5);
  expect(learningRate(4, 1000, settings)).toBeCloseTo(0.005, 5);
  expect(learningRate(500, 1000, settings)).toBeCloseTo(0.0055, 10);
  expect(learningRate(1000, 1000, settings)).toBeCloseTo(0.001, 10);
});

test('learning rate: a final share of 1 keeps it constant', () => {
  const constant = { learningRate: 0.01, warmUp: 0, finalRate: 1 };
  expect([0, 10, 99].map((step) => learningRate(step, 100, constant))).toEqual([0.01, 0.01, 0.01]);
});
