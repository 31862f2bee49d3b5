import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FolioError } from '../errors.ts';
import { listCandidates, listModels } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import { folioLine } from './command-line.ts';

const SHOWN = 8; // names in a message

/** Whether a store is no folder: `s3://…`, `https://…`. */
export const isRemote = (location: string): boolean => /^(?:s3|https?):\/\//i.test(location);

/** Where a store is: a folder's absolute path, or an address. */
export const placeOf = ({ location }: Store): string => {
  if (isRemote(location)) return location;
  return resolve(location.startsWith('file:') ? fileURLToPath(location) : location);
};

/** What models a store holds, in a sentence; empty where it cannot be listed. */
export const contentsOf = async (store: Store): Promise<string> => {
  const place = placeOf(store);
  if (!isRemote(place) && !existsSync(place)) return 'That folder does not exist.';
  const names = await listModels(store).then(
    (models) => models.map(({ name }) => name),
    () => undefined,
  );
  if (names === undefined) return '';
  if (names.length === 0) return 'It holds no models.';
  const more = names.length - SHOWN;
  return `It holds ${names.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
};

/** `model_not_found` with the place that was looked in, and what is there. */
export const noSuchModel = async (store: Store, name: string): Promise<FolioError> => {
  const [candidate] = await listCandidates(store, name).catch(() => []);
  const place = placeOf(store);
  const message =
    candidate === undefined
      ? `There is no model ${name} in ${place}. ${await contentsOf(store)}`.trimEnd()
      : `Of ${name} there is only what the gate rejected, in ${place}. ${folioLine('publish', name)} publishes it.`;
  return new FolioError('model_not_found', message, {
    where: 'model',
    expected: 'a model of this store',
    received: name,
  });
};
