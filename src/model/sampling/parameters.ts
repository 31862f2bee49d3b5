/**
 * A number that shapes how the next character is chosen. Everything that knows sampling parameters follows from this
 * table: the library's options and their checks, the fields of HTTP requests (`topK` is `top_k` there), the options
 * of the command line (`--top-k`), the playground's sliders and the tables of docs/sampling.md.
 */
export interface SamplingParameter {
  /** The smallest value allowed, or the bound below which nothing is allowed where `excludesMin`. */
  readonly min: number;
  readonly max: number;
  readonly excludesMin?: true;
  readonly integer?: true;
  /** The value that leaves the step out; `temperature`'s leaves the model's own distribution. */
  readonly default: number;
  /** One sentence, for the API's description, the command line and the page. */
  readonly help: string;
  /** The placeholder on the command line: `--top-p <share>`. */
  readonly unit: 'number' | 'count' | 'share' | 'factor';
  /** The playground's slider, where it has one: a part of the range that is useful to people. */
  readonly slider?: { readonly min: number; readonly max: number; readonly step: number };
}

export const SAMPLING_PARAMETERS = {
  /** 0 is greedy. Default 1. */
  temperature: {
    min: 0,
    max: 2,
    default: 1,
    help: 'Above 1 flattens the distribution, below 1 sharpens it; 0 always takes the likeliest character.',
    unit: 'number',
    slider: { min: 0, max: 2, step: 0.05 },
  },
  /** 0 is none. Default 0. */
  dynatempRange: {
    min: 0,
    max: 2,
    default: 0,
    help: 'Lets the temperature follow the entropy: by this much below it where the model is sure, above it where it is not.',
    unit: 'number',
    slider: { min: 0, max: 1, step: 0.05 },
  },
  /** Default 1. */
  dynatempExponent: {
    min: 0,
    max: 10,
    excludesMin: true,
    default: 1,
    help: 'How the temperature follows the entropy; above 1 it stays low for longer.',
    unit: 'number',
  },
  /** 0 keeps all. Default 0. */
  topK: {
    min: 0,
    max: 65_536,
    integer: true,
    default: 0,
    help: 'Keep only this many of the likeliest characters; 0 keeps all.',
    unit: 'count',
    slider: { min: 0, max: 40, step: 1 },
  },
  /** 1 keeps all. Default 1. */
  topP: {
    min: 0,
    max: 1,
    default: 1,
    help: 'Keep the likeliest characters that together have this probability.',
    unit: 'share',
    slider: { min: 0.05, max: 1, step: 0.01 },
  },
  /** 0 keeps all. Default 0. */
  minP: {
    min: 0,
    max: 1,
    default: 0,
    help: 'Keep characters at least this many times as likely as the likeliest one.',
    unit: 'share',
    slider: { min: 0, max: 0.5, step: 0.01 },
  },
  /** 1 keeps all. Default 1. */
  typicalP: {
    min: 0,
    max: 1,
    excludesMin: true,
    default: 1,
    help: 'Keep the characters whose surprise is closest to the entropy and that together have this probability.',
    unit: 'share',
    slider: { min: 0.05, max: 1, step: 0.01 },
  },
  /** 1 is none. Default 1. */
  repetitionPenalty: {
    min: 0,
    max: 10,
    excludesMin: true,
    default: 1,
    help: 'Divides the positive logits of characters that already stand in the text, multiplies the negative ones.',
    unit: 'factor',
    slider: { min: 1, max: 1.5, step: 0.01 },
  },
  /** Default 0. */
  presencePenalty: {
    min: -2,
    max: 2,
    default: 0,
    help: 'Subtracted once from the logit of every character that was generated already.',
    unit: 'number',
  },
  /** Default 0. */
  frequencyPenalty: {
    min: -2,
    max: 2,
    default: 0,
    help: 'Subtracted from the logit of a character for each time that it was generated.',
    unit: 'number',
    slider: { min: 0, max: 0.5, step: 0.01 },
  },
  /** 0 is none. Default 0. */
  dryMultiplier: {
    min: 0,
    max: 10,
    default: 0,
    help: 'Makes words less likely that would go on with a repetition of the text (DRY): by this much where it has the allowed length.',
    unit: 'number',
    slider: { min: 0, max: 2, step: 0.1 },
  },
  /** Default 1.2. */
  dryBase: {
    min: 1,
    max: 10,
    default: 1.2,
    help: 'By how many times the DRY penalty grows with each character that a repetition is longer.',
    unit: 'factor',
  },
  /** Default 12. */
  dryAllowedLength: {
    min: 1,
    max: 1000,
    integer: true,
    default: 12,
    help: 'Characters of a repetition from which the DRY penalty begins.',
    unit: 'count',
  },
  /** Default 4096. */
  dryPenaltyLastN: {
    min: 0,
    max: 8192,
    integer: true,
    default: 4096,
    help: 'Characters of prompt and text that the DRY penalty looks back at.',
    unit: 'count',
  },
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
