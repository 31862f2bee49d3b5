import { describeValue, FolioError } from '../../errors.ts';
import { normalizeAlphabet } from './alphabet-file.ts';
import { invalid, isObject, phrase } from './invalid.ts';
import { nearestCharacters } from './nearest-characters.ts';

/**
 * Which character each of a model's ids stands for. A character is a Unicode code point; an alphabet from elsewhere
 * may hold longer pieces, which can be generated but not read from a prompt. A model without any alphabet speaks in
 * ids: its text is their decimal numbers, separated by spaces.
 */
export interface Alphabet {
  readonly kind: 'characters' | 'ids';
  readonly size: number;
  /** In id order: what the id stands for; '' for an id that stands for nothing and is never generated. */
  readonly characters: readonly string[];
  /** The id of a character, undefined for one that the model does not know. */
  idOf(character: string): number | undefined;
  /** What the id adds to a text. */
  piece(id: number): string;
  /** The text of these ids. */
  decode(ids: Iterable<number>): string;
  /** @throws FolioError `unknown_character` under the rule 'error' */
  encode(text: string, unknown?: UnknownRule): Encoded;
}

/** What becomes of a character that the model does not know. */
export type UnknownRule = 'error' | 'skip' | 'nearest';

/** A character that the rule left out, by '', or replaced; `at` counts the text's characters from 0. */
export interface Replaced {
  readonly at: number;
  readonly character: string;
  readonly by: string;
}

export interface Encoded {
  readonly ids: readonly number[];
  readonly replaced: readonly Replaced[];
}

/** For messages about a model that carries no alphabet, whichever way it was reached. */
export const howToGiveAlphabet =
  'An alphabet is given on the command line by --alphabet FILE or --alphabet-from CORPUS, over HTTP when the model is imported, in code by the option alphabet.';

/**
 * @param given As found beside or in a model: a list of characters in id order, as many as there are ids; an object of
 * character to id or the other way round, which may have gaps; or a text that holds every character once. Absent: ids.
 * @param size Ids that the model knows.
 * @param maskZero Whether id 0 is neither fed nor generated: it then stands for nothing.
 * @param where What messages call it: the file that it was read from.
 * @throws FolioError `model_invalid`
 */
export const createAlphabet = (
  given: unknown,
  size: number,
  maskZero = false,
  where = 'alphabet',
): Alphabet => {
  if (given === undefined) return idAlphabet(size, maskZero);
  const characters = listOf(given, size, maskZero, where);
  const ids = new Map<string, number>();
  characters.forEach((character, id) => {
    if (character === '') return;
    const other = ids.get(character);
    if (other !== undefined)
      throw invalid(where, 'every character once', phrase(`${describeValue(character)} twice`));
    ids.set(character, id);
  });
  if (ids.size === 0) throw invalid(where, 'at least one character', undefined);
  return {
    kind: 'characters',
    size,
    characters,
    idOf: (character) => ids.get(character),
    piece: (id) => characters[id] ?? '',
    decode: (given) => Array.from(given, (id) => characters[id] ?? '').join(''),
    encode: (text, unknown = 'error') => encode(text, ids, unknown),
  };
};

const listOf = (value: unknown, size: number, maskZero: boolean, where: string): readonly string[] => {
  const given = normalizeAlphabet(value) ?? value;
  const characters: string[] = new Array(size).fill('');
  const put = (character: unknown, id: unknown): void => {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= size) {
      throw invalid(where, `ids from 0 to ${size - 1}, as the model has ${size}`, id);
    }
    if (typeof character !== 'string') throw invalid(`${where}[${String(id)}]`, 'a character', character);
    characters[id as number] = character;
  };
  const putAll = (list: readonly unknown[]): void => {
    // One too few, and every character from the gap on would stand for its neighbour.
    if (list.length !== size) {
      throw invalid(
        where,
        `a list of ${size} characters, as the model has ${size} ids (an object of character to id may have gaps)`,
        phrase(`a list of ${list.length}`),
      );
    }
    list.forEach(put);
  };
  if (typeof given === 'string') putAll(fromText(given, size));
  else if (Array.isArray(given)) putAll(given);
  else if (isObject(given)) {
    const taken = new Set<unknown>();
    for (const [character, id] of Object.entries(given)) {
      if (taken.has(id)) throw invalid(where, 'every id once', phrase(`${String(id)} twice`));
      taken.add(id);
      put(character, id);
    }
  } else throw invalid(where, 'a list, an object or a text', given);
  if (maskZero) characters[0] = '';
  return characters;
};

/** Characters one after another, or one a line; an editor may have ended either with a newline. */
const fromText = (text: string, size: number): readonly string[] => {
  const characters = [...text];
  if (characters.length === size) return characters;
  const lines = text.replace(/\n$/, '').split('\n');
  if (lines.length === size && lines.every((line) => [...line].length <= 1)) return lines;
  if (characters.length === size + 1 && characters.at(-1) === '\n') return characters.slice(0, size);
  return characters;
};

const encode = (text: string, known: ReadonlyMap<string, number>, unknown: UnknownRule): Encoded => {
  const ids: number[] = [];
  const replaced: { at: number; character: string; by: string }[] = [];
  let at = 0;
  for (const character of text) {
    const id = known.get(character);
    if (id !== undefined) ids.push(id);
    else if (unknown === 'error') throw unknownCharacter(character, at);
    else {
      const by = unknown === 'skip' ? [] : nearestCharacters(character, known);
      for (const substitute of by) ids.push(known.get(substitute)!);
      replaced.push({ at, character, by: by.join('') });
    }
    at++;
  }
  return { ids, replaced };
};

const unknownCharacter = (character: string, at: number): FolioError => {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  return new FolioError(
    'unknown_character',
    `The model does not know ${describeValue(character)} (U+${code}), character ${at + 1} of the text; ` +
      '`unknown` set to "nearest" takes the closest that it knows, set to "skip" leaves it out.',
    {
      where: 'prompt',
      expected: "characters of the model's alphabet",
      received: `${describeValue(character)}, character ${at + 1}`,
    },
  );
};

const idAlphabet = (size: number, maskZero: boolean): Alphabet => {
  const characters = Array.from({ length: size }, (_, id) => (maskZero && id === 0 ? '' : String(id)));
  const idOf = (text: string): number | undefined => {
    const id = /^\d{1,9}$/.test(text) ? Number(text) : size;
    return id < size && characters[id] !== '' ? id : undefined;
  };
  return {
    kind: 'ids',
    size,
    characters,
    idOf,
    piece: (id) => ` ${id}`,
    decode: (ids) => [...ids].join(' '),
    encode: (text, unknown = 'error') => {
      const ids: number[] = [];
      const replaced: { at: number; character: string; by: string }[] = [];
      text
        .split(/\s+/)
        .filter((word) => word !== '')
        .forEach((word, at) => {
          const id = idOf(word);
          if (id !== undefined) ids.push(id);
          else if (unknown === 'error') {
            throw new FolioError(
              'unknown_character',
              `The model has no alphabet: ${describeValue(word)} is no id of it. ${howToGiveAlphabet}`,
              {
                where: 'prompt',
                expected: `ids from 0 to ${size - 1}, separated by spaces`,
                received: describeValue(word),
              },
            );
          } else replaced.push({ at, character: word, by: '' });
        });
      return { ids, replaced };
    },
  };
};
