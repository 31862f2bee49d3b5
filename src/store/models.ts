import { FolioError, isFolioError } from '../errors.ts';
import { VersionDigests } from '../model/format/version-digests.ts';
import { checkReadable } from './check-version.ts';
import { removeHalfVersions } from './clean-models.ts';
import {
  candidatesPrefix,
  digestsFile,
  modelFile,
  modelOfPointer,
  modelPrefix,
  pointerKey,
  prefixes,
  versionKey,
  versionPrefix,
} from './keys.ts';
import { checkModelName, isModelName } from './model-name.ts';
import { fullChecks, quickChecks } from './native-checks.ts';
import { encodePointer, parsePointer } from './pointer.ts';
import type { Store } from './store.ts';
import { versionFiles } from './version-files.ts';

/**
 * Models as versions that never change and one pointer a model. A version is whole once its `model.json` is there,
 * which is written after everything else; `current.json` is moved to it last, by compare-and-swap.
 */
export interface Pointer {
  /** Undefined where the pointer is damaged: only a new one can be written then. */
  readonly version: string | undefined;
  /** Of `current.json`, for a compare-and-swap. */
  readonly etag: string;
}

export interface ModelVersion {
  readonly version: string;
  /** Whether the model's name alone stands for it. */
  readonly current: boolean;
  /** Of the current one, as `ListedModel` has it. */
  readonly fault?: string;
  readonly publishedAt: Date;
  readonly bytes: number; // of all its files
  readonly files: readonly string[];
}

export interface Publication {
  readonly name: string;
  readonly version: string;
  /** By name within the version: `model.json`, its weights, `report.json` … */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /**
   * The version that must still be current when the pointer moves, null for none. Default: the one that was
   * current when publishing began.
   */
  readonly replaces?: string | null;
}

/** The current version of a model and the pointer's etag, or undefined where no version was ever published. */
export async function readPointer(store: Store, name: string): Promise<Pointer | undefined> {
  const object = await store.read(pointerKey(checkModelName(name)));
  return object && { version: versionIn(object.bytes), etag: object.etag };
}

const versionIn = (bytes: Uint8Array): string | undefined => {
  try {
    return parsePointer(bytes, '');
  } catch {
    return undefined;
  }
};

/**
 * The files of a version in the order in which they are written: their digests last but one, `model.json` last.
 *
 * @throws FolioError `model_damaged` where digests are among them that say otherwise
 */
export function withDigests(
  where: string,
  files: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  const given = files.get(digestsFile);
  const digests = given
    ? VersionDigests.parse(given, where, fullChecks)
    : VersionDigests.of(files, quickChecks);
  const order = (file: string): number => [digestsFile, modelFile].indexOf(file);
  const all = new Map(files).set(digestsFile, digests.encode());
  for (const file of digests.files) digests.check(where, file, all.get(file));
  for (const [file, bytes] of files) if (file !== digestsFile) digests.check(where, file, bytes);
  return new Map([...all].sort(([a], [b]) => order(a) - order(b)));
}

/**
 * The version that a model's name alone stands for: the one that its pointer names, or, where the pointer is damaged or
 * names a version that is not there, the one that is served in its place.
 *
 * @throws FolioError `model_invalid` for a damaged pointer beside which there is no version
 */
export async function currentVersion(store: Store, name: string): Promise<string | undefined> {
  const key = pointerKey(checkModelName(name));
  const object = await store.read(key);
  if (object === undefined) return undefined;
  const pointed = versionIn(object.bytes);
  if (pointed !== undefined && (await store.stat(versionKey(name, pointed, modelFile)))) return pointed;
  const [newest] = inPlaceOf(pointed, await wholeVersions(store, name));
  return newest ?? pointed ?? parsePointer(object.bytes, key);
}

/**
 * The versions that may serve in place of one that cannot, the best first: those before it from the newest on, then
 * those after it.
 *
 * @param broken Undefined where it is not known which version should be current.
 */
export const inPlaceOf = (broken: string | undefined, versions: readonly string[]): readonly string[] => {
  const isEarlier = (version: string): boolean => broken === undefined || version < broken;
  return versions
    .filter((version) => version !== broken)
    .sort()
    .reverse()
    .sort((a, b) => Number(isEarlier(b)) - Number(isEarlier(a)));
};

