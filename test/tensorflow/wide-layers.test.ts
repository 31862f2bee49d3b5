import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKernelStepper } from '../../src/model/kernel/kernel-stepper.ts';
import { loadTensorFlow } from '../../training/loop/tensorflow.ts';
import { type Layout, wideLayouts } from '../layers-models.ts';
import { createQuantisedReferenceStepper } from '../oracles/quantised-reference-stepper.ts';
import { agreeWithStock } from '../stock-tfjs.cases.ts';

loadTensorFlow();

/** f32 by stock tfjs, int8 and int4 by their plain twins: bit for bit. */
const holds = async (layout: Layout, text: readonly number[]): Promise<void> => {
  const network = await agreeWithStock(layout, text, (read) => [createKernelStepper(read, 'f32')]);
  const widest = Math.max(...network.layers.map(({ units }) => units));
  // The plain twin of int4 takes minutes to round what is wider.
  for (const precision of widest > 512 ? (['int8'] as const) : (['int8', 'int4'] as const)) {
    const [twin, ...kernels] = [
      createQuantisedReferenceStepper(network, precision),
      createKernelStepper(network, precision, { relaxed: false }),
      createKernelStepper(network, precision, { relaxed: true, fusedDot: false }),
      createKernelStepper(network, precision, { relaxed: true, fusedDot: true }),
    ];
    const slots = [twin!, ...kernels].map((stepper) => stepper.open());
    for (const value of text) {
      const id = value % layout.vocabulary;
      const expected = twin!.step([slots[0]!], [id]).slice();
      kernels.forEach((kernel, i) => {
        expect(kernel.step([slots[i + 1]!], [id])).toEqual(expected);
      });
    }
  }
};

describe('layers of 1 to 4,096 units', () => {
  it('give the logits of stock tfjs, and in int8 and int4 the bits of the plain twin', async () => {
    const texts = fc.array(fc.nat(), { minLength: 2, maxLength: 4 });
    await fc.assert(fc.asyncProperty(wideLayouts, texts, holds), { numRuns: 40 });
  });

  it.each(['lstm', 'gru'] as const)('the widest %s', async (kind) => {
    await holds(
      {
        vocabulary: 65,
        embedding: undefined,
        layers: [{ kind, units: [4096], activation: 'tanh', recurrentActivation: 'sigmoid', useBias: true }],
        functional: false,
        end: 'softmax',
        distributed: false,
        dropout: false,
        between: [],
        useBias: true,
        shards: 3,
        seed: 1,
      },
      [1, 2, 3],
    );
  });
});
