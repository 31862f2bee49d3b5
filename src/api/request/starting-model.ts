import { FolioError } from '../../errors.ts';
import { modelFile, versionKey } from '../../store/keys.ts';
import { parseModelReference } from '../../store/model-name.ts';
import { currentVersion } from '../../store/models.ts';
import type { Store } from '../../store/store.ts';

/** In place of a model's name: fresh weights, whatever the preset would choose. */
const NO_MODEL = 'none';

/**
 * Looks for the model that a training is to start from, so that a request for one that is not there is refused before
 * anything is uploaded or queued.
 *
 * @param from NAME, NAME@VERSION or `none`; undefined where the preset decides.
 * @throws FolioError `model_not_found`
 */
export const checkStartingModel = async (store: Store, from: string | undefined): Promise<void> => {
  if (from === undefined || from === NO_MODEL) return;
  const { name, version = await currentVersion(store, name) } = parseModelReference(from);
  if (version !== undefined && (await store.stat(versionKey(name, version, modelFile))) !== undefined) return;
  throw new FolioError('model_not_found', `There is no model ${from} to start from.`, {
    where: 'from',
    expected: 'the name of a model in the store, name@version, or none',
    received: from,
  });
};
