import type * as z from 'zod/mini';

type RareFields = typeof import('./rare-fields.ts');

let loaded: RareFields | undefined;

/** What checks the fields that few requests have, if it has been loaded. */
export const loadedRareFields = (): RareFields | undefined => loaded;

/**
 * Loads what checks the fields that few requests have.
 *
 * @param usual The schema of the usual fields.
 * @param names Of the fields that a request has.
 * @returns undefined for a request that has usual fields alone
 */
export const loadRareFields = async (
  usual: z.ZodMiniObject,
  names: Iterable<string>,
): Promise<RareFields | undefined> => {
  for (const name of names) {
    if (!Object.hasOwn(usual.shape, name)) {
      loaded = await import('./rare-fields.ts');
      return loaded;
    }
  }
  return undefined;
};
