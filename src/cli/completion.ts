import { Argument, type Command } from 'commander';
import { readSettings } from '../settings.ts';
import { listCandidates, listModels, listVersions } from '../store/models.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { newCommand } from './command.ts';
import { print } from './print.ts';

/** The scripts of the shells: each asks `folio completion for` at every Tab, and completes files where that is silent. */
const scripts: Readonly<Record<string, string>> = {
  bash: `_folio() {
  local IFS=$'\\n'
  COMPREPLY=($(folio completion for -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _folio folio
`,
  zsh: `#compdef folio
_folio() {
  local -a found
  found=("\${(@f)$(folio completion for -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[*]}" ]]; then compadd -a found; else _files; fi
}
compdef _folio folio
`,
  fish: `complete -c folio -a '(folio completion for -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

/** @param programWith The whole program, with the command of this name loaded. */
export const completionCommand = (programWith: (name: string | undefined) => Promise<Command>): Command =>
  newCommand('completion', 'print what makes a shell complete commands, options and models', [
    'source <(folio completion bash)',
    'folio completion zsh > ~/.zfunc/_folio',
    'folio completion fish > ~/.config/fish/completions/folio.fish',
  ])
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices([...Object.keys(scripts), 'for']))
    .addArgument(new Argument('[words...]', 'for: the words of a line so far, the last one unfinished'))
    .action(async (shell: string, words: readonly string[]) => {
      if (shell !== 'for') return print(scripts[shell] ?? '');
      const found = await candidates(await programWith(words.length > 1 ? words[0] : undefined), words);
      return print(found.map((word) => `${word}\n`).join(''));
    });

/** What the last word may become. @param words Of the line so far, without `folio` itself. */
const candidates = async (program: Command, words: readonly string[]): Promise<readonly string[]> => {
  const last = words.at(-1) ?? '';
  let command = program;
  let asked: string | undefined; // what the word before the last is the name of an option for
  const operands: string[] = [];
  let store: string | undefined;
  for (const word of words.slice(0, -1)) {
    const option = command.options.find(({ short, long }) => word === short || word === long);
    if (asked !== undefined) {
      if (asked === '--store' || asked === '--from') store = word;
      asked = undefined;
    } else if (option !== undefined) {
      asked = option.required || option.optional ? option.long : undefined;
    } else {
      const inner = command.commands.find((one) => one.name() === word);
      if (inner !== undefined && operands.length === 0) command = inner;
      else operands.push(word);
    }
  }
  const beginning = (all: readonly string[]): string[] => all.filter((one) => one.startsWith(last));
  if (asked !== undefined) {
    const { argChoices } = command.options.find(({ long }) => long === asked) ?? {};
    if (argChoices) return beginning(argChoices);
    return asked === '--model' ? beginning(await modelNames(store)) : [];
  }
  if (last.startsWith('-')) return beginning(command.options.flatMap(({ long }) => long ?? []));
  if (command.commands.length > 0 && operands.length === 0) {
    return beginning(command.commands.map((one) => one.name()));
  }
  const argument = command.registeredArguments[operands.length] ?? command.registeredArguments.at(-1);
  if (argument?.argChoices) return beginning(argument.argChoices);
  if (['name', 'model', 'first', 'second', 'from'].includes(argument?.name() ?? '')) {
    return beginning(await modelNames(store));
  }
  return argument?.name() === 'version' ? beginning(await versionsOf(operands[0] ?? '', store)) : [];
};

const opened = (store: string | undefined): Promise<Store> => openStore(store ?? readSettings().store);

const modelNames = async (store: string | undefined): Promise<readonly string[]> =>
  (await listModels(await opened(store))).map(({ name }) => name);

const versionsOf = async (name: string, store: string | undefined): Promise<readonly string[]> => {
  const place = await opened(store);
  const published = (await listVersions(place, name)).map(({ version }) => version);
  return [...published, ...(await listCandidates(place, name)), 'previous'];
};
