import { digestLater } from '../../src/model/format/digest.ts';
import { readNetwork } from '../../src/model/format/layers-model.ts';
import { joinShards, readManifest, Weights } from '../../src/model/format/weights.ts';
import type { Network } from '../../src/model/network.ts';
import { nativeSha256 } from '../../src/store/native-sha256.ts';

/** A model as it was published: its weights as plain arrays. */
export interface SavedModel {
  readonly network: Network;
  /** In id order. */
  readonly alphabet: readonly string[];
  /** `sha256:…` over topology, weights manifest and weights. */
  readonly digest: string;
  readonly name?: string;
  readonly version?: string;
}

/** Gives the bytes of `model.json` and of its weights, by name. */
export type ReadModelFile = (name: string) => Promise<Uint8Array>;

/** @throws FolioError `model_invalid`, `model_unsupported` */
export const readSavedModel = async (read: ReadModelFile): Promise<SavedModel> => {
  const json = JSON.parse(new TextDecoder().decode(await read('model.json'))) as {
    modelTopology: unknown;
    weightsManifest: unknown;
    userDefinedMetadata: { folio: Pick<SavedModel, 'alphabet' | 'name' | 'version'> };
  };
  const groups = readManifest(json.weightsManifest);
  const shards = await Promise.all(groups.map((group) => Promise.all(group.paths.map(read))));
  const data = groups.map((group, index) => joinShards(group, shards[index]!));
  const { alphabet, name, version } = json.userDefinedMetadata.folio;
  return {
    network: readNetwork(json.modelTopology, new Weights(groups, data)),
    alphabet,
    digest: digestLater(json.modelTopology, json.weightsManifest, shards.flat(), nativeSha256)(),
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
  };
};
