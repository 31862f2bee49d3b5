import { FolioError } from '../errors.ts';
import {
  candidatePrefix,
  candidatesPrefix,
  digestsFile,
  modelFile,
  modelPrefix,
  pointerKey,
  versionPrefix,
} from './keys.ts';
import { checkModelName } from './model-name.ts';
import { listCandidates, listVersions, publishVersion, readPointer } from './models.ts';
import type { Store } from './store.ts';
import { checkedFiles } from './version-files.ts';

export interface CopiedVersion {
  readonly name: string;
  readonly version: string;
  /** Whether it was kept as a candidate: it is below `candidates/` then. */
  readonly candidate: boolean;
}

/**
 * Where a version is: published, or kept as a candidate.
 *
 * @throws FolioError `model_not_found`
 */
export const findVersion = async (store: Store, name: string, version: string): Promise<CopiedVersion> => {
  for (const candidate of [false, true]) {
    const prefix = prefixOf({ name, version, candidate });
    if ((await store.stat(prefix + modelFile)) !== undefined) return { name, version, candidate };
  }
  throw new FolioError('model_not_found', `There is no ${name}@${version} in ${store.location}.`, {
    where: 'version',
    received: `${name}@${version}`,
  });
};

/**
 * Publishes a version of one store in the same or another, byte for byte, under the same or another name, and makes it
 * the current one there; every file is checked against its digest on the way.
 *
 * @throws FolioError `model_damaged`, `conflict`, `already_exists` where the target has the version with other bytes
 */
export const copyVersion = async (
  from: Store,
  source: CopiedVersion,
  to: Store,
  name: string = source.name,
): Promise<void> => {
  checkModelName(name);
  const prefix = prefixOf(source);
  const where = `${source.name}@${source.version}`;
  const names: string[] = [];
  for await (const { key } of from.list(prefix)) names.push(key.slice(prefix.length));
  const { read } = checkedFiles(
    async (file) => (await from.read(prefix + file))?.bytes,
    where,
    () =>
      new FolioError('model_not_found', `There is no ${where} in ${from.location}.`, { where: 'version' }),
  );
  const files = new Map<string, Uint8Array>();
  for (const file of names.sort((a, b) => Number(b === digestsFile) - Number(a === digestsFile))) {
    const bytes = await read(file);
    if (bytes !== undefined) files.set(file, bytes);
  }
  await publishVersion(to, { name, version: source.version, files });
};

/**
 * Gives a model another name: every version is published under it, the current one last, before the old name goes.
 *
 * @throws FolioError `already_exists` where a model has that name; `model_not_found`
 */
export const renameModel = async (store: Store, from: string, to: string): Promise<void> => {
  const versions = await listVersions(store, from);
  if (versions.length === 0) throw notFound(store, from);
  if ((await readPointer(store, checkModelName(to))) !== undefined) {
    throw new FolioError('already_exists', `There is a model ${to} already in ${store.location}.`, {
      where: 'name',
      expected: 'a name that no model has',
      received: to,
    });
  }
  const currentLast = versions.toSorted((a, b) => Number(a.current) - Number(b.current));
  for (const { version } of currentLast) {
    await copyVersion(store, { name: from, version, candidate: false }, store, to);
  }
  await removeModel(store, from);
};

/**
 * Removes all that a store holds of a model: pointer first, then its versions and candidates. Corpora, checkpoints and
 * the records of its trainings stay.
 *
 * @returns the versions and candidates that are gone
 * @throws FolioError `model_not_found`
 */
export const removeModel = async (store: Store, name: string): Promise<readonly string[]> => {
  const removed = [
    ...(await listVersions(store, name)).map(({ version }) => version),
    ...(await listCandidates(store, name)),
  ];
  const keys: string[] = [];
  for (const prefix of [modelPrefix(name), candidatesPrefix(name)]) {
    for await (const { key } of store.list(prefix)) keys.push(key);
  }
  if (keys.length === 0) throw notFound(store, name);
  // Nobody opens half of a version whose model.json goes first.
  const order = (key: string): number =>
    key === pointerKey(name) ? 0 : key.endsWith(`/${modelFile}`) ? 1 : 2;
  for (const key of keys.sort((a, b) => order(a) - order(b))) await store.remove(key);
  return removed;
};

const notFound = (store: Store, name: string): FolioError =>
  new FolioError('model_not_found', `There is no model ${name} in ${store.location}.`, {
    where: 'name',
    received: name,
  });

/** Removes a candidate, as when it has been published. */
export const removeCandidate = async (store: Store, name: string, version: string): Promise<void> => {
  const keys: string[] = [];
  for await (const { key } of store.list(candidatePrefix(name, version))) keys.push(key);
  for (const key of keys) await store.remove(key);
};

/** Below which the files of a version are. */
export const prefixOf = ({ name, version, candidate }: CopiedVersion): string =>
  candidate ? candidatePrefix(name, version) : versionPrefix(name, version);
