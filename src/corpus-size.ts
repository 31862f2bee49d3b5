import { FolioError } from './errors.ts';

/** Characters that a corpus must have, wherever it arrives. */
export const LEAST_CHARACTERS = 1000;

/**
 * @param characters Of the corpus, below the least.
 * @param source Of the corpus, where it is known.
 */
export const corpusTooSmall = (characters: number, source?: string): FolioError => {
  const named = source === undefined ? '' : ` (${source})`;
  return new FolioError(
    'corpus_too_small',
    characters === 0
      ? `The corpus${named} is empty.`
      : `The corpus${named} has ${characters} ${characters === 1 ? 'character' : 'characters'}: at least ${LEAST_CHARACTERS.toLocaleString('en')} are needed; ` +
          'from about 100,000 the text is worth reading, from a million it is good.',
    { where: 'corpus', expected: `at least ${LEAST_CHARACTERS} characters`, received: String(characters) },
  );
};
