import { expectedMessage, FolioError, unexpected, type ValidationError } from '../../errors.ts';

/** What an option has to be, in words and as a test. */
export type Check = readonly [expected: string, is: (value: unknown) => boolean];

export const whole = (min: number, max = Number.MAX_SAFE_INTEGER): Check => [
  `a whole number from ${min} to ${max}`,
  (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
];

export const oneOf = (values: readonly string[]): Check => [
  `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`,
  (value) => values.includes(value as string),
];

export const aText: Check = ['a text', (value) => typeof value === 'string'];

export const aFunction: Check = ['a function', (value) => typeof value === 'function'];

export const aSignal: Check = ['an AbortSignal', (value) => hasMethod(value, 'addEventListener')];

export const unknownRule = oneOf(['error', 'skip', 'nearest']);

/** Whether a value has a method, whatever made it: it may come from another realm. */
export const hasMethod = (value: unknown, name: string): boolean =>
  typeof (value as Readonly<Record<string, unknown>> | null | undefined)?.[name] === 'function';

/**
 * What is wrong with options, for callers whose compiler does not check them. An option that is not given is right.
 *
 * @throws FolioError `invalid_parameter` for what are no options at all
 */
export const faultsOf = (options: unknown, checks: Readonly<Record<string, Check>>): ValidationError[] => {
  if (typeof options !== 'object' || options === null)
    throw unexpected('invalid_parameter', 'options', 'an object', options);
  return Object.entries(checks).flatMap(([where, [expected, is]]) => {
    const value = (options as Readonly<Record<string, unknown>>)[where];
    if (value === undefined || is(value)) return [];
    return [{ code: 'invalid_parameter', where, message: expectedMessage(where, expected, value) }];
  });
};

/** @throws FolioError `invalid_parameter` with all faults together, if there are any */
export const throwFaults = (faults: readonly ValidationError[]): void => {
  const [first] = faults;
  if (first === undefined) return;
  throw new FolioError(first.code, faults.map(({ message }) => message).join(' '), {
    where: first.where,
    faults,
  });
};
