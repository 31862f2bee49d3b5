import * as z from 'zod/mini';
import { rangeOf, type SamplingParameter } from '../../model/sampling/parameters.ts';
import { namePattern, referencePattern } from '../../store/model-name.ts';

/**
 * Fields of requests, each made with the words that its faults use: a schema's error is what was expected, and
 * `parse` adds what arrived.
 */
export const number = (min: number, max: number, description: string) => {
  const error = `a number from ${min} to ${max}`;
  return z
    .number({ error })
    .check(z.minimum(min, { error }), z.maximum(max, { error }), z.describe(description));
};

/** A sampling parameter's number. */
export const numberIn = (parameter: SamplingParameter): z.ZodMiniNumber<number> => {
  const { min, max, excludesMin, help } = parameter;
  const error = rangeOf(parameter);
  const whole = parameter.integer ? z.int({ error }) : z.number({ error });
  return whole.check(
    excludesMin ? z.gt(min, { error }) : z.minimum(min, { error }),
    z.maximum(max, { error }),
    z.describe(help),
  );
};

export const integer = (min: number, max: number, description: string) => {
  const error =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${min}`
      : `a whole number from ${min} to ${max}`;
  return z
    .int({ error })
    .check(z.minimum(min, { error }), z.maximum(max, { error }), z.describe(description));
};

export const text = (description: string) => z.string({ error: 'a string' }).check(z.describe(description));

export const flag = (description: string) =>
  z.boolean({ error: 'true or false' }).check(z.describe(description));

export const choice = <const T extends readonly [string, ...string[]]>(values: T, description: string) =>
  z
    .enum(values, { error: `one of ${values.map((value) => `"${value}"`).join(', ')}` })
    .check(z.describe(description));

/** Of a model, a version, a corpus or a preset. */
export const name = (description: string) => {
  const error = 'a name of 1 to 64 letters, digits, dots, dashes and underscores';
  return z.string({ error }).check(z.regex(namePattern, { error }), z.describe(description));
};

/** A model of the store, by name or pinned to a version. */
export const modelReference = (description: string) => {
  const error = 'a model’s name, or name@version';
  return z.string({ error }).check(z.regex(referencePattern, { error }), z.describe(description));
};
