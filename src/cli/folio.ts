import { Command, CommanderError } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { errorCodes, FolioError, isFolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { leastNodeOfTraining } from '../version.ts';
import { type CommandModule, Ended, newCommand } from './command.ts';
import { inOptions } from './option-names.ts';

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
  /** The least major version of Node, where it is not the library's. */
  readonly node?: number;
}

/** The commands in the order of the help; each one's file is loaded when it is asked for. */
const commands: Readonly<Record<string, CommandEntry>> = {
  generate: { summary: 'write text with a model', load: () => import('./generate.ts') },
  score: { summary: 'measure how likely a text is under a model', load: () => import('./score.ts') },
  serve: { summary: 'answer requests, with a playground', load: () => import('./serve.ts') },
  train: { summary: 'make a model from a text', load: () => import('./train.ts'), node: leastNodeOfTraining },
  models: { summary: 'list, check and change models and their versions', load: () => import('./models.ts') },
  publish: {
    summary: 'publish a candidate, or a version in another store',
    load: () => import('./publish.ts'),
  },
  pull: { summary: 'fetch a model from another store or a deployment', load: () => import('./pull.ts') },
  import: {
    summary: 'publish a model that Keras, PyTorch, ONNX or ml5 wrote',
    load: () => import('./import.ts'),
  },
  status: { summary: 'list the trainings, here or in the cloud', load: () => import('./status.ts') },
  open: { summary: 'open the report of a model’s training in the browser', load: () => import('./open.ts') },
  doctor: {
    summary: 'look for what is missing or wrong, and say what mends it',
    load: () => import('./doctor.ts'),
  },
  bulk: { summary: 'generate or score many rows of JSON', load: () => import('./bulk.ts') },
  inspect: {
    summary: 'look at a corpus before training',
    load: () => import('./inspect.ts'),
    node: leastNodeOfTraining,
  },
  completion: {
    summary: 'print what makes a shell complete commands, options and models',
    load: async () => {
      const { completionCommand } = await import('./completion.ts');
      return { command: () => completionCommand(programWith) };
    },
  },
  evaluate: {
    summary: 'measure a model on a text',
    load: () => import('./evaluate.ts'),
    node: leastNodeOfTraining,
  },
};

/** @param asked The command whose file is loaded; of the others only name and summary are needed. */
async function programWith(asked: string | undefined): Promise<Command> {
  const program = newCommand('folio', 'a text generator that you own', [
    'folio generate --prompt "ROMEO:" --length 300',
    'folio serve',
    'folio train --corpus my-novel.txt --name novel',
  ])
    .version(packageFile.version, '-V, --version', 'show the version')
    .helpCommand('help [command]', 'show the help of a command');
  for (const [name, { summary, load, node = 0 }] of Object.entries(commands)) {
    if (name === asked && Number.parseInt(process.versions.node, 10) < node) {
      throw new FolioError(
        'unavailable',
        `folio ${name} needs Node ${node} or later; this is ${process.version}.`,
        { where: 'node', expected: `${node} or later`, received: process.versions.node },
      );
    }
    program.addCommand(name === asked ? (await load()).command() : new Command(name).summary(summary));
  }
  return program;
}

/** Reports an error in one line. @returns the exit code */
export function report(error: unknown): number {
  if (error instanceof Ended) return error.exitCode;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0 || error.code === 'commander.help') return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`${oneLine(error.message)} [invalid_parameter]\n`);
    return 2;
  }
  if (isFolioError(error)) {
    process.stderr.write(`error: ${oneLine(error.message)} [${error.code}]\n`);
    return error.exitCode;
  }
  if (isSystemError(error)) {
    process.stderr.write(`error: ${oneLine(error.message)} [unavailable]\n`);
    return errorCodes.unavailable.exit;
  }
  process.stderr.write(`error: Folio failed unexpectedly: ${oneLine(String(error))} [internal]\n`);
  if (error instanceof Error && wantsDetails()) process.stderr.write(`${error.stack}\n`);
  return 1;
}

/** A file that may not be opened, a full disk: no bug, so it is reported in the system's own words. */
const isSystemError = (error: unknown): error is Error =>
  error instanceof Error && 'syscall' in error && 'code' in error;

function wantsDetails(): boolean {
  try {
    return ['debug', 'trace'].includes(readSettings().logLevel);
  } catch {
    return false;
  }
}

const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, ' ');

/**
 * The command line: `folio generate --length 100`.
 *
 * @returns the exit code
 */
export async function runFolio(args: readonly string[]): Promise<number> {
  const asked = args[0] === 'help' ? args[1] : args[0];
  const isUnknown = asked !== undefined && !asked.startsWith('-') && !Object.hasOwn(commands, asked);
  let program: Command | undefined;
  try {
    program = await programWith(asked);
    // Of `help trian` commander would show the whole help.
    await program.parseAsync(isUnknown && asked !== 'help' ? [asked] : args, { from: 'user' });
    return 0;
  } catch (error) {
    const command = program?.commands.find((one) => one.name() === asked);
    if (error instanceof CommanderError) {
      if (isUnknown) await proposeModels(error, asked);
      else if (/^commander\.(missing|optionMissing)/.test(error.code)) pointToHelp(error, command, args[1]);
    }
    return report(inOptions(error, command));
  }
}

/** Completes the error of a command line that lacks something. */
function pointToHelp(error: CommanderError, command: Command | undefined, word: string | undefined): void {
  const inner = command?.commands.find((one) => one.name() === word);
  error.message += `: see ${['folio', command?.name(), inner?.name(), '--help'].filter(Boolean).join(' ')}`;
}

/** Completes the error of a word that is a command of `folio models`. */
async function proposeModels(error: CommanderError, word: string): Promise<void> {
  if (error.code !== 'commander.unknownCommand' || error.message.includes('Did you mean')) return;
  const models = (await commands.models!.load()).command();
  const known = models.commands.some((command) => command.name() === word);
  error.message += known ? ` (Did you mean models ${word}?)` : ': folio --help lists all';
}
