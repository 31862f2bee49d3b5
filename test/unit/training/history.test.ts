import { expect, test } from 'vitest';
import type { StepEvent } from '../../../training/events.ts';
import { EventHistory } from '../../../training/report/event-history.ts';

const stepAt = (step: number): StepEvent => ({
  ...{ type: 'step', epoch: 1, step, loss: 1, epochLoss: 1, learningRate: 0.1, gradientNorm: 1 },
  ...{ charactersPerSecond: 1, seconds: step, secondsLeft: 1 },
});

test('event history: of many steps an even choice is kept with the first; everything else is kept whole', () => {
  const history = new EventHistory();
  for (let step = 1; step <= 20_000; step += 1) history.add(stepAt(step));
  for (let epoch = 1; epoch <= 900; epoch += 1) {
    history.add({ type: 'validation', epoch, step: epoch, loss: 1, best: true });
  }
  const steps = history.events.filter((event) => event.type === 'step').map(({ step }) => step);
  expect(steps.length).toBeGreaterThan(200);
  expect(steps.length).toBeLessThanOrEqual(601);
  expect(steps[0]).toBe(1);
  expect(steps.at(-1)).toBeGreaterThan(19_000);
  const gaps = steps.slice(1).map((step, at) => step - steps[at]!);
  expect(Math.max(...gaps)).toBeLessThan(200);
  expect(history.events.filter(({ type }) => type === 'validation')).toHaveLength(900);
});

test('event history: a resumed run continues the events of the run before', () => {
  const before = new EventHistory();
  for (let step = 1; step <= 100; step += 1) before.add(stepAt(step));
  const after = new EventHistory(before.events);
  after.add(stepAt(101));
  expect(after.events).toHaveLength(101);
});
