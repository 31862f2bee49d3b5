import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { currentVersion } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import { type ModelFileReader, modelFiles } from './model-files.ts';

const NAME = 'shakespeare';

/** The shipped model, from which the preset `auto` may start: the checkout's, or the store's; none where neither has it. */
export const baseModel = async (store: Store): Promise<ModelFileReader | undefined> => {
  const own = fileURLToPath(new URL(`../../models/${NAME}`, import.meta.url));
  if (existsSync(own)) return modelFiles(own, store);
  return (await currentVersion(store, NAME)) === undefined ? undefined : modelFiles(NAME, store);
};
