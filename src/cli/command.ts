import { Command, CommanderError, InvalidArgumentError } from 'commander';

/**
 * One command of the CLI: its file exports `command()`, and `main.ts` loads that file only when the command is
 * asked for. A command parses, calls and prints: results on stdout, everything else on stderr, errors as FolioError.
 */
export interface CommandModule {
  command(): Command;
}

/** The command has ended with this exit code, and everything that there is to say has been said. */
export class Ended extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`Ended with exit code ${exitCode}.`);
    this.exitCode = exitCode;
  }
}

/** @param examples Lines ready to paste, shown before everything else in the help. */
export function newCommand(name: string, summary: string, examples: readonly string[]): Command {
  const listed = examples.map((example) => `  ${example}`).join('\n');
  return new Command(name)
    .summary(summary)
    .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
    .addHelpText('before', `Examples:\n${listed}\n`)
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    .configureOutput({ outputError: () => undefined }); // main.ts reports every error in the same way
}

/**
 * Refuses a word that names no command, proposing the nearest that does, or else naming all.
 *
 * @throws CommanderError that `report` prints as `invalid_parameter`
 */
export const unknownCommand = (command: Command): never => {
  try {
    // Commander calls this itself where a command has no action of its own; its types leave it out.
    return (command as Command & { unknownCommand(): never }).unknownCommand();
  } catch (error) {
    if (error instanceof CommanderError && !error.message.includes('Did you mean')) {
      error.message += `: expected ${command.commands.map((one) => one.name()).join(', ')}`;
    }
    throw error;
  }
};

/** Reads an option's whole number. */
export const integer =
  (least: number, most: number = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (/^[+-]?\d+$/.test(text.trim()) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number ${rangeText(least, most)}.`);
  };

/** Reads an option's number; what is none stays text, and the schema that checks it says so. */
export const numeric = (text: string): number | string =>
  text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;

/** Gathers an option that may be given several times. */
export const gather = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
];

const rangeText = (least: number, most: number): string =>
  most >= Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
