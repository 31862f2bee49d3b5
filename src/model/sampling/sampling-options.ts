import { FolioError, type ValidationError } from '../../errors.ts';
import type { Alphabet } from '../format/alphabet.ts';
import { describeValue } from '../format/invalid.ts';
import type { SamplingOptions } from '../model.ts';

/** What `SamplingOptions` say once checked, every default in its place. */
export interface Sampling {
  readonly temperature: number;
  /** 0: no cut. */
  readonly topK: number;
  /** 1: no cut. */
  readonly topP: number;
  /** 0: no cut. */
  readonly minP: number;
  /** 1: no cut. */
  readonly typicalP: number;
  /** 1: none. */
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly bias: readonly (readonly [id: number, bias: number])[];
  /** Ids that may be chosen: [vocabulary], 0 or 1; undefined when all may. */
  readonly allowed: Uint8Array | undefined;
}

type Range = readonly [least: number, most: number, exclusive?: boolean];

/** Each parameter's range and default; `topK` must be a whole number besides. */
const ranges = {
  temperature: [[0, 100], 1],
  topK: [[0, 2 ** 31], 0],
  topP: [[0, 1], 1],
  minP: [[0, 1], 0],
  typicalP: [[0, 1, true], 1],
  repetitionPenalty: [[0, 100, true], 1],
  presencePenalty: [[-100, 100], 0],
  frequencyPenalty: [[-100, 100], 0],
} as const satisfies Record<string, readonly [Range, number]>;

/**
 * @throws FolioError `invalid_parameter` that tells every fault at once; `unknown_character` for an `allowed` that the
 * model does not know
 */
export const checkSampling = (options: SamplingOptions, alphabet: Alphabet): Sampling => {
  const faults: ValidationError[] = [];
  const fault = (where: string, expected: string, received: unknown): void => {
    faults.push({
      code: 'invalid_parameter',
      where,
      message: `${where}: expected ${expected}, got ${describeValue(received)}.`,
    });
  };
  const read = (name: keyof typeof ranges): number => {
    const [[least, most, exclusive], fallback]: readonly [Range, number] = ranges[name];
    const value = options[name] ?? fallback;
    const within = exclusive ? value > least && value <= most : value >= least && value <= most;
    const whole = name !== 'topK' || Number.isInteger(value);
    if (typeof value !== 'number' || !within || !whole) {
      const kind = name === 'topK' ? 'a whole number' : 'a number';
      fault(name, `${kind} ${exclusive ? 'above' : 'from'} ${least} to ${most}`, value);
    }
    return value;
  };
  const bias = Object.entries(options.logitBias ?? {}).map(([key, value]) => {
    const id = Number(key);
    if (!Number.isInteger(id) || id < 0 || id >= alphabet.size) {
      fault('logitBias', `ids from 0 to ${alphabet.size - 1}`, key);
    }
    if (!(typeof value === 'number' && Math.abs(value) <= 100)) {
      fault(`logitBias[${key}]`, 'a number from -100 to 100', value);
    }
    return [id, value] as const;
  });
  const sampling: Sampling = {
    temperature: read('temperature'),
    topK: read('topK'),
    topP: read('topP'),
    minP: read('minP'),
    typicalP: read('typicalP'),
    repetitionPenalty: read('repetitionPenalty'),
    presencePenalty: read('presencePenalty'),
    frequencyPenalty: read('frequencyPenalty'),
    bias,
    allowed: allowedIds(options.allowed, alphabet),
  };
  const [first] = faults;
  if (first !== undefined) {
    throw new FolioError(first.code, faults.map(({ message }) => message).join(' '), {
      where: first.where,
      faults,
    });
  }
  return sampling;
};

/** Ids without a character are never generated; neither is what `allowed` leaves out. */
const allowedIds = (allowed: string | undefined, alphabet: Alphabet): Uint8Array | undefined => {
  if (allowed !== undefined) {
    const ids = alphabet.encode(allowed).ids;
    if (ids.length === 0) {
      throw new FolioError('invalid_parameter', 'allowed: expected at least one character, got none.', {
        where: 'allowed',
        expected: 'at least one character',
        received: '""',
      });
    }
    const mask = new Uint8Array(alphabet.size);
    for (const id of ids) mask[id] = 1;
    return mask;
  }
  if (!alphabet.characters.includes('')) return undefined;
  return Uint8Array.from(alphabet.characters, (character) => (character === '' ? 0 : 1));
};