/**
 * Publishes a version: its files, `model.json` last of them, then the pointer. Going on after a failure is safe:
 * what is there already with the same bytes is left alone.
 *
 * @throws FolioError `conflict` when another version became current meanwhile; the version stays, unpointed
 */
export async function publishVersion(store: Store, publication: Publication): Promise<void> {
  const { name, version, files } = publication;
  checkModelName(name);
  checkModelName(version, 'version');
  if (!files.has(modelFile)) {
    throw new FolioError('model_invalid', `A version of ${name} needs its ${modelFile}.`, {
      where: modelFile,
    });
  }
  const before = await readPointer(store, name);
  const replaces = publication.replaces === undefined ? (before?.version ?? null) : publication.replaces;
  for (const [file, bytes] of withDigests(`${name}@${version}`, files)) {
    await createOnce(store, versionKey(name, version, file), bytes);
  }
  // Whoever may not remove leaves that to others.
  await removeHalfVersions(store, name).catch(() => undefined);
  await store.removeLeftovers?.(modelPrefix(name)).catch(() => undefined);
  if (before?.version === version) return;
  if ((before?.version ?? null) !== replaces) throw pointerConflict(name, replaces, before?.version);
  try {
    await movePointer(store, name, version, before);
  } catch (error) {
    if (isFolioError(error) && error.code === 'conflict') {
      throw pointerConflict(name, replaces, (await readPointer(store, name))?.version);
    }
    throw error;
  }
}

/**
 * Makes another version the current one, once it is known that it can be read as it was published.
 *
 * @param replaces The version that must be current now, null for none. Default: whichever is.
 * @throws FolioError `model_not_found`, `model_damaged`, `model_invalid` or `model_unsupported` for a version that
 * cannot be served, or `conflict` when another version is or became current
 */
export async function activate(
  store: Store,
  name: string,
  version: string,
  replaces?: string | null,
): Promise<void> {
  const model = versionKey(checkModelName(name), checkModelName(version, 'version'), modelFile);
  const before = await readPointer(store, name);
  if (replaces !== undefined && (before?.version ?? null) !== replaces) {
    const served = await currentVersion(store, name).catch(() => undefined);
    if (served !== replaces) throw pointerConflict(name, replaces, served);
  }
  if ((await store.stat(model)) === undefined) throw unknownVersion(name, version);
  if (before?.version === version) return;
  await checkReadable(versionFiles(store, name, version));
  const { etag } = await movePointer(store, name, version, before);
  // Somebody may have removed the version between the check and the move.
  if ((await store.stat(model)) === undefined) {
    if (before?.version !== undefined) await movePointer(store, name, before.version, { version, etag });
    throw unknownVersion(name, version);
  }
}

/**
 * Removes a version and all its files; `model.json` goes first, so that nobody opens half of it.
 *
 * @throws FolioError `conflict` for the current version, `model_not_found` where there is none
 */
export async function removeVersion(store: Store, name: string, version: string): Promise<void> {
  const prefix = versionPrefix(checkModelName(name), checkModelName(version, 'version'));
  const current = await currentVersion(store, name).catch(() => undefined);
  if (current === version) {
    throw new FolioError('conflict', `${name}@${version} is current: activate another version first.`, {
      where: 'version',
      expected: 'a version that is not current',
      received: version,
    });
  }
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  if (keys.length === 0) throw unknownVersion(name, version);
  await store.remove(versionKey(name, version, modelFile));
  for (const key of keys) await store.remove(key);
}

/** A model of a store, as its name alone is understood. */
export interface ListedModel {
  readonly name: string;
  /** As `currentVersion`. */
  readonly version: string;
  /** Where the pointer is damaged or names a version that is not there: what is wrong, and what mends it. */
  readonly fault?: string;
}

/** Every model that has a current version, in order of name. */
export async function listModels(store: Store): Promise<readonly ListedModel[]> {
  const pointers: string[] = [];
  const versions = new Map<string, string[]>();
  for await (const { key } of store.list(prefixes.models)) {
    const pointed = modelOfPointer(key);
    if (pointed !== undefined && isModelName(pointed)) pointers.push(pointed);
    const [name = '', version = '', file] = key.slice(prefixes.models.length).split(/\/(.*?)\/(.*)/s);
    if (file === modelFile) versions.set(name, [...(versions.get(name) ?? []), version]);
  }
  const models: ListedModel[] = [];
  for (const name of pointers) {
    const pointer = await readPointer(store, name);
    if (pointer === undefined) continue; // removed meanwhile
    const model = listed(name, pointer.version, versions.get(name) ?? []);
    if (model !== undefined) models.push(model);
  }
  return models;
}

