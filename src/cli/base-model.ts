import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isFolioError } from '../errors.ts';
import { currentVersion } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import { type ModelFileReader, modelFiles } from './model-files.ts';

const NAME = 'shakespeare';

/**
 * The shipped model, from which the preset `auto` may start: the checkout's or the package's, else the store's; none where neither has it
 * or the store cannot be asked.
 */
export const baseModel = async (store: Store): Promise<ModelFileReader | undefined> => {
  const own = fileURLToPath(new URL(`../../models/${NAME}`, import.meta.url));
  if (existsSync(own)) return modelFiles(own, store);
  const version = await currentVersion(store, NAME).catch((error: unknown) => {
    if (isFolioError(error)) return undefined;
    throw error;
  });
  return version === undefined ? undefined : modelFiles(NAME, store);
};
