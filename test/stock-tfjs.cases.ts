import fc from 'fast-check';
import { expect } from 'vitest';
import { readNetwork } from '../src/model/format/layers-model.ts';
import { joinShards, readManifest, Weights } from '../src/model/format/weights.ts';
import type { Network } from '../src/model/network.ts';
import type { Stepper } from '../src/model/stepper.ts';
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
    let peak = 1; // linear and relu units may blow a state up, and its errors with it
    const got = ids.flatMap((id) => {
      const row = [...stepper.step([slot], [id])];
      peak = [...row, ...stepper.read(slot)].reduce((most, value) => Math.max(most, Math.abs(value)), peak);
      return row;
    });
    fc.pre(peak < 1e6);
    const worst = Math.max(...got.map((value, i) => Math.abs(value - logits[i]!)));
    expect(worst).toBeLessThan(1e-4 * peak);
  }
  return network;
};
