import { FolioError } from '../errors.ts';
import type { Model } from '../model/model.ts';
import { type OpenOptions, openModel } from '../model/open-model.ts';
import { damaged, VersionDigests } from './digests.ts';
import { digestsFile, modelFile, versionKey } from './keys.ts';
import { nativeSha256 } from './native-sha256.ts';
import type { Store } from './store.ts';

/** One version's files as a loader sees them. */
export interface ModelFiles {
  readonly name: string;
  readonly version: string;
  /**
   * The bytes of a file of the version, such as `model.json`, or undefined where there is none. Nothing is given that
   * differs from what was published.
   *
   * @param expectedBytes Its length, or about.
   * @throws FolioError `model_damaged`; `model_not_found` where there is no `model.json`, and thus no such version
   */
  read(file: string, expectedBytes?: number): Promise<Uint8Array | undefined>;
  /** What the files are checked against; undefined for a version that was published without. */
  digests(): Promise<VersionDigests | undefined>;
}

/** The files of one version in a store. */
export const versionFiles = (store: Store, name: string, version: string): ModelFiles => ({
  name,
  version,
  ...checkedFiles(
    async (file, expectedBytes) => {
      const options = expectedBytes === undefined ? {} : { expectedBytes };
      return (await store.read(versionKey(name, version, file), options))?.bytes;
    },
    `${name}@${version}`,
    () => unknownVersion(name, version),
  ),
});

/**
 * Checks everything that is read against the version's digests, which are read once, beside the first file.
 *
 * @param where The version, for messages.
 * @param missing The error where there is no `model.json`.
 */
export const checkedFiles = (
  read: (file: string, expectedBytes?: number) => Promise<Uint8Array | undefined>,
  where: string,
  missing: () => FolioError,
): Pick<ModelFiles, 'read' | 'digests'> => {
  let reading: Promise<VersionDigests | undefined> | undefined;
  const digests = (): Promise<VersionDigests | undefined> => {
    reading ??= read(digestsFile).then(
      (bytes) => bytes && VersionDigests.parse(bytes, where),
      (error: unknown) => {
        reading = undefined;
        throw error;
      },
    );
    return reading;
  };
  return {
    digests,
    read: async (file, expectedBytes) => {
      const [bytes, published] = await Promise.all([read(file, expectedBytes), digests()]);
      if (bytes === undefined && file === modelFile) throw missing();
      if (file !== digestsFile) published?.check(where, file, bytes);
      return bytes;
    },
  };
};

/**
 * Opens one version of a model, whatever store it is in, and only as it was published: every file is checked against
 * `digests.json`. Of a version from before there were such digests, weights and topology are checked against the digits
 * that its name ends with.
 *
 * @throws FolioError `model_not_found`, `model_damaged`, `model_invalid`, `model_unsupported`, `store_failed`
 */
export const openVersion = async (files: ModelFiles, options: OpenOptions = {}): Promise<Model> => {
  const { name, version } = files;
  const model = await openModel((file, limit) => files.read(file, limit), {
    name,
    version,
    hash: nativeSha256,
    ...options,
  });
  if ((await files.digests()) === undefined) checkName(files, model);
  return model;
};

const checkName = ({ name, version }: ModelFiles, model: Model): void => {
  const digits = /^\d{8}T\d{6}Z-([0-9a-f]{8})$/.exec(version)?.[1];
  const { folio } = model.info.metadata as { folio?: { version?: unknown } };
  if (digits === undefined || folio?.version !== version) return; // a name that somebody chose
  const digest = model.info.digest.replace('sha256:', '');
  if (digest.startsWith(digits)) return;
  model.dispose();
  throw damaged(`${name}@${version}`, 'the weights', `a digest of ${digits}…`, `${digest.slice(0, 8)}…`);
};

const unknownVersion = (name: string, version: string): FolioError =>
  new FolioError('model_not_found', `There is no ${name}@${version}.`, {
    where: 'model',
    received: `${name}@${version}`,
  });
