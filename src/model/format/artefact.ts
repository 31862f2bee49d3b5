import { FolioError } from '../../errors.ts';
import type { Network } from '../network.ts';
import type { Halves } from './halves.ts';
import { invalid, isObject, type Json, phrase, unsupported } from './invalid.ts';
import { readNetwork } from './layers-model.ts';
import { notAModel } from './other-files.ts';
import { joinShards, type KeepHalves, readManifest, Weights } from './weights.ts';

/**
 * Reads one of a model's files by its path relative to `model.json`; undefined where there is none. No more than
 * `limit` bytes are of use: a reader may refuse a longer file. Where the length is known beforehand it is
 * `expectedBytes`: a reader may fetch a long file in parts at once.
 */
export type ReadFile = (
  file: string,
  limit: number,
  expectedBytes?: number,
) => Promise<Uint8Array | undefined>;

/** A LayersModel as its files say it, checked; nothing is prepared for generation yet. */
export interface LayersModelArtefact<Encoded = never> {
  readonly network: Network<Encoded>;
  readonly modelTopology: unknown;
  readonly weightsManifest: unknown;
  readonly userDefinedMetadata: unknown;
  /** The bytes of the weights' files, in the order of the manifest. */
  readonly shards: readonly Uint8Array[];
}

const MODEL_LIMIT = 2 ** 24; // bytes of model.json

/**
 * Reads `model.json` and the weights that it names.
 *
 * @param meanwhile Done while the weights are on their way; it throws nothing.
 * @throws FolioError `model_not_found` without a `model.json`, `model_invalid` for files that contradict themselves,
 * `model_unsupported` for a model of another kind, naming layer, property and value
 */
export const readArtefact = async <Encoded extends Halves = never>(
  read: ReadFile,
  keepHalves?: KeepHalves<Encoded>,
  meanwhile?: () => void,
): Promise<LayersModelArtefact<Encoded>> => {
  const { format, modelTopology, weightsManifest, userDefinedMetadata } = await readModelJson(read);
  if (format !== undefined && format !== 'layers-model')
    throw unsupported('format', '"layers-model"', format);
  const groups = readManifest(weightsManifest);
  const reading = groups.map(({ byteLength, paths }) =>
    Promise.all(
      paths.map(async (path) => {
        const shard = await read(path, byteLength, paths.length === 1 ? byteLength : undefined);
        if (shard === undefined) throw invalid(path, 'a file of weights', undefined);
        return shard;
      }),
    ),
  );
  meanwhile?.();
  const shards = await Promise.all(reading);
  const weights = new Weights(
    groups,
    groups.map((group, g) => joinShards(group, shards[g]!)),
    keepHalves,
  );
  const network = readNetwork(modelTopology, weights);
  return { network, modelTopology, weightsManifest, userDefinedMetadata, shards: shards.flat() };
};

const readModelJson = async (read: ReadFile): Promise<Json> => {
  const bytes = await read('model.json', MODEL_LIMIT);
  if (bytes === undefined) {
    throw new FolioError('model_not_found', 'There is no model.json.', { where: 'model.json' });
  }
  if (bytes.length > MODEL_LIMIT) {
    throw invalid('model.json', `at most ${MODEL_LIMIT} bytes`, phrase(`${bytes.length} bytes`));
  }
  const text = new TextDecoder().decode(bytes);
  let artefact: unknown;
  try {
    artefact = JSON.parse(text);
  } catch {
    throw notAModel('model.json', text) ?? invalid('model.json', 'JSON', text.slice(0, 40));
  }
  if (isObject(artefact) && 'weightsManifest' in artefact) return artefact;
  const other = notAModel('model.json', text);
  if (other) throw other;
  if (!isObject(artefact)) throw invalid('model.json', 'an object', artefact);
  return artefact;
};
