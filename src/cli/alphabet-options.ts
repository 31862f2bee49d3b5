import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { FolioError } from '../errors.ts';
import {
  type AnyAlphabet,
  alphabetFiles,
  alphabetOfText,
  parseAlphabet,
} from '../model/format/alphabet-file.ts';
import { readGivenFile } from './read-file.ts';

export interface AlphabetOptions {
  readonly alphabet?: string;
  readonly alphabetFrom?: string;
}

/** An alphabet, and what messages call it: the file that it was read from. */
export interface NamedAlphabet {
  readonly alphabet: AnyAlphabet;
  readonly alphabetName: string;
}

/** The options of every command that names a model: what its ids stand for, where the model does not say. */
export const addAlphabet = (command: Command): Command =>
  command
    .option(
      '--alphabet <file>',
      "what the model's ids stand for: a list, an object of character to id or the other way",
    )
    .addOption(alphabetCorpusOption());

export const alphabetCorpusOption = (): Option =>
  new Option(
    '--alphabet-from <corpus>',
    'the text it was trained on: its characters, sorted, must be as many as the ids',
  );

/** @returns nothing where neither option is given @throws FolioError `not_found`, `model_invalid`, `invalid_parameter` */
export async function alphabetFrom({
  alphabet,
  alphabetFrom: corpus,
}: AlphabetOptions): Promise<NamedAlphabet | undefined> {
  if (alphabet !== undefined && corpus !== undefined) {
    throw new FolioError('invalid_parameter', 'Give --alphabet or --alphabet-from, not both.', {
      where: 'alphabet',
    });
  }
  if (alphabet !== undefined) {
    return { alphabet: parseAlphabet(await readGivenFile(alphabet), alphabet), alphabetName: alphabet };
  }
  if (corpus === undefined) return undefined;
  const text = new TextDecoder().decode(await readGivenFile(corpus));
  return { alphabet: alphabetOfText(text), alphabetName: corpus };
}

/** The first of the usual files beside a model's that holds an alphabet. */
export async function alphabetNear(
  file: string,
): Promise<{ readonly file: string; readonly alphabet: AnyAlphabet } | undefined> {
  for (const candidate of alphabetFiles) {
    const path = join(dirname(file), candidate);
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined) continue;
    try {
      return { file: path, alphabet: parseAlphabet(bytes, candidate) };
    } catch {
      // The name may be that of something else.
    }
  }
  return undefined;
}
