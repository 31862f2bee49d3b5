/** How a letter's probability is shown: in bits of surprise, in a shade, and in words. */
export const bits = (logprob: number): number => Math.abs(logprob / Math.LN2);

/** Shades 0 (foreseen) to 8: one for each bit of surprise. */
export const shade = (logprob: number): number => Math.min(8, Math.round(bits(logprob)));

export const percent = (logprob: number): string => {
  const share = 100 * Math.exp(logprob);
  if (share < 0.1) return 'under 0.1 %';
  return `${share < 10 ? share.toFixed(1) : Math.round(share)} %`;
};

/** A character as it can be read alone: blanks by their names. */
export const named = (character: string): string =>
  character === ' ' ? 'space' : character === '\n' ? 'new line' : character === '\t' ? 'tab' : character;
