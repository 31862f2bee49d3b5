import { versionName } from '../store/model-name.ts';
import { publishVersion } from '../store/models.ts';
import { nativeSha256 } from '../store/native-checks.ts';
import type { Store } from '../store/store.ts';
import { type ImportedModel, type ImportOptions, importModel } from './import-model.ts';

export interface PublishedImport
  extends Pick<ImportedModel, 'format' | 'vocabulary' | 'alphabet' | 'alphabetFrom' | 'notes' | 'digest'> {
  readonly version: string;
}

/**
 * Imports a model and publishes it as the current version of its name. `userDefinedMetadata.folio.imported` says where
 * it came from: the file's name, its SHA-256 and what wrote it.
 *
 * @throws FolioError as `importModel`; `conflict` where another version became current meanwhile, `store_failed`
 */
export const publishImport = async (
  store: Store,
  name: string,
  bytes: Uint8Array,
  options: ImportOptions,
): Promise<PublishedImport> => {
  const imported = await importModel(bytes, { hash: nativeSha256, ...options });
  const { format, vocabulary, alphabet, alphabetFrom, notes, digest } = imported;
  const createdAt = new Date();
  const version = versionName(createdAt, digest);
  const source = { file: options.name, bytes: bytes.length, sha256: hexOf(nativeSha256([bytes])), format };
  const metadata = {
    ...{ format: 1, name, version, createdAt: createdAt.toISOString() },
    imported: { ...source, ...(notes.length === 0 ? {} : { notes }) },
  };
  await publishVersion(store, { name, version, files: imported.files(metadata) });
  return { version, digest, format, vocabulary, alphabet, alphabetFrom, notes };
};

const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
