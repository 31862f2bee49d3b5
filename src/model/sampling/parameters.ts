/**
 * A number that shapes how the next character is chosen. Everything that knows sampling parameters follows from this
 * table: the library's options and their checks, the fields of HTTP requests (`topK` is `top_k` there), the options
 * of the command line (`--top-k`), the playground's sliders and the tables of docs/sampling.md. What is said of them to
 * people is in `parameter-texts.ts`, which no function loads that generates.
 */
export interface SamplingParameter {
  /** The smallest value allowed, or the bound below which nothing is allowed where `excludesMin`. */
  readonly min: number;
  readonly max: number;
  readonly excludesMin?: true;
  readonly integer?: true;
  /** The value that leaves the step out; `temperature`'s leaves the model's own distribution. */
  readonly default: number;
}

export const SAMPLING_PARAMETERS = {
  /** 0 is greedy. Default 1. */
  temperature: { min: 0, max: 2, default: 1 },
  /** 0 is none. Default 0. */
  dynatempRange: { min: 0, max: 2, default: 0 },
  /** Default 1. */
  dynatempExponent: { min: 0, max: 10, excludesMin: true, default: 1 },
  /** 0 keeps all. Default 0. */
  topK: { min: 0, max: 65_536, integer: true, default: 0 },
  /** 1 keeps all. Default 1. */
  topP: { min: 0, max: 1, default: 1 },
  /** 0 keeps all. Default 0. */
  minP: { min: 0, max: 1, default: 0 },
  /** 1 keeps all. Default 1. */
  typicalP: { min: 0, max: 1, excludesMin: true, default: 1 },
  /** 1 is none. Default 1. */
  repetitionPenalty: { min: 0, max: 10, excludesMin: true, default: 1 },
  /** Default 0. */
  presencePenalty: { min: -2, max: 2, default: 0 },
  /** Default 0. */
  frequencyPenalty: { min: -2, max: 2, default: 0 },
  /** 0 is none. Default 0. */
  dryMultiplier: { min: 0, max: 10, default: 0 },
  /** Default 1.2. */
  dryBase: { min: 1, max: 10, default: 1.2 },
  /** Default 12. */
  dryAllowedLength: { min: 1, max: 1000, integer: true, default: 12 },
  /** Default 4096. */
  dryPenaltyLastN: { min: 0, max: 8192, integer: true, default: 4096 },
} as const satisfies Readonly<Record<string, SamplingParameter>>;

export type SamplingParameterName = keyof typeof SAMPLING_PARAMETERS;

/** The table as a list, in the order in which documents and help show it. */
export const samplingParameters = /* @__PURE__ */ Object.entries(SAMPLING_PARAMETERS) as readonly (readonly [
  name: SamplingParameterName,
  parameter: SamplingParameter,
])[];

/** What is allowed, as messages and documents say it: `a number above 0, up to 1`. */
export const rangeOf = ({ min, max, excludesMin, integer }: SamplingParameter): string =>
  `${integer ? 'a whole number' : 'a number'} ${excludesMin ? `above ${min}, up to` : `from ${min} to`} ${max}`;

export const isAllowed = (value: unknown, { min, max, excludesMin, integer }: SamplingParameter): boolean =>
  typeof value === 'number' &&
  (excludesMin ? value > min : value >= min) &&
  value <= max &&
  (!integer || Number.isInteger(value));

/** `topK` -> `top_k`: the name in HTTP requests. */
export type SnakeCase<Name extends string> = Name extends `${infer Head}${infer Tail}`
  ? Head extends Lowercase<Head>
    ? `${Head}${SnakeCase<Tail>}`
    : `_${Lowercase<Head>}${SnakeCase<Tail>}`
  : Name;

export const snakeCase = <Name extends string>(name: Name): SnakeCase<Name> =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) as SnakeCase<Name>;
