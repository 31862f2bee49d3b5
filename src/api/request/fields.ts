import * as z from 'zod/mini';
import { rangeOf, type SamplingParameter } from '../../model/sampling/parameters.ts';
import { namePattern, referencePattern } from '../../store/model-name.ts';

/**
 * Fields of requests, each made with the words that its faults use: a schema's error is what was expected, and
 * `parse` adds what arrived.
 */
export const number = (min: number, max: number) => {
  const error = `a number from ${min} to ${max}`;
  return z.number({ error }).check(z.minimum(min, { error }), z.maximum(max, { error }));
};

/** A sampling parameter's number. */
export const numberIn = (parameter: SamplingParameter): z.ZodMiniNumber<number> => {
  const { min, max, excludesMin } = parameter;
  const error = rangeOf(parameter);
  const whole = parameter.integer ? z.int({ error }) : z.number({ error });
  return whole.check(
    excludesMin ? z.gt(min, { error }) : z.minimum(min, { error }),
    z.maximum(max, { error }),
  );
};

export const integer = (min: number, max: number) => {
  const error =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${min}`
      : `a whole number from ${min} to ${max}`;
  return z.int({ error }).check(z.minimum(min, { error }), z.maximum(max, { error }));
};

export const text = () => z.string({ error: 'a string' });

export const flag = () => z.boolean({ error: 'true or false' });

export const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `one of ${values.map((value) => `"${value}"`).join(', ')}` });

/** Of a model, a version, a corpus or a preset. */
export const name = () => {
  const error = 'a name of 1 to 64 letters, digits, dots, dashes and underscores';
  return z.string({ error }).check(z.regex(namePattern, { error }));
};

/** A model of the store, by name or pinned to a version. */
export const modelReference = () => {
  const error = 'a model’s name, or name@version';
  return z.string({ error }).check(z.regex(referencePattern, { error }));
};

const stopError = 'a string of 1 to 1000 characters, or an array of up to 128 such strings';
const stopString = () =>
  z
    .string({ error: stopError })
    .check(z.minLength(1, { error: stopError }), z.maxLength(1000, { error: stopError }));

/** One string, or several. */
export const strings = () =>
  z.union([stopString(), z.array(stopString()).check(z.maxLength(128, { error: stopError }))], {
    error: stopError,
  });
