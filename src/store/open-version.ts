import { damaged } from '../model/format/version-digests.ts';
import type { Model } from '../model/model.ts';
import { type OpenOptions, openModel } from '../model/open-model.ts';
import { nativeSha256 } from './native-checks.ts';
import type { ModelFiles } from './version-files.ts';

/**
 * Opens one version of a model, whatever store it is in, and only as it was published: every file is checked against
 * `digests.json`. Of a version from before there were such digests, weights and topology are checked against the digits
 * that its name ends with.
 *
 * @throws FolioError `model_not_found`, `model_damaged`, `model_invalid`, `model_unsupported`, `store_failed`
 */
export const openVersion = async (files: ModelFiles, options: OpenOptions = {}): Promise<Model> => {
  const { name, version } = files;
  const model = await openModel((file, _limit, expectedBytes) => files.read(file, expectedBytes), {
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
