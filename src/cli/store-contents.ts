import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
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

/** `Did you mean village?`, as commander says it of commands; nothing where no name is alike. */
const suggestion = (name: string, names: readonly string[]): string => {
  const program = new Command().exitOverride().helpCommand(false).helpOption(false);
  program.configureOutput({ writeErr: () => undefined });
  for (const one of names) program.command(one);
  try {
    program.parse(['--', name], { from: 'user' });
  } catch (error) {
    return /Did you mean [^?]*\?/.exec(String(error))?.[0] ?? '';
  }
  return '';
};

/**
 * What models a store holds, in a sentence; empty where it cannot be listed.
 *
 * @param wanted A name that it does not hold: one like it is proposed.
 */
export const contentsOf = async (store: Store, wanted?: string): Promise<string> => {
  const place = placeOf(store);
  if (!isRemote(place) && !existsSync(place)) return 'That folder does not exist.';
  const names = await listModels(store).then(
    (models) => models.map(({ name }) => name),
    () => undefined,
  );
  if (names === undefined) return '';
  if (names.length === 0) return 'It holds no models.';
  const more = names.length - SHOWN;
  const alike = wanted === undefined ? '' : suggestion(wanted, names);
  return `${alike && `${alike} `}It holds ${names.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
};

/**
 * `model_not_found` with the place that was looked in, and what is there.
 *
 * @param where The parameter or flag that names it.
 */
export const noSuchModel = async (store: Store, name: string, where = 'model'): Promise<FolioError> => {
  const [candidate] = await listCandidates(store, name).catch(() => []);
  const place = placeOf(store);
  const message =
    candidate === undefined
      ? `There is no model ${name} in ${place}. ${await contentsOf(store, name)}`.trimEnd()
      : `Of ${name} there is only what the gate rejected, in ${place}. ${folioLine('publish', name)} publishes it.`;
  return new FolioError('model_not_found', message, {
    where,
    expected: 'a model of this store',
    received: name,
  });
};
