import { LEAST_CHARACTERS } from '../src/corpus-size.ts';

/** A text that begins so and is as long as a corpus must be. */
export const corpusOf = (beginning: string): string => beginning.padEnd(LEAST_CHARACTERS, ' \n');
