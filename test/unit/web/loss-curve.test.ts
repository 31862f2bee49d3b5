import { expect, test } from 'vitest';
import type { TrainingJob } from '../../../src/client/client.ts';
import { lossCurve, lossSampleOf } from '../../../src/web/loss-curve.ts';

const progress = {
  epoch: 2,
  epochs: 4,
  step: 150,
  steps: 400,
  loss: 1.9,
  characters_per_second: 1,
  seconds_left: 1,
};

test('a sighting stands where the training is within its epochs', () => {
  expect(lossSampleOf({ progress } as TrainingJob)).toEqual({ epoch: 1.5, loss: 1.9 });
  expect(lossSampleOf({} as TrainingJob)).toBeUndefined();
  expect(lossSampleOf({ progress: { ...progress, step: 0 } } as TrainingJob)).toBeUndefined();
});

test('the curve goes through epochs and sightings in order', () => {
  const history = [
    { epoch: 1, loss: 2.5, validation_loss: 2.6 },
    { epoch: 2, loss: 2, validation_loss: 2.2 },
  ];
  const sightings = [
    { epoch: 0.5, loss: 3 },
    { epoch: 1.5, loss: 2.3 },
    { epoch: 2, loss: 2.1 },
  ];
  expect(lossCurve(history, sightings)).toEqual([
    [0.5, 1, 1.5, 2],
    [3, 2.5, 2.3, 2],
    [null, 2.6, null, 2.2],
  ]);
});
