import type { GenerationSettings } from './generation.ts';

type NumberName = {
  [Name in keyof GenerationSettings]: GenerationSettings[Name] extends number ? Name : never;
}[keyof GenerationSettings];

/** A slider and the sentence with which it says what its value does. */
export interface Slider {
  readonly name: NumberName;
  readonly label: string;
  readonly least: number;
  readonly most: number;
  readonly step: number;
  readonly show: (value: number) => string;
  readonly explain: (value: number) => string;
}

const plain = (value: number): string => String(value);
const share = (value: number): string => `${Math.round(value * 100)} %`;
const decimals = (value: number): string => value.toFixed(2);

const temperature = (value: number): string => {
  if (value === 0)
    return 'Always the likeliest letter: the same every time, and soon going round in circles.';
  if (value < 0.5) return 'Careful: likely letters become likelier still. Correct, and a little dull.';
  if (value < 0.9) return 'Composed: mostly likely letters, with a turn of its own now and then.';
  if (value <= 1.1) return 'As the model believes: each letter as often as it saw it in its corpus.';
  if (value < 1.5) return 'Bold: unlikely letters gain ground, and so do words that do not exist.';
  return 'Wild: nearly any letter may follow any other.';
};

const topK = (value: number): string => {
  if (value === 0) return 'No letter is left out for its rank.';
  return value === 1
    ? 'Only the likeliest letter: no chance at all.'
    : `Only the ${value} likeliest letters may come next.`;
};

export const mainSliders: readonly Slider[] = [
  {
    name: 'temperature',
    label: 'Temperature',
    least: 0,
    most: 2,
    step: 0.05,
    show: decimals,
    explain: temperature,
  },
  {
    name: 'topP',
    label: 'Top-p',
    least: 0.05,
    most: 1,
    step: 0.01,
    show: decimals,
    explain: (value) =>
      value === 1
        ? 'Every letter may come, however unlikely.'
        : `Draws from the likeliest letters that together make ${share(value)}; the tail is cut off.`,
  },
  {
    name: 'length',
    label: 'Length',
    least: 50,
    most: 2000,
    step: 50,
    show: plain,
    explain: (value) => {
      if (value < 150) return 'A line or two.';
      return value < 700 ? `About ${Math.round(value / 40)} lines of verse.` : 'A page, or a scene.';
    },
  },
  {
    name: 'n',
    label: 'Completions',
    least: 1,
    most: 4,
    step: 1,
    show: plain,
    explain: (value) =>
      value === 1
        ? 'One text.'
        : `${['', '', 'Two', 'Three', 'Four'][value]} texts side by side, from the same beginning, made together.`,
  },
];

export const advancedSliders: readonly Slider[] = [
  {
    name: 'topK',
    label: 'Top-k',
    least: 0,
    most: 40,
    step: 1,
    show: (value) => (value === 0 ? 'off' : plain(value)),
    explain: topK,
  },
  {
    name: 'minP',
    label: 'Min-p',
    least: 0,
    most: 0.5,
    step: 0.01,
    show: (value) => (value === 0 ? 'off' : decimals(value)),
    explain: (value) =>
      value === 0
        ? 'No letter is left out for being unlikely.'
        : `Leaves out letters less than ${share(value)} as likely as the likeliest.`,
  },
  {
    name: 'typicalP',
    label: 'Typical-p',
    least: 0.05,
    most: 1,
    step: 0.01,
    show: (value) => (value === 1 ? 'off' : decimals(value)),
    explain: (value) =>
      value === 1
        ? 'Surprising and foreseeable letters alike.'
        : `Prefers letters about as surprising as can be expected, ${share(value)} of them by weight.`,
  },
  {
    name: 'repetitionPenalty',
    label: 'Repetition penalty',
    least: 1,
    most: 1.5,
    step: 0.01,
    show: (value) => (value === 1 ? 'off' : decimals(value)),
    explain: (value) =>
      value === 1
        ? 'Letters may come back as often as they like.'
        : 'Letters that stand in the text already become less likely. A little goes a long way with letters.',
  },
  {
    name: 'frequencyPenalty',
    label: 'Frequency penalty',
    least: 0,
    most: 0.5,
    step: 0.01,
    show: (value) => (value === 0 ? 'off' : decimals(value)),
    explain: (value) =>
      value === 0
        ? 'No letter is held back for having come often.'
        : 'The more often a letter has come, the less likely it becomes.',
  },
  {
    name: 'copyGuard',
    label: 'Copy guard',
    least: 0,
    most: 200,
    step: 20,
    show: (value) => (value === 0 ? 'off' : plain(value)),
    explain: (value) =>
      value === 0
        ? 'The model may quote its corpus at any length.'
        : `Never ${value} letters or more as they stand in the corpus; the writing is steered away in time.`,
  },
];
