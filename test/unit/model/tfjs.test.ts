import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createKernelStepper } from '../../../src/model/kernel/kernel-stepper.ts';
import { readNetwork } from '../../../src/model/layers-model.ts';
import { createReferenceStepper } from '../../../src/model/reference.ts';
import { joinShards, readManifest, Weights } from '../../../src/model/weights.ts';
import { type Artefact, artefactOf, type Layout, layouts } from '../../layers-models.ts';

/** Stock tfjs is the judge of the model format: whole sequences through its layers, against our steps. */
const networkOf = ({ json, shards }: Artefact) => {
  const groups = readManifest(json.weightsManifest);
  const data = groups.map((group) =>
    joinShards(
      group,
      group.paths.map((path) => shards.get(path)!),
    ),
  );
  return readNetwork(json.modelTopology, new Weights(groups, data));
};

describe('random LayersModels', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });

  it('give the logits of stock tfjs, in plain code and in the kernel', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        layouts,
        fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
        async (layout: Layout, text) => {
          const ids = text.map((value) => value % layout.vocabulary);
          const { artefact, logits } = await artefactOf(layout, ids);
          const network = networkOf(artefact);
          for (const stepper of [createReferenceStepper(network), createKernelStepper(network, 'f32')]) {
            const slot = stepper.open();
            const got = ids.flatMap((id) => [...stepper.step([slot], [id])]);
            const worst = Math.max(...got.map((value, i) => Math.abs(value - logits[i]!)));
            // Linear and relu units grow without bound: then float32 itself is coarser than that.
            const largest = logits.reduce((most, logit) => Math.max(most, Math.abs(logit)), 1);
            expect(worst).toBeLessThan(1e-4 * largest);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
