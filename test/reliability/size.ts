import { appendFileSync } from 'node:fs';

/** `npm run reliability` runs ten times what CI runs. */
const isNight = process.env.RELIABILITY_NIGHT === '1';

/** @param night How much of it a night run does; CI does a tenth. */
export const sized = (night: number): number => (isNight ? night : Math.ceil(night / 10));

/**
 * Puts down what was measured, for the table that `npm run reliability` prints.
 *
 * @param what Was done, with how much of it.
 */
export const report = (what: string, found: string): void => {
  const file = process.env.RELIABILITY_FIGURES;
  if (file) appendFileSync(file, `${JSON.stringify({ what, found })}\n`);
};
