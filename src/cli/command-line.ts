import { isRunByNpm } from '../settings.ts';

/** A word as a shell takes it: as it is, or in quotes. */
const inShell = (word: string): string =>
  /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A command of Folio to be pasted into the shell that this one was typed into: `npx folio models list`. */
export const folioLine = (...words: readonly string[]): string =>
  [isRunByNpm() ? 'npx folio' : 'folio', ...words.map(inShell)].join(' ');
