import { createAlphabet, howToGiveAlphabet } from '../model/format/alphabet.ts';
import type { AnyAlphabet } from '../model/format/alphabet-file.ts';
import { digestLater, type Hash } from '../model/format/digest.ts';
import type { Network } from '../model/network.ts';
import { networkOf, writeLayersModel } from './layers-model.ts';
import { type ModelFileOptions, readModelFile } from './read-model-file.ts';

export interface ImportOptions extends ModelFileOptions {
  /** Takes the place of the alphabet in the file. */
  readonly alphabet?: AnyAlphabet | undefined;
  /** What messages call it: the file that it was read from. */
  readonly alphabetName?: string | undefined;
  /** Used where neither the option above nor the file says it. */
  readonly fallbackAlphabet?: AnyAlphabet | undefined;
  readonly fallbackName?: string | undefined;
  /** SHA-256, where the host has one that answers at once. */
  readonly hash?: Hash | undefined;
}

/** What a model of another format became: the files of a LayersModel, but for the name under which it is published. */
export interface ImportedModel {
  /** What wrote the file, as people call it: `Keras 3.15.1`, `PyTorch`. */
  readonly format: string;
  /** Ids that the model knows. */
  readonly vocabulary: number;
  /** In id order; undefined where nobody knows what the ids stand for. */
  readonly alphabet: readonly string[] | undefined;
  /** Where the alphabet came from. */
  readonly alphabetFrom: 'option' | 'file' | 'fallback' | undefined;
  /** What the file does not say and was taken for granted, in sentences. */
  readonly notes: readonly string[];
  /** `sha256:…` over topology and weights, as models are known by. */
  readonly digest: string;
  /** @param metadata What `userDefinedMetadata.folio` says. @returns `model.json` and its shards */
  files(metadata: Readonly<Record<string, unknown>>): ReadonlyMap<string, Uint8Array>;
}

/**
 * Makes a model of Keras, PyTorch, safetensors, ONNX or ml5 into a standard LayersModel.
 *
 * @throws FolioError `model_invalid`, `model_unsupported`, `invalid_parameter`
 */
export const importModel = async (bytes: Uint8Array, options: ImportOptions): Promise<ImportedModel> => {
  const parsed = await readModelFile(bytes, options);
  const network = networkOf(parsed);
  const { alphabet, alphabetFrom } = chooseAlphabet(options, parsed.alphabet, network);
  const { modelTopology, weightsManifest, shards } = writeLayersModel(network);
  return {
    format: parsed.format,
    vocabulary: network.vocabulary,
    alphabet,
    alphabetFrom,
    notes: alphabet === undefined ? [...parsed.notes, withoutAlphabet] : parsed.notes,
    digest: digestLater(modelTopology, weightsManifest, [...shards.values()], options.hash)(),
    files: (metadata) => {
      const artefact = {
        format: 'layers-model',
        generatedBy: 'Folio',
        convertedBy: null,
        modelTopology,
        weightsManifest,
        userDefinedMetadata: { folio: { ...metadata, ...(alphabet === undefined ? {} : { alphabet }) } },
      };
      // The shards come first, so that a version without model.json is one that is not whole.
      return new Map([...shards, ['model.json', new TextEncoder().encode(`${JSON.stringify(artefact)}\n`)]]);
    },
  };
};

const withoutAlphabet = `Nothing says what the model's ids stand for, so it reads and writes numbers. ${howToGiveAlphabet}`;

/** The alphabet that was given, else the file's, else the one beside it. */
const chooseAlphabet = (
  { name, alphabet, alphabetName, fallbackAlphabet, fallbackName }: ImportOptions,
  own: unknown,
  { vocabulary, maskZero }: Network,
): Pick<ImportedModel, 'alphabet' | 'alphabetFrom'> => {
  const charactersOf = (given: unknown, where?: string) =>
    createAlphabet(given, vocabulary, maskZero, where).characters;
  if (alphabet !== undefined)
    return { alphabet: charactersOf(alphabet, alphabetName), alphabetFrom: 'option' };
  if (own !== undefined)
    return { alphabet: charactersOf(own, `${name}: its alphabet`), alphabetFrom: 'file' };
  if (fallbackAlphabet === undefined) return { alphabet: undefined, alphabetFrom: undefined };
  return { alphabet: charactersOf(fallbackAlphabet, fallbackName), alphabetFrom: 'fallback' };
};
