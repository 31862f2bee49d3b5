import type { Command } from 'commander';
import { FolioError, isFolioError } from '../errors.ts';

/** Parameters of the API whose option is not called like them. */
const otherwise: Readonly<Record<string, string>> = { choices: '--choice', n: '--count', count: '--count' };

/**
 * An error about parameters in the words of the command line: `--top-p: expected …` where the API says `top_p: …`.
 *
 * @param command That was run; only what is an option of it is renamed.
 */
export const inOptions = (error: unknown, command: Command | undefined): unknown => {
  if (!isFolioError(error) || command === undefined) return error;
  const optionOf = (parameter: string): string | undefined => {
    const option = otherwise[parameter] ?? `--${parameter.replaceAll('_', '-')}`;
    return command.options.some(({ long }) => long === option) ? option : undefined;
  };
  const renamed = (message: string, where: string | undefined): string => {
    const parameter = /^([a-z_]+)(?:\[|$)/.exec(where ?? '')?.[1] ?? ''; // `model.json` is a file;
    const option = optionOf(parameter);
    const said =
      option !== undefined && message.startsWith(`${where}: `)
        ? option + message.slice((where ?? '').length)
        : message;
    return said.replaceAll(/`([a-z_]+)`/g, (quoted, name) => optionOf(name) ?? quoted);
  };
  const { faults } = error.details;
  const message =
    faults === undefined
      ? renamed(error.message, error.details.where)
      : faults.reduce(
          (text, fault) => text.replace(fault.message, () => renamed(fault.message, fault.where)),
          error.message,
        );
  return message === error.message ? error : new FolioError(error.code, message, error.details);
};
