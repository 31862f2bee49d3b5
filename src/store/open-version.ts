import { FolioError } from '../errors.ts';
import type { Model } from '../model/model.ts';
import { type OpenOptions, openModel } from '../model/open-model.ts';
import { modelFile, versionKey } from './keys.ts';
import { nativeSha256 } from './native-sha256.ts';
import type { Store } from './store.ts';

/** One version's files as a loader sees them. */
export interface ModelFiles {
  readonly name: string;
  readonly version: string;
  /**
   * The bytes of a file of the version, such as `model.json`, or undefined where there is none.
   *
   * @param expectedBytes Its length, or about.
   * @throws FolioError `model_not_found` where there is no `model.json`, and thus no such version
   */
  read(file: string, expectedBytes?: number): Promise<Uint8Array | undefined>;
}

/** The files of one version in a store. */
export const versionFiles = (store: Store, name: string, version: string): ModelFiles => ({
  name,
  version,
  read: async (file, expectedBytes) => {
    const options = expectedBytes === undefined ? {} : { expectedBytes };
    const object = await store.read(versionKey(name, version, file), options);
    if (object === undefined && file === modelFile) throw unknownVersion(name, version);
    return object?.bytes;
  },
});

/**
 * Opens one version of a model, whatever store it is in.
 *
 * @throws FolioError `model_not_found`, `model_invalid`, `model_unsupported`, `store_failed`
 */
export const openVersion = (files: ModelFiles, options: OpenOptions = {}): Promise<Model> => {
  const { name, version } = files;
  return openModel((file, limit) => files.read(file, limit), {
    name,
    version,
    hash: nativeSha256,
    ...options,
  });
};

const unknownVersion = (name: string, version: string): FolioError =>
  new FolioError('model_not_found', `There is no ${name}@${version}.`, {
    where: 'model',
    received: `${name}@${version}`,
  });
