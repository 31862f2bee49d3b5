import { findAlphabet } from '../model/format/alphabet-file.ts';
import { phrase, unsupported } from '../model/format/invalid.ts';
import type { ParsedModel } from './parsed-model.ts';
import { PickleDict, PickleObject, PickleTuple, type PickleValue } from './pickle.ts';
import { readSafetensors } from './safetensors.ts';
import { fromStateDict, type NamedShapes, type StateDictOptions } from './state-dict.ts';
import { isLegacyTorch, readLegacyTorch, readTorchZip, TorchTensor } from './torch-file.ts';

/** A `.pt` or `.pth` file: a state dict, or a checkpoint that holds one among other things. */
export const readPyTorch = (bytes: Uint8Array, where: string, options: StateDictOptions): ParsedModel => {
  const value = isLegacyTorch(bytes) ? readLegacyTorch(bytes, where) : readTorchZip(bytes, where);
  const counted = dictsIn(value, '', 0).map((found) => ({ ...found, tensors: tensorsOf(found.dict) }));
  // An optimizer's dicts hold tensors too, but none of them has a recurrent layer's names.
  const [best, ...others] = counted.filter(({ tensors }) =>
    [...tensors.keys()].some((name) => /(^|\.)weight_ih/.test(name)),
  );
  if (!best)
    throw noStateDict(
      where,
      value,
      counted.flatMap(({ tensors }) => [...tensors.keys()]),
    );
  for (const [name, entry] of best.dict.entries) {
    if (entry instanceof PickleObject)
      throw unsupported(String(name), 'a tensor of plain values', phrase(entry.name));
  }
  const { notes, ...model } = fromStateDict(best.tensors, where, options);
  const unread = others.map(({ path }) => path).join(' and ');
  const read = best.path || 'the outermost';
  const choice =
    `${where} holds the weights of ${others.length + 1} networks: ${read} was read, ${unread} not. ` +
    'To import another, save it alone by torch.save.';
  return {
    format: 'PyTorch',
    ...model,
    notes: others.length > 0 ? [choice, ...notes] : notes,
    alphabet: findAlphabet(plainOf(value instanceof PickleDict ? value : dictOfItems(value), 0)),
  };
};

export const readSafetensorsModel = (
  bytes: Uint8Array,
  where: string,
  options: StateDictOptions,
): ParsedModel => {
  const { tensors, metadata } = readSafetensors(bytes, where);
  // The format sorts by size of values and name: the order of registration is lost, that of the names is kept.
  const entries = [...tensors].map(([name, tensor]) => [name, { ...tensor, read: () => tensor }] as const);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    format: 'safetensors',
    ...fromStateDict(new Map(entries), where, { ...options, sorted: true }),
    alphabet: findAlphabet(metadata),
  };
};

const MOST_DEPTH = 6;

/** What stands directly in a dict, a list or a tuple. */
const within = (value: PickleValue): readonly PickleValue[] => {
  if (value instanceof PickleDict) return [...value.entries.values()];
  if (value instanceof PickleTuple) return value.items;
  return Array.isArray(value) ? value : [];
};

/** The items of a list as a dict. */
const dictOfItems = (value: PickleValue): PickleDict => {
  const dict = new PickleDict();
  within(value).forEach((item, at) => {
    dict.entries.set(at, item);
  });
  return dict;
};

/** A value's dicts from the outermost in, each with the keys that lead to it: `ema.module`. */
const dictsIn = (
  value: PickleValue,
  path: string,
  depth: number,
): readonly { readonly dict: PickleDict; readonly path: string }[] => {
  if (depth > MOST_DEPTH) return [];
  const dict = value instanceof PickleDict ? value : dictOfItems(value);
  const inner = [...dict.entries].flatMap(([key, one]) =>
    dictsIn(one, path === '' ? String(key) : `${path}.${String(key)}`, depth + 1),
  );
  return value instanceof PickleDict ? [{ dict, path }, ...inner] : inner;
};

/** The first that is of a kind, from the outermost in. */
const find = <Kind extends PickleValue>(
  value: PickleValue,
  is: (value: PickleValue) => value is Kind,
  depth = 0,
): Kind | undefined => {
  if (is(value)) return value;
  if (depth > MOST_DEPTH) return undefined;
  for (const inner of within(value)) {
    const found = find(inner, is, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** @param names Of the tensors that the file has all the same. */
const noStateDict = (where: string, value: PickleValue, names: readonly string[]): Error => {
  if (names.length > 0) {
    const expected = 'a state dict with an nn.LSTM, nn.GRU or nn.RNN';
    return unsupported(where, expected, phrase(`one of ${names.slice(0, 4).join(', ')}`));
  }
  const expected =
    "a state dict, torch.save(model.state_dict(), 'model.pt'), whose values can be read without running code";
  // A whole model is an object of a class, which is code and cannot come along.
  const object = find(value, (one) => one instanceof PickleObject);
  if (object)
    return unsupported(where, expected, phrase(`${object.name}, an object of the program that saved it`));
  const unnamed = find(value, (one) => one instanceof TorchTensor) !== undefined;
  return unsupported(where, expected, phrase(unnamed ? 'tensors without names' : 'a file without tensors'));
};

const tensorsOf = (dict: PickleDict): NamedShapes => {
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of dict.entries) {
    if (typeof name === 'string' && value instanceof TorchTensor && !value.isCounter)
      tensors.set(name, value);
  }
  return tensors;
};

/** Dicts, lists and texts as JSON would have them, without the tensors; keys that are numbers become texts. */
const plainOf = (value: PickleValue, depth: number): unknown => {
  if (depth > MOST_DEPTH || value instanceof TorchTensor) return undefined;
  if (value instanceof PickleDict) {
    const pairs = [...value.entries].map(([key, inner]) => [String(key), plainOf(inner, depth + 1)]);
    return Object.fromEntries(pairs);
  }
  if (value instanceof PickleTuple) return value.items.map((item) => plainOf(item, depth + 1));
  if (Array.isArray(value)) return value.map((item) => plainOf(item, depth + 1));
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
};
