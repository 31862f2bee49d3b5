import { readNetwork } from '../../src/model/format/layers-model.ts';
import { joinShards, readManifest, Weights } from '../../src/model/format/weights.ts';
import { createKernelStepper } from '../../src/model/kernel/kernel-stepper.ts';
import type { EvaluatedModel } from './gate.ts';

/**
 * A saved model in the engine that will serve it, in f32, to be measured.
 *
 * @param read Gives the bytes of `model.json` and of its weights, by name.
 * @throws FolioError `model_invalid`, `model_unsupported`
 */
export const openEvaluatedModel = async (
  read: (name: string) => Promise<Uint8Array>,
): Promise<EvaluatedModel> => {
  const json = JSON.parse(new TextDecoder().decode(await read('model.json'))) as {
    modelTopology: unknown;
    weightsManifest: unknown;
    userDefinedMetadata: { folio: { alphabet: readonly string[] } };
  };
  const groups = readManifest(json.weightsManifest);
  const data: Uint8Array[] = [];
  for (const group of groups) data.push(joinShards(group, await Promise.all(group.paths.map(read))));
  const stepper = createKernelStepper(readNetwork(json.modelTopology, new Weights(groups, data)), 'f32');
  return {
    alphabet: json.userDefinedMetadata.folio.alphabet,
    start: () => {
      const slot = stepper.open();
      return (id) => stepper.step([slot], [id]);
    },
  };
};
