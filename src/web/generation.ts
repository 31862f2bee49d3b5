import { SAMPLING_PARAMETER_TEXTS, type SamplingParameterText } from '../model/sampling/parameter-texts.ts';
import { SAMPLING_PARAMETERS, type SamplingParameterName } from '../model/sampling/parameters.ts';

/** The sampling parameters that the page has a slider for. */
export type SliderParameterName = {
  [Name in SamplingParameterName]: (typeof SAMPLING_PARAMETER_TEXTS)[Name] extends { readonly slider: object }
    ? Name
    : never;
}[SamplingParameterName];

export const sliderParameterNames = Object.entries<SamplingParameterText>(SAMPLING_PARAMETER_TEXTS)
  .filter(([, { slider }]) => slider !== undefined)
  .map(([name]) => name as SliderParameterName);

/** What the page asks for, by the names of the library's options; link, snippets and both backends read it. */
export interface GenerationSettings extends Readonly<Record<SliderParameterName, number>> {
  readonly prompt: string;
  readonly length: number; // characters
  readonly seed: number;
  readonly n: number;
  readonly copyGuard: number; // characters; 0: none
  readonly stop: string; // empty: none
  readonly pattern: string; // empty: none
  readonly choices: string; // one a line; empty: none
  readonly jsonSchema: string; // empty: none
  readonly banned: string; // one a line; empty: none
  readonly minLength: number; // characters; 0: none
  readonly unknown: 'error' | 'skip' | 'nearest';
}

/** The texts of a setting that has one a line. */
export const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** A value for each parameter that has a slider, by its name. */
export const forSliderParameters = <Value>(
  valueFor: (name: SliderParameterName) => Value,
): Record<SliderParameterName, Value> =>
  Object.fromEntries(sliderParameterNames.map((name) => [name, valueFor(name)])) as Record<
    SliderParameterName,
    Value
  >;

/** A text that may be anything. */
export const noForm = { pattern: '', choices: '', jsonSchema: '' } as const;

/** What the page starts with: sharper than the model's own distribution, which makes better text. */
export const defaultSettings: GenerationSettings = {
  prompt: 'ROMEO:',
  length: 400,
  seed: 1,
  n: 1,
  ...forSliderParameters((name) => SAMPLING_PARAMETERS[name].default),
  temperature: 0.8,
  topP: 0.95,
  copyGuard: 0,
  stop: '',
  ...noForm,
  banned: '',
  minLength: 0,
  unknown: 'nearest',
};

export interface Alternative {
  readonly character: string;
  readonly logprob: number; // natural logarithm
}

/** One generated character, and the likeliest ones in its place, likeliest first. */
export interface GeneratedCharacter extends Alternative {
  readonly top: readonly Alternative[];
}

export type GenerationEvent =
  | {
      readonly kind: 'characters';
      readonly index: number; // of the completion
      readonly characters: readonly GeneratedCharacter[];
    }
  | {
      readonly kind: 'end';
      readonly index: number;
      readonly reason: string;
      /** What ended a text that stopped: its stop text, `pattern`, `choice`, `banned` or `copy_guard`. */
      readonly stopReason?: string;
      /** From which the same backend can continue. */
      readonly state?: ContinuationState;
      readonly overlap?: { readonly characters: number; readonly exact: boolean };
      /** How likely each of the texts was that could be chosen. */
      readonly choiceScores?: readonly { readonly text: string; readonly probability: number }[];
    }
  | {
      readonly kind: 'receipt';
      readonly milliseconds: number; // of generation alone
      readonly replaced: readonly { readonly character: string; readonly by: string }[];
    };

/** The server's is a signed text; the browser's are the model's own bytes. */
export type ContinuationState = string | Uint8Array;
