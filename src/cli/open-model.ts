import { existsSync } from 'node:fs';
import { readFile as readPath } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { isFolioError } from '../errors.ts';
import { isModelFile, loadModel } from '../load-model.ts';
import { type CopyIndex, openCopyIndex } from '../model/copy-index.ts';
import { PRECISIONS, type Precision } from '../model/stepper.ts';
import { readSettings, type Settings } from '../settings.ts';
import { copyIndexFile } from '../store/keys.ts';
import type { ModelLease } from '../store/model-cache.ts';
import { parseModelReference } from '../store/model-name.ts';
import { readPointer } from '../store/models.ts';
import { openModels } from '../store/open-models.ts';
import { openStore } from '../store/open-store.ts';
import { resolveVersion } from '../store/resolve-version.ts';
import { versionFiles } from '../store/version-files.ts';
import { nodeThreads } from '../threads.ts';
import { type AlphabetOptions, alphabetFrom, type NamedAlphabet } from './alphabet-options.ts';
import { printStatus } from './print.ts';
import { noSuchModel } from './store-contents.ts';
import { applyWideVectors } from './wide-vectors.ts';

/** A model with what was published beside it. */
export type OpenedModel = Pick<ModelLease, 'name' | 'version' | 'model' | 'copyIndex' | 'readFile'>;

export interface ModelOptions extends AlphabetOptions {
  readonly model?: string;
  readonly store?: string;
  readonly precision?: Precision;
}

/** The options of every command that works with a model. */
export const addModel = (command: Command): Command =>
  command
    .option(
      '-m, --model <model>',
      'NAME or NAME@VERSION in the store (or @previous, or how a version begins), or a folder or URL (default: FOLIO_MODEL)',
    )
    .option(
      '--store <location>',
      'a folder or s3://BUCKET/PREFIX that holds models/, or https://ENDPOINT of a deployment (default: FOLIO_STORE)',
    )
    .addOption(
      new Option('--precision <kind>', 'of the arithmetic (default: FOLIO_PRECISION)').choices(PRECISIONS),
    );

/** Whether a model is given by its place, and not by its name in the store. */
const isPlace = (model: string): boolean =>
  /[/\\]|^\.|^file:/.test(model) || (isModelFile(model) && existsSync(model));

/** @throws FolioError `model_not_found`, `model_invalid`, `model_unsupported`, `store_failed` */
export async function openModel(options: ModelOptions): Promise<OpenedModel> {
  const settings = readSettings(undefined, options);
  await applyWideVectors(settings);
  const alphabet = await alphabetFrom(options);
  if (isPlace(settings.model)) return openPlace(settings, alphabet);
  const store = await openStore(settings.store);
  const reference = parseModelReference(settings.model);
  if (alphabet !== undefined) {
    const { precision, threads } = settings;
    const model = await loadModel({ store, ...reference }, { precision, threads, ...alphabet });
    const { name = reference.name, version = '' } = model.info;
    return {
      ...{ name, version, model },
      copyIndex: async () => undefined,
      readFile: (file) => versionFiles(store, name, version).read(file),
    };
  }
  const faults: string[] = [];
  const models = openModels(store, settings, nodeThreads(settings.threads), ({ level, message }) => {
    if (level === 'error') faults.push(message);
  });
  try {
    const lease = await models.acquire(reference);
    for (const fault of faults) printStatus(fault); // another version is used
    return lease;
  } catch (error) {
    const isUnknown = isFolioError(error) && error.code === 'model_not_found';
    const { name, version } = reference;
    if (!isUnknown) throw error;
    if (version === undefined || !(await readPointer(store, name))) throw await noSuchModel(store, name);
    return models.acquire({ name, version: await resolveVersion(store, name, version) });
  }
}

async function openPlace(
  { model: place, precision, threads }: Settings,
  alphabet: NamedAlphabet | undefined,
): Promise<OpenedModel> {
  const model = await loadModel(place, {
    precision,
    threads,
    ...alphabet,
  });
  const { digest, name = 'model', version = digest.replace('sha256:', '').slice(0, 8) } = model.info;
  const readFile = (file: string) => readBeside(place, version, file);
  return { name, version, model, readFile, copyIndex: async () => indexIn(await readFile(copyIndexFile)) };
}

const indexIn = (bytes: Uint8Array | undefined): CopyIndex | undefined => bytes && openCopyIndex(bytes);

/** In a version's folder, the model's own folder, or nowhere: over HTTP there is none. */
async function readBeside(place: string, version: string, file: string): Promise<Uint8Array | undefined> {
  const folder = place.startsWith('file:') ? fileURLToPath(place) : place.replace(/[^/\\]*\.json$/, '');
  for (const candidate of [join(folder, version), folder]) {
    const bytes = await readPath(join(candidate, file)).catch(() => undefined);
    if (bytes) return bytes;
  }
  return undefined;
}
