import { setImmediate } from 'node:timers/promises';
import { Random } from '../../src/model/sampling/random.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { pick } from '../loop/samples.ts';
import type { EvaluatedModel } from './held-out.ts';

/** What a model of lines writes: shares from 0 to 1, of all generated lines unless said otherwise. */
export interface LineQuality {
  readonly lines: number;
  readonly temperature: number;
  /** Share that came to their end within four times the corpus' longest line. */
  readonly whole: number;
  /** Share of different ones. */
  readonly unique: number;
  /** Share that stands nowhere in the corpus, the held-out tenth included. */
  readonly novel: number;
  /** The regular expression that lines were checked by, as a whole. */
  readonly check?: string;
  /** Share that matches it. */
  readonly valid?: number;
  /** The same of the corpus' own lines: the check itself may be wrong. */
  readonly corpusValid?: number;
  /** A few that are whole and novel. */
  readonly examples: readonly string[];
}

const LINES = 500;
const TEMPERATURE = 0.8; // as of the other generated text in a report
const EXAMPLES = 12;
const LONGER = 4;

/** Characters that begin the text of every line: what follows a newline. */
const NEWLINE = '\n';

/** The lines of a corpus. */
export function* corpusLines({ ids, alphabet }: Pick<Corpus, 'ids' | 'alphabet'>): Generator<string> {
  const newline = alphabet.indexOf(NEWLINE);
  for (let start = 0; start < ids.length; ) {
    const found = ids.indexOf(newline, start);
    const end = found < 0 ? ids.length : found;
    if (end > start) yield Array.from(ids.subarray(start, end), (id) => alphabet[id]!).join('');
    start = end + 1;
  }
}

/**
 * Has a model write 500 lines, each from a fresh start, and compares them with the corpus.
 *
 * @param check What a valid line matches: `^(?:…)$`.
 */
export const measureLines = async (
  model: EvaluatedModel,
  corpus: Corpus,
  check?: RegExp,
): Promise<LineQuality> => {
  const known = new Set<string>();
  let longest = 0;
  let total = 0;
  let matching = 0;
  for (const line of corpusLines(corpus)) {
    known.add(line);
    longest = Math.max(longest, line.length);
    total++;
    if (check?.test(line)) matching++;
  }
  const written: { line: string; isWhole: boolean }[] = [];
  for (let seed = 1; seed <= LINES; seed++) {
    written.push(writeLine(model, seed, LONGER * longest));
    if (seed % 20 === 0) await setImmediate();
  }
  const share = (count: number) => count / LINES;
  const shareOf = (test: (one: { line: string; isWhole: boolean }) => boolean) =>
    share(written.filter(test).length);
  const novel = written.filter(({ line, isWhole }) => isWhole && !known.has(line));
  return {
    ...{ lines: LINES, temperature: TEMPERATURE },
    whole: shareOf(({ isWhole }) => isWhole),
    unique: share(new Set(written.map(({ line }) => line)).size),
    novel: shareOf(({ line }) => !known.has(line)),
    ...(check === undefined
      ? {}
      : {
          check: check.source.replace(/^\^\(\?:(.*)\)\$$/s, '$1'),
          valid: shareOf(({ line, isWhole }) => isWhole && check.test(line)),
          corpusValid: matching / Math.max(1, total),
        }),
    examples: [...new Set(novel.map(({ line }) => line))].slice(0, EXAMPLES),
  };
};

/** One line, from a fresh start as generation makes it. */
const writeLine = (model: EvaluatedModel, seed: number, most: number): { line: string; isWhole: boolean } => {
  const sequence = model.start();
  const random = Random.fromSeed(seed);
  const newline = model.alphabet.indexOf(NEWLINE);
  let id = Math.max(0, newline);
  let line = '';
  for (let count = 0; count <= most; count++) {
    id = pick(sequence.step(id), TEMPERATURE, random);
    if (id === newline) {
      sequence.close();
      return { line, isWhole: line !== '' };
    }
    line += model.alphabet[id]!;
  }
  sequence.close();
  return { line, isWhole: false };
};

/** With a decimal: of 500 lines, one in a hundred counts. */
export const linePercent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** `of 500 generated at temperature 0.8, 99 % are different, 62 % do not stand in the corpus, 97 % match …`. */
export const lineQualityText = ({ lines, temperature, whole, unique, novel, ...rest }: LineQuality): string =>
  [
    `of ${lines} generated at temperature ${temperature}, ${linePercent(whole)} came to their end`,
    `${linePercent(unique)} are different`,
    `${linePercent(novel)} do not stand in the corpus`,
    ...(rest.valid === undefined
      ? []
      : [`${linePercent(rest.valid)} are valid (of the corpus' own ${linePercent(rest.corpusValid ?? 0)})`]),
  ].join(', ');
