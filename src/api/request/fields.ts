import * as z from 'zod/mini';
import { isModelName } from '../../store/model-name.ts';

/**
 * Fields of requests, each made with the words that its faults use: a schema's error is what was expected, and
 * `parse` adds what arrived.
 */
export const number = (least: number, most: number, description: string) => {
  const error = `a number from ${least} to ${most}`;
  return z
    .number({ error })
    .check(z.minimum(least, { error }), z.maximum(most, { error }), z.describe(description));
};

/** As `number`, but `least` itself is not allowed. */
export const numberAbove = (least: number, most: number, description: string) => {
  const error = `a number above ${least}, up to ${most}`;
  return z
    .number({ error })
    .check(z.gt(least, { error }), z.maximum(most, { error }), z.describe(description));
};

export const integer = (least: number, most: number, description: string) => {
  const error =
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${least}`
      : `a whole number from ${least} to ${most}`;
  return z
    .int({ error })
    .check(z.minimum(least, { error }), z.maximum(most, { error }), z.describe(description));
};

export const text = (description: string) => z.string({ error: 'a string' }).check(z.describe(description));

export const flag = (description: string) =>
  z.boolean({ error: 'true or false' }).check(z.describe(description));

export const choice = <const T extends readonly [string, ...string[]]>(values: T, description: string) =>
  z
    .enum(values, { error: `one of ${values.map((value) => `"${value}"`).join(', ')}` })
    .check(z.describe(description));

/** Of a model, a corpus or a preset. */
export const name = (description: string) => {
  const error = 'a name of 1 to 64 letters, digits, dots, dashes and underscores';
  return z.string({ error }).check(
    z.refine((value) => isModelName(value), { error }),
    z.describe(description),
  );
};
