import { invalid, isObject } from './invalid.ts';

/**
 * Alphabets as people have them, made into what `createAlphabet` takes: a list of characters by id, or an object of
 * character to id, which may have gaps.
 */
export type AnyAlphabet = readonly string[] | Readonly<Record<string, number>> | string;

/** Names under which checkpoints and JSON files keep an alphabet, the most specific first. */
const keys = [
  'char2idx',
  'char_to_idx',
  'char2ix',
  'char_to_ix',
  'char_to_int',
  'char2int',
  'char_to_id',
  'char2id',
  'char_indices',
  'character_to_index',
  'char2index',
  'char_to_index',
  'char_to_num',
  'stoi',
  'idx2char',
  'idx_to_char',
  'ix_to_char',
  'int_to_char',
  'int2char',
  'indices_char',
  'id2char',
  'index2char',
  'index_to_char',
  'num_to_char',
  'itos',
  'chars',
  'characters',
  'all_characters',
  'all_letters',
  'tokens',
  'alphabet',
  'vocab',
  'vocabulary',
  'word_index',
] as const;

/** Files beside a model in which an alphabet is looked for, in this order. */
export const alphabetFiles = [
  'alphabet.json',
  'alphabet.txt',
  'char2idx.json',
  'char_to_idx.json',
  'char_indices.json',
  'char2index.json',
  'char2int.json',
  'chars.json',
  'stoi.json',
  'vocab.json',
  'vocabulary.json',
  'tokenizer.json',
  'vocabulary.txt',
  'vocab.txt',
  'chars.txt',
  'idx2char.json',
  'indices_char.json',
] as const;

const MOST_DEPTH = 4;

/**
 * The alphabet in a value that may hold it: itself, or under one of the usual names, however deep.
 * @returns undefined where there is none
 */
export const findAlphabet = (value: unknown, depth = 0): AnyAlphabet | undefined => {
  if (typeof value === 'string' && depth > 0 && /^\s*[[{]/.test(value)) {
    const inner = jsonIn(value);
    if (inner !== undefined) return findAlphabet(inner, depth + 1) ?? asAlphabet(inner);
  }
  if (!isObject(value) || depth > MOST_DEPTH) return undefined;
  for (const key of keys) {
    const candidate = value[key];
    if (candidate === undefined || candidate === null) continue;
    const found = asAlphabet(typeof candidate === 'string' ? (jsonIn(candidate) ?? candidate) : candidate);
    if (found !== undefined) return found;
  }
  for (const inner of Object.values(value)) {
    const found = isObject(inner) || typeof inner === 'string' ? findAlphabet(inner, depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
};

/**
 * The alphabet in a file that somebody named as one, whatever form it has.
 * @throws FolioError `model_invalid` saying which forms are known
 */
export const parseAlphabet = (bytes: Uint8Array, file: string): AnyAlphabet => {
  const text = new TextDecoder().decode(bytes);
  const json = file.endsWith('.txt') ? undefined : jsonIn(text);
  if (json === undefined || typeof json === 'number') return withoutSpecial(text, file); // digits are an alphabet too
  // Keras' to_json gives a text, which many then dump as JSON once more.
  const found = normalizeAlphabet(typeof json === 'string' ? (jsonIn(json) ?? json) : json);
  if (found !== undefined) return found;
  throw invalid(
    file,
    'a list of characters, {"character": id}, {"id": "character"}, pairs of both, a Keras tokenizer, ' +
      'or one of these under a name such as "chars" or "char2idx"',
    json,
  );
};

/** A server's own page in the place of a file that is not there. */
export const isWebPage = (bytes: Uint8Array): boolean =>
  /^\s*<(!doctype html|html)\b/i.test(new TextDecoder().decode(bytes.subarray(0, 200)));

/** The characters of a text, sorted by code point, as `sorted(set(text))` gives them in Python. */
export const alphabetOfText = (text: string): readonly string[] =>
  [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** A value in one of the known forms; undefined for any other. */
const asAlphabet = (value: unknown): AnyAlphabet | undefined => {
  if (typeof value === 'string') return value.length > 1 ? value : undefined;
  if (Array.isArray(value)) return ofList(value);
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.length === 0) return undefined;
  if (entries.every(([, id]) => isId(id))) return toIds(entries);
  // Ids as texts on either side: {"0": "a"}, {"a": "0"}.
  if (entries.every(([id, character]) => isIdText(id) && typeof character === 'string')) {
    const ids = new Set(entries.map(([id]) => Number(id)));
    if (ids.size === entries.length) return byId(entries);
  }
  if (entries.every(([, id]) => typeof id === 'string' && isIdText(id))) return toIds(entries);
  return undefined;
};

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isIdText = (value: string): boolean => /^\d{1,9}$/.test(value);

const toIds = (entries: readonly [string, unknown][]): AnyAlphabet =>
  Object.fromEntries(entries.map(([character, id]) => [character, Number(id)]));

/** `{"0": "a", "2": "b"}`: an id without a character stands for nothing. */
const byId = (entries: readonly [string, unknown][]): AnyAlphabet =>
  Object.fromEntries(entries.map(([id, character]) => [String(character), Number(id)]));

/** Characters, or pairs of a character and its id in either order. */
const ofList = (list: readonly unknown[]): AnyAlphabet | undefined => {
  if (list.length === 0) return undefined;
  if (list.every((item) => typeof item === 'string')) return list as readonly string[];
  const pairs: [string, unknown][] = [];
  for (const item of list) {
    if (!Array.isArray(item) || item.length !== 2) return undefined;
    const [a, b] = item;
    if (typeof a === 'string' && isId(b)) pairs.push([a, b]);
    else if (typeof b === 'string' && isId(a)) pairs.push([b, a]);
    else return undefined;
  }
  return toIds(pairs);
};

/**
 * `vocabulary.txt` of Keras' TextVectorization or StringLookup: one entry a line, entries such as `[UNK]` for padding and the
 * unknown among them. An entry that is a newline shows as two empty lines. Any other text is the characters themselves.
 */
const withoutSpecial = (text: string, file: string): AnyAlphabet => {
  const lines = text.split('\n');
  const oneALine = lines.includes('[UNK]') || lines.every((line) => [...line].length < 2);
  if (!/vocabulary\.txt$/.test(file) || !oneALine) return text;
  const ids: Record<string, number> = {};
  let id = 0;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (line === '' && lines[i + 1] === '' && (i > 0 || lines[i + 2] !== '')) {
      ids['\n'] = id;
      i++;
    } else if (line !== '' && line !== '[UNK]') ids[line] = id;
    id++;
  }
  return ids;
};

/** Whether a value looks like an alphabet, and not like a model. */
export const looksLikeAlphabet = (value: unknown): boolean => normalizeAlphabet(value) !== undefined;

/** An alphabet in any of the known forms, bare or under one of the usual names; undefined for anything else. */
export const normalizeAlphabet = (value: unknown): AnyAlphabet | undefined =>
  asAlphabet(value) ?? findAlphabet(value);