const listed = (
  name: string,
  pointed: string | undefined,
  versions: readonly string[],
): ListedModel | undefined => {
  if (pointed !== undefined && versions.includes(pointed)) return { name, version: pointed };
  const [served] = inPlaceOf(pointed, versions);
  const version = served ?? pointed;
  if (version === undefined) return undefined;
  const wrong =
    pointed === undefined ? 'does not say which version is current' : `names ${pointed}, which is not there`;
  const rest =
    served === undefined
      ? `There is no other version of ${name}.`
      : `${served} is used in its place; activate a version to mend it.`;
  return { name, version, fault: `${pointerKey(name)} ${wrong}. ${rest}` };
};

/** The whole versions of a model, newest first, and which of them its name stands for; empty where it is unknown. */
export async function listVersions(store: Store, name: string): Promise<readonly ModelVersion[]> {
  const pointer = await readPointer(store, name);
  const versions = await readVersions(store, name);
  const names = versions.map(({ version }) => version);
  const { version: current, fault } = (pointer && listed(name, pointer.version, names)) ?? {};
  return versions.map((version) => {
    const isCurrent = version.version === current;
    return { ...version, current: isCurrent, ...(isCurrent && fault !== undefined && { fault }) };
  });
}

const wholeVersions = async (store: Store, name: string): Promise<readonly string[]> =>
  (await readVersions(store, name)).map(({ version }) => version);

const readVersions = async (
  store: Store,
  name: string,
): Promise<readonly Omit<ModelVersion, 'current' | 'fault'>[]> => {
  const versions = new Map<string, { publishedAt?: Date; bytes: number; files: string[] }>();
  const prefix = modelPrefix(name);
  for await (const { key, size, modified } of store.list(prefix)) {
    const [version, file] = key.slice(prefix.length).split(/\/(.*)/s);
    if (version === undefined || file === undefined) continue;
    const entry = versions.get(version) ?? { bytes: 0, files: [] };
    versions.set(version, entry);
    entry.bytes += size;
    entry.files.push(file);
    if (file === modelFile) entry.publishedAt = modified;
  }
  return [...versions]
    .flatMap(([version, { publishedAt, bytes, files }]) =>
      publishedAt === undefined ? [] : [{ version, publishedAt, bytes, files }],
    )
    .sort((a, b) => (a.version < b.version ? 1 : -1));
};

/** What the gate rejected of a model, newest first: versions that were never published. */
export async function listCandidates(store: Store, name: string): Promise<readonly string[]> {
  const prefix = candidatesPrefix(checkModelName(name));
  const versions: string[] = [];
  for await (const { key } of store.list(prefix)) {
    const [version, file] = key.slice(prefix.length).split(/\/(.*)/s);
    if (version !== undefined && file === modelFile) versions.push(version);
  }
  return versions.sort().reverse();
}

const movePointer = (store: Store, name: string, version: string, before: Pointer | undefined) =>
  store.replace(pointerKey(name), encodePointer(version), before?.etag ?? null);

async function createOnce(store: Store, key: string, bytes: Uint8Array): Promise<void> {
  try {
    await store.create(key, bytes);
  } catch (error) {
    if (!isFolioError(error) || error.code !== 'already_exists') throw error;
    const there = await store.read(key);
    if (there === undefined || Buffer.compare(there.bytes, bytes) !== 0) throw error;
  }
}

const pointerConflict = (name: string, expected: string | null, found: string | undefined): FolioError =>
  new FolioError(
    'conflict',
    `${name} has ${found === undefined ? 'no current version' : `${found} as its current version`}, ` +
      `not ${expected === null ? 'none' : expected} as expected.`,
    { where: pointerKey(name), expected: expected ?? 'none', received: found ?? 'none' },
  );

const unknownVersion = (name: string, version: string): FolioError =>
  new FolioError('model_not_found', `There is no ${name}@${version}.`, {
    where: 'version',
    received: version,
  });
