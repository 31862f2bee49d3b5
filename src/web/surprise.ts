import { formatPercent } from './format.ts';

/** How a character's probability is shown: in bits of surprise, in a shade, and in words. */
export const bits = (logprob: number): number => Math.abs(logprob / Math.LN2);

/** Shades 0 (expected) to 8: one for each bit of surprise. */
export const shade = (logprob: number): number => Math.min(8, Math.round(bits(logprob)));

export const percent = (logprob: number): string => formatPercent(Math.exp(logprob));

const names: Readonly<Record<string, string>> = { ' ': 'space', '\n': 'new line', '\t': 'tab' };

/** A character as it can be read alone: white space by name. */
export const characterName = (character: string): string => names[character] ?? character;
