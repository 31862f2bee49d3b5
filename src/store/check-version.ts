import { isFolioError } from '../errors.ts';
import { readArtefact } from '../model/format/artefact.ts';
import { copyIndexFile } from './keys.ts';
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
  await readArtefact((file, _limit, expectedBytes) => files.read(file, expectedBytes));
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
