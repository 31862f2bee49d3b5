import { fileURLToPath } from 'node:url';
import { FolioError } from '../errors.ts';
import { versionPrefix } from '../store/keys.ts';
import { parseModelReference } from '../store/model-name.ts';
import { currentVersion } from '../store/models.ts';
import { parsePointer } from '../store/pointer.ts';
import { readLocalFile } from '../store/read-local-file.ts';
import type { Store } from '../store/store.ts';

/** Gives the bytes of one of a model's files by its name, such as `model.json`. @throws FolioError `model_not_found` */
export type ModelFileReader = (file: string) => Promise<Uint8Array>;

type Read = (path: string) => Promise<Uint8Array | undefined>;

/**
 * Finds a model's files.
 *
 * @param model NAME or NAME@VERSION in the store; a folder or an http(s) or file URL with `model.json`, or with
 * `current.json` and versions.
 * @param flag That names it, for messages.
 * @throws FolioError `model_not_found`, `model_invalid`, `invalid_parameter`
 */
export const modelFiles = async (model: string, store: Store, flag = '--from'): Promise<ModelFileReader> => {
  const isPlace = /[/\\]|^\.|^\w+:/.test(model);
  const { read, folder } = isPlace ? await inPlace(model) : await inStore(model, store);
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

const inStore = async (model: string, store: Store): Promise<{ read: Read; folder: string }> => {
  const { name, version = await currentVersion(store, name) } = parseModelReference(model);
  return {
    read: async (path) => (await store.read(path))?.bytes,
    folder: versionPrefix(name, version ?? 'none'),
  };
};

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
