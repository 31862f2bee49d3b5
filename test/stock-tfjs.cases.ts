import { expect } from 'vitest';
import { readNetwork } from '../src/model/layers-model.ts';
import type { Network } from '../src/model/network.ts';
import type { Stepper } from '../src/model/stepper.ts';
import { joinShards, readManifest, Weights } from '../src/model/weights.ts';
import { type Artefact, artefactOf, type Layout } from './layers-models.ts';

const networkOf = ({ json, shards }: Artefact): Network => {
  const groups = readManifest(json.weightsManifest);
  const data = groups.map((group) =>
    joinShards(
      group,
      group.paths.map((path) => shards.get(path)!),
    ),
  );
  return readNetwork(json.modelTopology, new Weights(groups, data));
};

/** Stock tfjs is the judge of the model format: a whole sequence through its layers, against our steps. */
export const agreeWithStock = async (
  layout: Layout,
  text: readonly number[],
  steppersOf: (network: Network) => readonly Stepper[],
): Promise<Network> => {
  const ids = text.map((value) => value % layout.vocabulary);
  const { artefact, logits } = await artefactOf(layout, ids);
  const network = networkOf(artefact);
  for (const stepper of steppersOf(network)) {
    const slot = stepper.open();
    const got = ids.flatMap((id) => [...stepper.step([slot], [id])]);
    const worst = Math.max(...got.map((value, i) => Math.abs(value - logits[i]!)));
    // Linear and relu units grow without bound: then float32 itself is coarser than that.
    const largest = logits.reduce((most, logit) => Math.max(most, Math.abs(logit)), 1);
    expect(worst).toBeLessThan(1e-4 * largest);
  }
  return network;
};
