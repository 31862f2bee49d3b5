import { findAlphabet } from '../model/format/alphabet-file.ts';
import { unsupported } from '../model/format/invalid.ts';
import type { ParsedModel } from './parsed-model.ts';
import { PickleDict, PickleTuple, type PickleValue } from './pickle.ts';
import { readSafetensors } from './safetensors.ts';
import { fromStateDict, type NamedShapes, type StateDictOptions } from './state-dict.ts';
import { isLegacyTorch, readLegacyTorch, readTorchZip, TorchTensor } from './torch-file.ts';

/** A `.pt` or `.pth` file: a state dict, or a checkpoint that holds one among other things. */
export const readPyTorch = (bytes: Uint8Array, where: string, options: StateDictOptions): ParsedModel => {
  const value = isLegacyTorch(bytes) ? readLegacyTorch(bytes, where) : readTorchZip(bytes, where);
  const dicts = dictsIn(value, 0);
  const counted = dicts.map((dict) => ({ dict, tensors: tensorsOf(dict) }));
  // An optimizer's dicts hold tensors too, but none of them has a recurrent layer's names.
  const best = counted.find(({ tensors }) =>
    [...tensors.keys()].some((name) => /(^|\.)weight_ih/.test(name)),
  );
  if (!best) {
    const names = counted.flatMap(({ tensors }) => [...tensors.keys()]).slice(0, 4);
    throw unsupported(
      where,
      'a state dict with an nn.LSTM, nn.GRU or nn.RNN',
      names.length === 0 ? 'a file without tensors' : `tensors ${names.join(', ')}`,
    );
  }
  return {
    format: 'PyTorch',
    ...fromStateDict(best.tensors, where, options),
    alphabet: findAlphabet(plainOf(value, 0)),
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

/** A value's dicts from the outermost in. */
const dictsIn = (value: PickleValue, depth: number): readonly PickleDict[] => {
  if (!(value instanceof PickleDict) || depth > MOST_DEPTH) return [];
  return [value, ...[...value.entries.values()].flatMap((inner) => dictsIn(inner, depth + 1))];
};

const tensorsOf = (dict: PickleDict): NamedShapes => {
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of dict.entries) {
    if (typeof name === 'string' && value instanceof TorchTensor) tensors.set(name, value);
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
