import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FolioError, isFolioError, unexpected } from './errors.ts';
import { fetchModel } from './model/fetch-model.ts';
import { alphabetFiles } from './model/format/alphabet-file.ts';
import type { ReadFile } from './model/format/artefact.ts';
import type { Model } from './model/model.ts';
import { type OpenOptions, openModel } from './model/open-model.ts';
import { faultsOf, throwFaults, whole } from './model/sampling/check-options.ts';
import { currentVersion } from './store/models.ts';
import { nativeSha256, quickChecks } from './store/native-checks.ts';
import { openVersion } from './store/open-version.ts';
import { parsePointer } from './store/pointer.ts';
import { readLocalFile } from './store/read-local-file.ts';
import type { Store } from './store/store.ts';
import { checkedFiles, versionFiles } from './store/version-files.ts';
import { nodeThreads } from './threads.ts';

/** A model in a store: its current version, or the one named. */
export interface StoreEntry {
  readonly store: Store;
  readonly name: string;
  readonly version?: string;
}

export interface LoadOptions extends Omit<OpenOptions, 'threads'> {
  /**
   * Threads that share the work of a step, the caller's included. Workers are started when there is work
   * for them, and never keep the process alive. Default: as many as there are processors, 8 at most.
   */
  readonly threads?: number | undefined;
}

/**
 * Loads a character model: one of Folio's, any LayersModel of its family that tfjs or Keras wrote, or a file of Keras,
 * PyTorch, safetensors or ONNX.
 *
 * @param source A folder with `model.json`, or with `current.json` and versions; that file itself; a file of another
 * library (`.keras`, `.h5`, `.pt`, `.safetensors`, `.onnx` …); an http(s) or file URL of a folder; or a store's entry.
 * @throws FolioError `invalid_parameter`, `model_not_found`, `model_damaged`, `model_invalid`, `model_unsupported`, `unavailable`
 * @example
 * const model = await loadModel('models/shakespeare');
 * for await (const text of model.generate({ prompt: 'ROMEO:', length: 200 })) process.stdout.write(text);
 */
export const loadModel = async (
  source: string | URL | StoreEntry,
  given: LoadOptions = {},
): Promise<Model> => {
  throwFaults(faultsOf(given, { threads: whole(1) }));
  const options = { hash: nativeSha256, ...given, threads: nodeThreads(given.threads) };
  const isObject = typeof source === 'object' && source !== null;
  if (isObject && 'store' in source) return loadFromStore(source, options);
  const text = typeof source === 'string' || (isObject && 'href' in source) ? String(source) : '';
  if (text === '')
    throw unexpected('invalid_parameter', 'source', 'a path, a URL, or { store, name }', source);
  const scheme = /^(?:https?|file):/i.exec(text)?.[0].toLowerCase();
  if (scheme === undefined) return loadFromFolder(text, options);
  return scheme === 'file:' ? loadFromFolder(fileURLToPath(text), options) : fetchModel(text, options);
};

/** Whether a path is that of a file of Keras, PyTorch, safetensors or ONNX, by its ending. */
export const isModelFile = (path: string): boolean =>
  /\.(keras|h5|hdf5|pt|pth|ckpt|tar|safetensors|onnx)$/i.test(path);

/** A model of another format, read as `folio import` reads it. */
const loadFromFile = async (path: string, options: OpenOptions): Promise<Model> => {
  const bytes = await readLocalFile(path);
  if (bytes === undefined) {
    throw new FolioError('model_not_found', `There is no file ${path}.`, {
      where: 'model',
      expected: 'a file',
      received: path,
    });
  }
  const { importModel } = await import('./import/import-model.ts');
  const sibling = (file: string) => readLocalFile(join(dirname(path), file));
  const { alphabet, alphabetName } = options;
  const imported = await importModel(bytes, { name: basename(path), sibling, alphabet, alphabetName });
  const files = imported.files({});
  const beside: ReadFile = (file, limit) => readLocalFile(join(dirname(path), file), limit);
  return openModel(
    async (file, limit) =>
      files.get(file) ?? (alphabetFiles.some((name) => name === file) ? beside(file, limit) : undefined),
    options,
  );
};

const loadFromFolder = async (path: string, options: OpenOptions): Promise<Model> => {
  if (isModelFile(path)) return loadFromFile(path, options);
  const folder = basename(path).endsWith('.json') ? dirname(path) : path;
  const pointer = path === folder || basename(path) === 'current.json' ? await currentIn(folder) : undefined;
  if (pointer !== undefined) {
    const files = filesIn(join(folder, pointer), path);
    return openVersion({ name: basename(folder), version: pointer, ...files }, options);
  }
  if (path === folder && isFile(path)) return loadFromFile(path, options);
  const modelFile = path === folder ? 'model.json' : basename(path);
  const { read } = filesIn(folder, path);
  const opened = openModel((file, limit) => read(file === 'model.json' ? modelFile : file, limit), options);
  return opened.catch((error: unknown) => {
    if (!isFolioError(error) || error.details.where !== 'model.json') throw error;
    const message = error.message.replaceAll('model.json', modelFile);
    throw new FolioError(error.code, message, { ...error.details, where: modelFile });
  });
};

/** At once: loading `fs.promises` takes a start a millisecond. */
const isFile = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
};

const currentIn = async (folder: string): Promise<string | undefined> => {
  const path = join(folder, 'current.json');
  const bytes = await readLocalFile(path, 2 ** 16);
  return bytes && parsePointer(bytes, path);
};

const filesIn = (folder: string, shown: string) =>
  checkedFiles(
    (file, limit) => readLocalFile(`${folder}/${file}`, limit),
    folder,
    () => noModel(shown, `at ${shown}: neither model.json nor current.json is there`),
    quickChecks,
  );

const loadFromStore = async ({ store, name, version }: StoreEntry, options: OpenOptions): Promise<Model> => {
  const chosen = version ?? (await currentVersion(store, name));
  if (chosen === undefined) throw noModel(name, `${name} in the store`);
  return openVersion(versionFiles(store, name, chosen, quickChecks), options);
};

/** @param place `at FOLDER`, `NAME in the store` */
const noModel = (source: string, place: string): FolioError =>
  new FolioError('model_not_found', `There is no model ${place}.`, {
    where: 'model',
    expected: 'a folder with model.json, or with current.json',
    received: source,
  });
