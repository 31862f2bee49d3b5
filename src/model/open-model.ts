import { createModel } from './create-model.ts';
import { createAlphabet } from './format/alphabet.ts';
import { type AnyAlphabet, alphabetFiles, isWebPage, parseAlphabet } from './format/alphabet-file.ts';
import { type ReadFile, readArtefact } from './format/artefact.ts';
import { digestLater, type Hash } from './format/digest.ts';
import { Halves } from './format/halves.ts';
import { isObject } from './format/invalid.ts';
import { compileKernel } from './kernel/kernel-module.ts';
import type { Threads } from './kernel/threads/worker-pool.ts';
import type { Model } from './model.ts';
import { aFunction, aText, faultsOf, oneOf, throwFaults, whole } from './sampling/check-options.ts';
import { PRECISIONS, type Precision } from './stepper.ts';

export interface OpenOptions {
  /** Default 'int8': several times faster than f32, and the same text on every host. */
  readonly precision?: Precision;
  /** Takes the place of the alphabet that the model carries: characters in id order, or character to id. */
  readonly alphabet?: AnyAlphabet;
  /** What messages call it: the file that it was read from. */
  readonly alphabetName?: string;
  /** What the model is called where its metadata do not say. */
  readonly name?: string;
  readonly version?: string;
  /** Bytes for the states of prompts' beginnings. Default 4 MiB. */
  readonly prefixCacheBytes?: number;
  /** SHA-256, where the host has one that answers at once. Default: in plain code. */
  readonly hash?: Hash;
  /**
   * The engine's WebAssembly as the host compiled it, for hosts that do not let programs compile any: `folio/kernel.wasm`,
   * or `folio/kernel-relaxed.wasm` where the host has relaxed SIMD. int8 gives the same bits by either. Such a model runs on
   * one thread. Default: compiled from the bytes in this library.
   */
  readonly kernel?: WebAssembly.Module;
  /** Share the work of a step. Default: the caller's thread alone. */
  readonly threads?: Threads;
}

const checks = {
  precision: oneOf(PRECISIONS),
  prefixCacheBytes: whole(0),
  name: aText,
  version: aText,
  hash: aFunction,
};

const ALPHABET_LIMIT = 2 ** 24; // bytes

/**
 * Opens a LayersModel written by any tool, from any place that can read its files.
 *
 * @throws FolioError `invalid_parameter`, `model_not_found` without a `model.json`, `model_invalid` for files that contradict themselves,
 * `model_unsupported` for a model of another kind, naming layer, property and value
 */
export const openModel = async (read: ReadFile, options: OpenOptions = {}): Promise<Model> => {
  throwFaults([...faultsOf({ read }, { read: aFunction }), ...faultsOf(options, checks)]);
  const artefact = await readArtefact(
    read,
    (weight, bytes) => new Halves(weight, bytes),
    options.kernel === undefined ? compileKernel : undefined,
  );
  const { network, userDefinedMetadata: metadata } = artefact;
  const digest = digestLater(artefact.modelTopology, artefact.weightsManifest, artefact.shards, options.hash);
  const folio = isObject(metadata) && isObject(metadata.folio) ? metadata.folio : {};
  const given = options.alphabet ?? alphabetIn(metadata);
  const beside = given === undefined ? await alphabetBeside(read) : undefined;
  const alphabet = createAlphabet(
    given ?? beside?.alphabet,
    network.vocabulary,
    network.maskZero,
    options.alphabet === undefined ? beside?.file : options.alphabetName,
  );
  const name = options.name ?? (typeof folio.name === 'string' ? folio.name : undefined);
  const version = options.version ?? (typeof folio.version === 'string' ? folio.version : undefined);
  return createModel({
    network,
    alphabet,
    digest,
    info: {
      ...(name === undefined ? {} : { name }),
      ...(version === undefined ? {} : { version }),
      metadata: isObject(metadata) ? metadata : {},
      ...(beside === undefined ? {} : { alphabetFile: beside.file }),
    },
    ...(options.precision === undefined ? {} : { precision: options.precision }),
    ...(options.prefixCacheBytes === undefined ? {} : { prefixCacheBytes: options.prefixCacheBytes }),
    ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
};

/** Where Folio puts a model's alphabet, and where others may. */
const alphabetIn = (metadata: unknown): unknown => {
  if (!isObject(metadata)) return undefined;
  return (isObject(metadata.folio) ? metadata.folio.alphabet : undefined) ?? metadata.alphabet;
};

/** The first of the usual files beside a model that holds an alphabet, in any form. */
const alphabetBeside = async (
  read: ReadFile,
): Promise<{ readonly file: string; readonly alphabet: AnyAlphabet } | undefined> => {
  const found = await Promise.all(alphabetFiles.map((file) => read(file, ALPHABET_LIMIT)));
  for (const [i, bytes] of found.entries()) {
    const file = alphabetFiles[i]!;
    if (bytes === undefined || isWebPage(bytes)) continue;
    try {
      return { file, alphabet: parseAlphabet(bytes, file) };
    } catch (error) {
      // The other names may be those of something else.
      if (file.startsWith('alphabet.')) throw error;
    }
  }
  return undefined;
};
