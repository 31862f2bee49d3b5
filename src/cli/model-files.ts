import { fileURLToPath } from 'node:url';
import { FolioError } from '../errors.ts';
import { versionKey, versionPrefix } from '../store/keys.ts';
import { parseModelReference } from '../store/model-name.ts';
import { currentVersion } from '../store/models.ts';
import { parsePointer } from '../store/pointer.ts';
import { readLocalFile } from '../store/read-local-file.ts';
import { resolveVersion } from '../store/resolve-version.ts';
import type { Store } from '../store/store.ts';
import { noSuchModel } from './store-contents.ts';

/** Gives the bytes of one of a model's files by its name, such as `model.json`. @throws FolioError `model_not_found` */
export type ModelFileReader = (file: string) => Promise<Uint8Array>;

type Read = (path: string) => Promise<Uint8Array | undefined>;

/**
 * Finds a model's files.
 *
 * @param model NAME or NAME@VERSION in the store, the version as `resolveVersion` takes it; a folder or an http(s) or file URL with `model.json`, or with
 * `current.json` and versions.
 * @param flag That names it, for messages.
 * @throws FolioError `model_not_found`, `model_invalid`, `invalid_parameter`
 */
export const modelFiles = async (model: string, store: Store, flag = '--from'): Promise<ModelFileReader> => {
  const isPlace = /[/\\]|^\.|^\w+:/.test(model);
  const { read, folder } = isPlace ? await inPlace(model) : await inStore(model, store, flag);
  return async (file) => {
    const bytes = await read(`${folder}${file}`);
    if (bytes !== undefined) return bytes;
    throw new FolioError('model_not_found', `There is no ${file} of ${model}.`, {
      where: flag,
      expected: 'NAME, NAME@VERSION, or a folder or URL of a model',
      received: model,
    });
  };
};

const inStore = async (
  model: string,
  store: Store,
  flag: string,
): Promise<{ read: Read; folder: string }> => {
  const { name, version: meant } = parseModelReference(model);
  const version =
    meant === undefined ? await currentVersion(store, name) : await versionOf(store, name, meant);
  if (version === undefined) throw await noSuchModel(store, name, flag);
  return { read: async (path) => (await store.read(path))?.bytes, folder: versionPrefix(name, version) };
};

/** Lists versions only where none has this very name: a trainer in AWS may read, but list less. */
const versionOf = async (store: Store, name: string, meant: string): Promise<string> =>
  (await store.stat(versionKey(name, meant, 'model.json'))) === undefined
    ? resolveVersion(store, name, meant)
    : meant;

const inPlace = async (place: string): Promise<{ read: Read; folder: string }> => {
  const folder = `${place.replace(/[^/\\]*\.json$/, '').replace(/[/\\]$/, '') || '.'}/`;
  const read = /^https?:/i.test(place) ? readUrl : readPath;
  const pointer = await read(`${folder}current.json`);
  return { read, folder: pointer ? `${folder}${parsePointer(pointer, place)}/` : folder };
};

const readPath: Read = (path) => readLocalFile(/^file:/i.test(path) ? fileURLToPath(path) : path);

const readUrl: Read = async (url) => {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new FolioError('unavailable', `${url} cannot be read.`, { where: url, cause });
  });
  return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
};
