import { FolioError } from '../errors.ts';
import { type Checks, VersionDigests } from '../model/format/version-digests.ts';
import { digestsFile, modelFile, versionKey } from './keys.ts';
import { fullChecks } from './native-checks.ts';
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
export const versionFiles = (
  store: Store,
  name: string,
  version: string,
  checks: Checks = fullChecks,
): ModelFiles => ({
  name,
  version,
  ...checkedFiles(
    async (file, expectedBytes) => {
      const options = expectedBytes === undefined ? {} : { expectedBytes };
      return (await store.read(versionKey(name, version, file), options))?.bytes;
    },
    `${name}@${version}`,
    () => unknownVersion(name, version),
    checks,
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
  checks: Checks = fullChecks,
): Pick<ModelFiles, 'read' | 'digests'> => {
  let reading: Promise<VersionDigests | undefined> | undefined;
  const digests = (): Promise<VersionDigests | undefined> => {
    reading ??= read(digestsFile).then(
      (bytes) => bytes && VersionDigests.parse(bytes, where, checks),
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

const unknownVersion = (name: string, version: string): FolioError =>
  new FolioError('model_not_found', `There is no ${name}@${version}.`, {
    where: 'model',
    received: `${name}@${version}`,
  });
