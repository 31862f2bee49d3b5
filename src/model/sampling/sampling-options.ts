import { expectedMessage, unexpected, type ValidationError } from '../../errors.ts';
import type { Alphabet } from '../format/alphabet.ts';
import type { SamplingOptions } from '../model.ts';
import { throwFaults } from './check-options.ts';
import { isAllowed, rangeOf, type SamplingParameterName, samplingParameters } from './parameters.ts';

/** The temperature of one choice: by the scores [vocabulary] of the first `count` of the `kept` ids, the largest of them given. */
export type TemperatureRule = (
  scores: Float64Array,
  kept: Int32Array,
  count: number,
  largest: number,
) => number;

/** What `SamplingOptions` say once checked, every default in its place. */
export interface Sampling extends Readonly<Record<SamplingParameterName, number>> {
  readonly bias: readonly (readonly [id: number, bias: number])[];
  /** Ids that may be chosen: [vocabulary], 0 or 1; undefined when all may. */
  readonly allowed: Uint8Array | undefined;
  /** In place of the temperature, where it is to follow the entropy. */
  readonly temperatureRule?: TemperatureRule;
}

/**
 * @param others Faults of the request's other options, to be thrown together with these.
 * @throws FolioError `invalid_parameter` that lists every fault; `unknown_character` for an `allowed` that the
 * model does not know
 */
export const checkSampling = (
  options: SamplingOptions,
  alphabet: Alphabet,
  others: readonly ValidationError[] = [],
): Sampling => {
  const faults = [...others];
  const fault = (where: string, expected: string, received: unknown): void => {
    faults.push({ code: 'invalid_parameter', where, message: expectedMessage(where, expected, received) });
  };
  const numbers = {} as Record<SamplingParameterName, number>;
  for (const [name, parameter] of samplingParameters) {
    numbers[name] = options[name] ?? parameter.default;
    if (!isAllowed(numbers[name], parameter)) fault(name, rangeOf(parameter), numbers[name]);
  }
  const bias = Object.entries(options.logitBias ?? {}).map(([key, value]) => {
    const id = biasedId(key, alphabet);
    if (id === undefined) {
      fault('logitBias', `ids from 0 to ${alphabet.size - 1}, or characters of the alphabet`, key);
    }
    if (!(typeof value === 'number' && Math.abs(value) <= 100)) {
      fault(`logitBias[${key}]`, 'a number from -100 to 100', value);
    }
    return [id ?? 0, value] as const;
  });
  throwFaults(faults);
  return { ...numbers, bias, allowed: allowedIds(options.allowed, alphabet) };
};

/** The id that a key of `logitBias` means: digits are an id, and `'5'` in quotes is the character. */
export const biasedId = (key: string, alphabet: Alphabet): number | undefined => {
  if (/^\d+$/.test(key)) return Number(key) < alphabet.size ? Number(key) : undefined;
  return alphabet.idOf(key.length > 2 ? key.replace(/^'(.+)'$/su, '$1') : key);
};

/** Ids without a character are never generated; neither is what `allowed` leaves out. */
const allowedIds = (allowed: string | undefined, alphabet: Alphabet): Uint8Array | undefined => {
  if (allowed !== undefined) {
    const ids = alphabet.encode(allowed).ids;
    if (ids.length === 0) {
      throw unexpected('invalid_parameter', 'allowed', 'at least one character', '');
    }
    const mask = new Uint8Array(alphabet.size);
    for (const id of ids) mask[id] = 1;
    return mask;
  }
  if (!alphabet.characters.includes('')) return undefined;
  return Uint8Array.from(alphabet.characters, (character) => (character === '' ? 0 : 1));
};
