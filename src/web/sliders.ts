import { SAMPLING_PARAMETER_TEXTS } from '../model/sampling/parameter-texts.ts';
import { SAMPLING_PARAMETERS, type SamplingParameter } from '../model/sampling/parameters.ts';
import { formatDecimal, formatInteger, formatPercent } from './format.ts';
import { type SliderParameterName, sliderParameterNames } from './generation.ts';

/** A slider, and the sentence that says what its value does. */
export interface Slider {
  readonly name: SliderParameterName | 'length' | 'n' | 'minLength' | 'copyGuard';
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly show: (value: number) => string;
  readonly explain: (value: number) => string;
}

const decimals = (value: number): string => formatDecimal(value, 2);

const temperature = (value: number): string => {
  if (value === 0) return 'Always the most likely character: the same text every time, and soon repetitive.';
  if (value < 0.5) return 'Likely characters become even more likely: correct, and monotonous.';
  if (value < 0.9) return 'Likely characters become more likely: a balance of correctness and variety.';
  if (value <= 1.1) return 'The model’s own probabilities, unchanged.';
  if (value < 1.5)
    return 'Unlikely characters become more likely: more variety, and more words that do not exist.';
  return 'Nearly random: almost any character may follow any other.';
};

/** What a parameter's value does, where that can be said better than by its help and "off". */
const sentences: { readonly [Name in SliderParameterName]?: (value: number) => string } = {
  temperature,
  topP: (value) =>
    value === 1
      ? 'All characters are candidates.'
      : `Only the most likely characters, up to a total probability of ${formatPercent(value)}.`,
  topK: (value) => {
    if (value === 0) return 'No limit on the number of candidates.';
    return value === 1 ? 'Only the most likely character.' : `Only the ${value} most likely characters.`;
  },
  minP: (value) =>
    value === 0
      ? 'No limit on how unlikely a character may be.'
      : `Excludes characters less than ${formatPercent(value)} as likely as the most likely one.`,
  typicalP: (value) =>
    value === 1
      ? 'No preference for characters of typical probability.'
      : `Only the characters whose surprise is closest to the expected one, up to a total probability of ${formatPercent(value)}.`,
  repetitionPenalty: (value) =>
    value === 1
      ? 'No penalty for characters that are in the text already.'
      : 'Characters that are in the text already become less likely. Small values are enough.',
  dynatempRange: (value) =>
    value === 0
      ? 'The same temperature for every character.'
      : `The temperature is up to ${decimals(value)} lower where the model is sure, and up to as much higher where it is not.`,
  dryMultiplier: (value) =>
    value === 0
      ? 'The text may come back to sentences that it had.'
      : 'Words that would go on with a repetition become less likely; spelling is left alone.',
  frequencyPenalty: (value) =>
    value === 0
      ? 'No penalty for frequent characters.'
      : 'The more often a character has been used, the less likely it becomes.',
};

/** Where the field's name says little. */
const labels: { readonly [Name in SliderParameterName]?: string } = {
  dynatempRange: 'Dynamic temperature',
  dryMultiplier: 'Loop penalty (DRY)',
};

/** `topP` -> Top-p, `repetitionPenalty` -> Repetition penalty */
const labelOf = (name: string): string => {
  const words = name
    .replace(/[A-Z]$/, '-$&')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** The parameters that are always shown; at their default they are as much in use as at any other value. */
const mainParameters: readonly SliderParameterName[] = ['temperature', 'topP'];

const parameterSlider = (name: SliderParameterName): Slider => {
  const parameter: SamplingParameter = SAMPLING_PARAMETERS[name];
  const { help, slider } = SAMPLING_PARAMETER_TEXTS[name];
  const format = parameter.integer ? formatInteger : decimals;
  const isOff = (value: number) => value === parameter.default && !mainParameters.includes(name);
  return {
    name,
    label: labels[name] ?? labelOf(name),
    ...slider,
    show: (value) => (isOff(value) ? 'off' : format(value)),
    explain: sentences[name] ?? ((value) => (isOff(value) ? 'Not applied.' : help)),
  };
};

export const mainSliders: readonly Slider[] = [
  ...mainParameters.map(parameterSlider),
  {
    name: 'length',
    label: 'Length',
    min: 50,
    max: 2000,
    step: 50,
    show: formatInteger,
    explain: (value) =>
      `At most ${formatInteger(value)} characters, about ${formatInteger(value / 40)} lines of verse.`,
  },
  {
    name: 'n',
    label: 'Completions',
    min: 1,
    max: 4,
    step: 1,
    show: formatInteger,
    explain: (value) =>
      value === 1 ? 'One text.' : `Generates ${value} different texts for the same prompt.`,
  },
];

export const advancedSliders: readonly Slider[] = [
  ...sliderParameterNames.filter((name) => !mainParameters.includes(name)).map(parameterSlider),
  {
    name: 'copyGuard',
    label: 'Copy guard',
    min: 0,
    max: 200,
    step: 20,
    show: (value) => (value === 0 ? 'off' : formatInteger(value)),
    explain: (value) =>
      value === 0
        ? 'The text may quote the corpus at any length.'
        : `The text never copies ${formatInteger(value)} or more characters in a row from the corpus.`,
  },
];

/** Beside what else is said of the form of a text. */
export const minLengthSlider: Slider = {
  name: 'minLength',
  label: 'Minimum length',
  min: 0,
  max: 2000,
  step: 50,
  show: (value) => (value === 0 ? 'off' : formatInteger(value)),
  explain: (value) =>
    value === 0
      ? 'A stop text, or a pattern that is complete, may end the text at once.'
      : `Nothing ends the text before ${formatInteger(value)} characters.`,
};
