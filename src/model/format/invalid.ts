import { describeValue, expectedMessage, FolioError, Phrase, unexpected } from '../../errors.ts';

/** In the place of a value that arrived, what it is in words: see `Phrase`. */
export const phrase = (text: string): Phrase => new Phrase(text);

/** What is wrong with a model's files. @param where The layer, weight or property: `layers[1].units` */
export const invalid = (where: string, expected: string, received: unknown): FolioError =>
  unexpected('model_invalid', where, expected, received);

/** What is right in itself, but cannot be run here. */
export const unsupported = (where: string, expected: string, received: unknown): FolioError =>
  new FolioError(
    'model_unsupported',
    received === undefined
      ? expectedMessage(where, expected, received)
      : `${where}: ${describeValue(received)} cannot be run; expected ${expected}.`,
    {
      where,
      expected,
      received: describeValue(received),
    },
  );

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value of a file as text, whatever it is: `String` calls methods that an object of JSON may hide. */
export const textOf = (value: unknown): string =>
  typeof value === 'object' && value !== null ? describeValue(value) : String(value);

/** @throws FolioError `model_invalid` */
export const objectAt = (value: unknown, where: string): Json => {
  if (!isObject(value)) throw invalid(where, 'an object', value);
  return value;
};

/** @throws FolioError `model_invalid` */
export const listAt = (value: unknown, where: string): readonly unknown[] => {
  if (!Array.isArray(value)) throw invalid(where, 'a list', value);
  return value;
};

/** @throws FolioError `model_invalid` */
export const nameAt = (value: unknown, where: string): string => {
  if (typeof value !== 'string' || value === '') throw invalid(where, 'a name', value);
  return value;
};

/** @throws FolioError `model_invalid` */
export const countAt = (value: unknown, where: string): number => {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw invalid(where, 'a whole number above 0', value);
  }
  return value as number;
};
