import { isFolioError } from '../errors.ts';
import { invalid, isObject } from '../model/format/invalid.ts';
import { readNetwork } from '../model/format/layers-model.ts';
import { joinShards, readManifest, Weights } from '../model/format/weights.ts';
import { copyIndexFile, modelFile } from './keys.ts';
import type { Store } from './store.ts';
import { type ModelFiles, versionFiles } from './version-files.ts';

/** What was found of one version. */
export interface VersionFindings {
  /** `intact`: every file is as it was published. `unverified`: it can be read, and was published without digests. */
  readonly state: 'intact' | 'unverified' | 'damaged';
  /** What is wrong with each damaged file. */
  readonly faults: readonly string[];
}

/**
 * Reads all that a server would of a version, short of preparing it for generation: no kernel is needed.
 *
 * @throws FolioError `model_not_found`, `model_damaged`, `model_invalid`, `model_unsupported`, `store_failed`
 */
export async function checkReadable(files: ModelFiles): Promise<void> {
  const bytes = await files.read(modelFile);
  let artefact: unknown;
  try {
    artefact = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid(modelFile, 'JSON', new TextDecoder().decode(bytes?.subarray(0, 40)));
  }
  if (!isObject(artefact)) throw invalid(modelFile, 'an object', artefact);
  const groups = readManifest(artefact.weightsManifest);
  const data: Uint8Array[] = [];
  for (const group of groups) {
    const shards = await Promise.all(
      group.paths.map(async (path) => {
        const shard = await files.read(path, group.byteLength);
        if (shard === undefined) throw invalid(path, 'a file of weights', 'none');
        return shard;
      }),
    );
    data.push(joinShards(group, shards));
  }
  readNetwork(artefact.modelTopology, new Weights(groups, data));
  await files.read(copyIndexFile);
}

/** Checks one version: that the model can be read, and every published file against its digest. */
export async function verifyVersion(store: Store, name: string, version: string): Promise<VersionFindings> {
  const files = versionFiles(store, name, version);
  const faults: string[] = [];
  const note = (error: unknown): void => {
    if (!isFolioError(error) || error.code === 'store_failed') throw error;
    if (!faults.includes(error.message)) faults.push(error.message);
  };
  await checkReadable(files).catch(note);
  const digests = await files.digests().catch(note);
  for (const file of digests?.files ?? []) await files.read(file).catch(note);
  if (faults.length > 0) return { state: 'damaged', faults };
  return { state: digests === undefined ? 'unverified' : 'intact', faults };
}
