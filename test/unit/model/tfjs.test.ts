import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, it } from 'vitest';
import { createKernelStepper } from '../../../src/model/kernel/kernel-stepper.ts';
import { layouts } from '../../layers-models.ts';
import { createReferenceStepper } from '../../oracles/reference-stepper.ts';
import { agreeWithStock } from '../../stock-tfjs.cases.ts';

describe('random LayersModels', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });

  it('give the logits of stock tfjs, in plain code and in the kernel', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(layouts, fc.array(fc.nat(), { minLength: 1, maxLength: 6 }), async (layout, text) => {
        await agreeWithStock(layout, text, (network) => [
          createReferenceStepper(network),
          createKernelStepper(network, 'f32'),
        ]);
      }),
      { numRuns: 60 },
    );
  });
});
