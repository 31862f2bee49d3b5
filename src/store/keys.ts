/**
 * The layout of a store: every key that Folio reads or writes is made here. Functions, containers and the stack's
 * policies use the same names. Stored names never change: stores of every earlier version stay readable.
 */
export const prefixes = {
  /** Published versions, and which of them is current. */
  models: 'models/',
  /** What the gate rejected, with the reason. */
  candidates: 'candidates/',
  /** States of trainings under way. */
  checkpoints: 'checkpoints/',
  /** Records that trainings keep of themselves. */
  trainings: 'trainings/',
  /** Uploaded corpora. */
  corpora: 'corpora/',
  /** Below each, a store of its own: what one training of a grid publishes. */
  grids: 'grids/',
  /** Inputs and outputs of bulk jobs in the cloud. */
  bulk: 'bulk/',
  /** Secrets of a deployment. */
  keys: 'keys/',
} as const;

/** Written last of a version's files: a version is complete once it is there. */
export const modelFile = 'model.json';
export { digestsFile } from '../model/format/version-digests.ts';
/** The copy guard's index of the corpus, beside `model.json`. */
export const copyIndexFile = 'copy-index.bin';
export const lineIndexFile = 'line-index.bin';

const pointerFile = 'current.json';

export const modelPrefix = (name: string): string => `${prefixes.models}${name}/`;
export const versionPrefix = (name: string, version: string): string => `${modelPrefix(name)}${version}/`;

/** Key of one file of a version. */
export const versionKey = (name: string, version: string, file: string): string =>
  `${versionPrefix(name, version)}${file}`;

/** Key of the pointer to a model's current version. */
export const pointerKey = (name: string): string => `${modelPrefix(name)}${pointerFile}`;

/** The model whose pointer has this key; undefined for any other key. */
export const modelOfPointer = (key: string): string | undefined =>
  key.startsWith(prefixes.models) && key.endsWith(`/${pointerFile}`)
    ? key.slice(prefixes.models.length, -pointerFile.length - 1)
    : undefined;

/** Key of the notice that a model's corpus was deleted; the retraining state machine writes it. */
export const corpusDeletedKey = (name: string): string => `${modelPrefix(name)}corpus-deleted.json`;

export const candidatesPrefix = (name: string): string => `${prefixes.candidates}${name}/`;
export const candidatePrefix = (name: string, version: string): string =>
  `${candidatesPrefix(name)}${version}/`;

export const checkpointPrefix = (name: string): string => `${prefixes.checkpoints}${name}/`;

/** @param digest Of a training's settings and corpus. Until version 0.1.0 the only checkpoint was `latest.bin`. */
export const checkpointKey = (name: string, digest: string): string =>
  `${checkpointPrefix(name)}${digest}.bin`;

export const recordKey = (id: string): string => `${prefixes.trainings}${id}.json`;

/** The id of the training whose record has this key; undefined for any other key. */
export const idOfRecord = (key: string): string | undefined => middle(key, prefixes.trainings, '.json');

export const corpusKey = (name: string): string => `${prefixes.corpora}${name}.txt`;

/** The name of the corpus with this key; undefined for any other key. */
export const nameOfCorpus = (key: string): string | undefined => middle(key, prefixes.corpora, '.txt');

/** Key of the secret that signs states. */
export const signingSecretKey = `${prefixes.keys}signing.json`;

const middle = (key: string, prefix: string, suffix: string): string | undefined =>
  key.startsWith(prefix) && key.endsWith(suffix) && key.length > prefix.length + suffix.length
    ? key.slice(prefix.length, -suffix.length)
    : undefined;
