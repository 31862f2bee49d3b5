import { FolioError } from '../../src/errors.ts';
import { readArtefact } from '../../src/model/format/artefact.ts';
import { digestLater } from '../../src/model/format/digest.ts';
import type { Halves } from '../../src/model/format/halves.ts';
import type { KeepHalves } from '../../src/model/format/weights.ts';
import type { Network } from '../../src/model/network.ts';
import { nativeSha256 } from '../../src/store/native-checks.ts';

/** A model as it was published: its weights as plain arrays, unless halves were kept. */
export interface SavedModel<Encoded = never> {
  readonly network: Network<Encoded>;
  /** In id order. */
  readonly alphabet: readonly string[];
  /** `sha256:…` over topology, weights manifest and weights. */
  readonly digest: string;
  readonly name?: string;
  readonly version?: string;
}

/** Gives the bytes of `model.json` and of its weights, by name. */
export type ReadModelFile = (name: string) => Promise<Uint8Array>;

/** @throws FolioError `model_not_found`, `model_invalid` (also for a model that does not say its alphabet), `model_unsupported` */
export const readSavedModel = async <Encoded extends Halves = never>(
  read: ReadModelFile,
  keepHalves?: KeepHalves<Encoded>,
): Promise<SavedModel<Encoded>> => {
  const artefact = await readArtefact(read, keepHalves);
  const { network, modelTopology, weightsManifest, userDefinedMetadata, shards } = artefact;
  const { alphabet, name, version } =
    (
      userDefinedMetadata as
        | { folio?: Partial<Pick<SavedModel, 'alphabet' | 'name' | 'version'>> }
        | undefined
    )?.folio ?? {};
  if (alphabet === undefined)
    throw new FolioError(
      'model_invalid',
      'This model does not say its alphabet: `folio import` adds one, and makes it a model that training can start from.',
      {
        where: 'model.json: userDefinedMetadata.folio.alphabet',
        expected: 'an array of characters',
        received: 'nothing',
      },
    );
  return {
    network,
    alphabet,
    digest: digestLater(modelTopology, weightsManifest, shards, nativeSha256)(),
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
  };
};
