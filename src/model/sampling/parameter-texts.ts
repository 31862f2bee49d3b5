import type { SamplingParameterName } from './parameters.ts';

/** How a sampling parameter is explained and shown to people. */
export interface SamplingParameterText {
  /** One sentence, for the API's description, the command line and the page. */
  readonly help: string;
  /** The placeholder on the command line: `--top-p <share>`. */
  readonly unit: 'number' | 'count' | 'share' | 'factor';
  /** The playground's slider, where it has one: a part of the range that is useful to people. */
  readonly slider?: { readonly min: number; readonly max: number; readonly step: number };
}

export const SAMPLING_PARAMETER_TEXTS = {
  temperature: {
    help: 'Above 1 flattens the distribution, below 1 sharpens it; 0 always takes the likeliest character.',
    unit: 'number',
    slider: { min: 0, max: 2, step: 0.05 },
  },
  dynatempRange: {
    help: 'Lets the temperature follow the entropy: by this much below it where the model is sure, above it where it is not.',
    unit: 'number',
    slider: { min: 0, max: 1, step: 0.05 },
  },
  dynatempExponent: {
    help: 'How the temperature follows the entropy; above 1 it stays low for longer.',
    unit: 'number',
  },
  topK: {
    help: 'Keep only this many of the likeliest characters; 0 keeps all.',
    unit: 'count',
    slider: { min: 0, max: 40, step: 1 },
  },
  topP: {
    help: 'Keep the likeliest characters that together have this probability.',
    unit: 'share',
    slider: { min: 0.05, max: 1, step: 0.01 },
  },
  minP: {
    help: 'Keep characters at least this many times as likely as the likeliest one.',
    unit: 'share',
    slider: { min: 0, max: 0.5, step: 0.01 },
  },
  typicalP: {
    help: 'Keep the characters whose surprise is closest to the entropy and that together have this probability.',
    unit: 'share',
    slider: { min: 0.05, max: 1, step: 0.01 },
  },
  repetitionPenalty: {
    help: 'Divides the positive logits of characters that already stand in the text, multiplies the negative ones.',
    unit: 'factor',
    slider: { min: 1, max: 1.5, step: 0.01 },
  },
  presencePenalty: {
    help: 'Subtracted once from the logit of every character that was generated already.',
    unit: 'number',
  },
  frequencyPenalty: {
    help: 'Subtracted from the logit of a character for each time that it was generated.',
    unit: 'number',
    slider: { min: 0, max: 0.5, step: 0.01 },
  },
  dryMultiplier: {
    help: 'Makes words less likely that would go on with a repetition of the text (DRY): by this much where it has the allowed length.',
    unit: 'number',
    slider: { min: 0, max: 2, step: 0.1 },
  },
  dryBase: {
    help: 'By how many times the DRY penalty grows with each character that a repetition is longer.',
    unit: 'factor',
  },
  dryAllowedLength: {
    help: 'Characters of a repetition from which the DRY penalty begins.',
    unit: 'count',
  },
  dryPenaltyLastN: {
    help: 'Characters of prompt and text that the DRY penalty looks back at.',
    unit: 'count',
  },
} as const satisfies Readonly<Record<SamplingParameterName, SamplingParameterText>>;
