import { appendFileSync } from 'node:fs';

/** `npm run reliability` runs ten times what CI runs, or more. */
const isNight = process.env.RELIABILITY_NIGHT === '1';

/** @param night How much of it a night run does. @param usual How much CI does */
export const sized = (night: number, usual = Math.ceil(night / 10)): number => (isNight ? night : usual);

/**
 * Puts down what was measured, for the table that `npm run reliability` prints.
 *
 * @param what Was done, with how much of it.
 */
export const report = (what: string, found: string): void => {
  const file = process.env.RELIABILITY_FIGURES;
  if (file) appendFileSync(file, `${JSON.stringify({ what, found })}\n`);
};
