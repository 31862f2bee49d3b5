import { InvalidArgumentError, Option } from 'commander';

/** What a valid line looks like: the share of generated lines that match it is reported. */
export const checkOption = (): Option =>
  new Option(
    '--check <regex>',
    'of a corpus of lines: a regular expression (of JavaScript, with the flag u) that a valid line matches as a whole',
  ).argParser(wholeLine);

/** @throws InvalidArgumentError for what is no regular expression */
const wholeLine = (source: string): RegExp => {
  try {
    new RegExp(source, 'u');
    return new RegExp(`^(?:${source})$`, 'u');
  } catch (error) {
    throw new InvalidArgumentError(`Expected a regular expression: ${(error as Error).message}.`);
  }
};
