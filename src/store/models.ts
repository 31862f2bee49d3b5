import { FolioError, isFolioError } from '../errors.ts';
import {
  modelFile,
  modelOfPointer,
  modelPrefix,
  pointerKey,
  prefixes,
  versionKey,
  versionPrefix,
} from './keys.ts';
import { checkModelName, isModelName } from './model-name.ts';
import { encodePointer, parsePointer } from './pointer.ts';
import type { Store } from './store.ts';

/**
 * Models as versions that never change and one pointer a model. A version is whole once its `model.json` is there,
 * which is written after everything else; `current.json` is moved to it last, by compare-and-swap.
 */
export interface Pointer {
  readonly version: string;
  /** Of `current.json`, for a compare-and-swap. */
  readonly etag: string;
}

export interface ModelVersion {
  readonly version: string;
  readonly current: boolean;
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
  return object && { version: parsePointer(object.bytes, pointerKey(name)), etag: object.etag };
}

export async function currentVersion(store: Store, name: string): Promise<string | undefined> {
  return (await readPointer(store, name))?.version;
}

/**
 * Publishes a version: its files, `model.json` last of them, then the pointer. Going on after a failure is safe:
 * what stands already with the same bytes is left alone.
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
  for (const [file, bytes] of [...files].sort(
    ([a], [b]) => Number(a === modelFile) - Number(b === modelFile),
  )) {
    await createOnce(store, versionKey(name, version, file), bytes);
  }
  if (before?.version === version) return;
  if ((before?.version ?? null) !== replaces) throw pointerConflict(name, replaces, before?.version);
  try {
    await movePointer(store, name, version, before);
  } catch (error) {
    if (isFolioError(error) && error.code === 'conflict') {
      throw pointerConflict(name, replaces, await currentVersion(store, name));
    }
    throw error;
  }
}

/**
 * Makes another version the current one.
 *
 * @param replaces The version that must be current now, null for none. Default: whichever is.
 * @throws FolioError `model_not_found`, or `conflict` when another version is or became current
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
    throw pointerConflict(name, replaces, before?.version);
  }
  if ((await store.stat(model)) === undefined) throw unknownVersion(name, version);
  if (before?.version === version) return;
  const { etag } = await movePointer(store, name, version, before);
  // Somebody may have removed the version between the check and the move.
  if ((await store.stat(model)) === undefined) {
    if (before !== undefined) await movePointer(store, name, before.version, { version, etag });
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
  if ((await currentVersion(store, name)) === version) {
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

/** Every model that has a current version, in order of name. */
export async function listModels(store: Store): Promise<readonly { name: string; version: string }[]> {
  const models: { name: string; version: string }[] = [];
  for await (const { key } of store.list(prefixes.models)) {
    const name = modelOfPointer(key);
    if (name === undefined || !isModelName(name)) continue;
    const version = await currentVersion(store, name);
    if (version !== undefined) models.push({ name, version });
  }
  return models;
}

/** The whole versions of a model, newest first; empty where the model is unknown. */
export async function listVersions(store: Store, name: string): Promise<readonly ModelVersion[]> {
  const current = await currentVersion(store, name);
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
      publishedAt === undefined ? [] : [{ version, current: version === current, publishedAt, bytes, files }],
    )
    .sort((a, b) => (a.version < b.version ? 1 : -1));
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
