import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { stopReasonOf } from '../api/response/stop-reason.ts';
import { checked, GenerateRow, generateOptions } from '../bulk/row.ts';
import { describeValue, FolioError, unexpected } from '../errors.ts';
import type { CompletionResult, Completions, GenerateOptions } from '../model/model.ts';
import { readSettings } from '../settings.ts';
import { addAlphabet } from './alphabet-options.ts';
import { addBlend, type BlendOptions, blendParameter, openBlended } from './blend.ts';
import { integer, newCommand, numeric } from './command.ts';
import { folioLine } from './command-line.ts';
import { fromSignals, onInterrupt } from './on-interrupt.ts';
import { addModel, type OpenedModel } from './open-model.ts';
import { count, print, printStatus, several } from './print.ts';
import { readGivenFile } from './read-file.ts';
import { generateRemotely } from './remote-generate.ts';
import { addSampling, biasParameter, logitBias, requestParameters, type SamplingFlags } from './sampling.ts';
import { textFrom } from './text-from.ts';
import { checkWritable } from './writable.ts';
import { writeLines } from './write-lines.ts';

interface GenerateFlags extends BlendOptions, SamplingFlags {
  readonly prompt: string;
  readonly seed?: number;
  readonly count: number;
  readonly separator: string;
  readonly lines?: number;
  readonly new?: true;
  readonly from?: string;
  readonly save?: string;
  readonly echo?: true;
  readonly json?: true;
  readonly quiet?: true;
}

/** `folio generate`: text on stdout as it is made; the seed that gives it again, and the speed, on stderr. */
export const command = (): Command =>
  addSampling(
    addBlend(
      addAlphabet(
        addModel(
          newCommand('generate', 'write text with a model', [
            'folio generate --prompt "ROMEO:" --length 300',
            'folio generate --model models/shakespeare --prompt "ROMEO:" --seed 1',
            'folio generate --model names --lines 20 --new',
            "folio generate --temperature 0.7 --top-p 0.9 --stop $'\\n\\n' --count 3",
            "folio generate --pattern '[A-Z][a-z]+, (lord|duke) of [A-Z][a-z]+' --length 40",
            "folio generate --model names --count 20 --stop $'\\n' --separator ''",
            'cat letter.txt | folio generate --prompt - --unknown nearest',
          ]),
        ),
      ),
    ),
  )
    .option('-p, --prompt <text>', 'what the text begins after; - reads standard input', '')
    .option(
      '--seed <number>',
      'the same seed gives the same text; drawn at random and reported when absent',
      numeric,
    )
    .addOption(new Option('-n, --count <number>', 'texts to write').argParser(numeric).default(1))
    .option('--lines <number>', 'write so many whole lines, each from a fresh start', integer(1, 10_000_000))
    .option('--new', 'with --lines: none that stands in the corpus, and none twice')
    .option('--separator <text>', 'a line between several texts; empty for none', '----')
    .option('--save <file>', 'keep the state at the end of the text')
    .option('--from <file>', 'go on from a kept state, as one longer text would have')
    .option('--echo', 'print the prompt before the text')
    .option('--json', 'print one JSON object, with everything that gives the text again')
    .option('-q, --quiet', 'do not print model, seed and speed')
    .allowExcessArguments()
    .action((flags: GenerateFlags, command: Command) => {
      if (command.args.length > 0) throw strayWords(command.args);
      return run(flags);
    });

const strayWords = (words: readonly string[]): FolioError => {
  const prompt = words.join(' ');
  return new FolioError(
    'invalid_parameter',
    `${describeValue(prompt)} belongs to no option; to begin with it: ${folioLine('generate', '--prompt', prompt)}.`,
    { where: 'prompt', expected: '--prompt TEXT', received: describeValue(prompt) },
  );
};

/** The options given that need the model itself. */
const onlyHere = (flags: GenerateFlags): readonly string[] =>
  Object.entries({
    '--count': flags.count > 1,
    '--save': flags.save,
    '--from': flags.from,
    '--lines': flags.lines,
    '--precision': flags.precision,
    '--alphabet': flags.alphabet,
    '--alphabet-from': flags.alphabetFrom,
  }).flatMap(([option, given]) => (given ? [option] : []));

async function run(flags: GenerateFlags): Promise<void> {
  const prompt = flags.prompt === '-' ? await textFrom('-') : flags.prompt;
  const parameters = checked(GenerateRow, {
    prompt,
    ...requestParameters(flags),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
  });
  if (!Number.isInteger(flags.count) || flags.count < 1 || flags.count > 128) {
    throw unexpected('invalid_parameter', 'count', 'a whole number from 1 to 128', flags.count);
  }
  if (flags.save !== undefined) await checkWritable(flags.save, '--save');
  const { store } = readSettings(undefined, flags);
  if (/^https?:/i.test(store)) {
    return generateRemotely(
      store,
      flags,
      { ...parameters, ...biasParameter(flags), ...blendParameter(flags) },
      onlyHere(flags),
    );
  }
  const held = await openBlended(flags);
  const options = {
    ...(await generateOptions({ ...parameters, ...logitBias(flags, held.model.alphabet) }, held)),
    ...(flags.from === undefined ? {} : { from: await readGivenFile(flags.from) }),
  };
  if (flags.lines === undefined && flags.new)
    throw new FolioError('invalid_parameter', '--new goes with --lines.', { where: '--new' });
  if (flags.lines !== undefined) return writeWholeLines(held, flags, options);
  const interrupt = new AbortController();
  const letGo = onInterrupt(() => interrupt.abort(), fromSignals('SIGINT'));
  const completions = held.model.complete({ ...options, n: flags.count, signal: interrupt.signal });
  const shown = flags.echo ? prompt : '';
  if (!flags.json) await printTexts(completions, flags, shown);
  const result = await completions.result();
  letGo();
  const [first] = result.choices;
  if (flags.save !== undefined && first !== undefined) await writeFile(flags.save, first.state);
  const generated = result.choices.reduce((sum, choice) => sum + choice.generated, 0);
  const speed = generated / (result.milliseconds / 1000);
  if (flags.json) {
    const { name, version, own: model, blend } = held;
    const { prompt: _, seed: __, ...effective } = parameters;
    const receipt = { model: name, version, digest: model.info.digest, precision: model.info.precision };
    const timings = {
      kernel: model.info.kernel.build,
      milliseconds: Number(result.milliseconds.toFixed(2)),
      characters_per_second: Math.round(speed),
    };
    await print(
      `${JSON.stringify({ ...receipt, prompt, ...effective, ...(blend && { blend }), seed: result.seed, ...detailsOf(result), ...timings }, null, 2)}\n`,
    );
  }
  if (!flags.quiet) {
    for (const { character, by } of result.replaced) {
      printStatus(
        `${JSON.stringify(character)} ${by === '' ? 'left out' : `taken as ${JSON.stringify(by)}`}`,
      );
    }
    for (const { overlap } of result.choices) {
      if (overlap)
        printStatus(
          `longest passage of the corpus: ${overlap.exact ? '' : 'at most '}${several(overlap.characters, 'character')}`,
        );
    }
    printStatus(
      `${held.name}@${held.version}  seed ${result.seed}  ${several(generated, 'character')}, ${count(speed)} a second`,
    );
  }
  if (interrupt.signal.aborted) throw new FolioError('interrupted', 'Stopped.');
}

const writeWholeLines = async (
  held: OpenedModel,
  flags: GenerateFlags,
  options: GenerateOptions,
): Promise<void> => {
  const clashing = (['count', 'save', 'from', 'echo'] as const).filter((flag) =>
    flag === 'count' ? flags.count !== 1 : flags[flag] !== undefined,
  );
  if (clashing.length > 0)
    throw unexpected('invalid_parameter', `--${clashing[0]}`, 'nothing beside --lines', flags[clashing[0]!]);
  const { n: _, stop: __, minLength: ___, from: ____, prompt, length, ...sampling } = options;
  await writeLines(
    held,
    {
      ...sampling,
      lines: flags.lines!,
      prompt: typeof prompt === 'string' ? prompt : '',
      ...(flags.length === undefined || length === undefined ? {} : { length }),
    },
    { onlyNew: flags.new ?? false, json: flags.json ?? false, quiet: flags.quiet ?? false },
  );
};

/** One text flows as it is made; several follow one another, with a line between two. */
async function printTexts(
  completions: Completions,
  { count: texts, separator }: GenerateFlags,
  echo: string,
): Promise<void> {
  if (texts === 1) {
    let last = echo;
    if (echo !== '') await print(echo);
    for await (const { text } of completions) {
      if (text === '') continue;
      await print(text);
      last = text;
    }
    if (!last.endsWith('\n')) await print('\n');
    return;
  }
  const { choices } = await completions.result();
  const between = separator === '' ? '' : `${separator}\n`;
  await print(choices.map(({ text }) => `${echo}${text}${text.endsWith('\n') ? '' : '\n'}`).join(between));
}

const detailsOf = ({ choices, replaced }: CompletionResult): object => ({
  choices: choices.map(({ text, finishReason, stopReason, generated, overlap, choiceScores }) => ({
    text,
    finish_reason: finishReason,
    ...stopReasonOf({ ...(stopReason && { stopReason }) }),
    characters: generated,
    ...(overlap === undefined ? {} : { overlap }),
    ...(choiceScores === undefined ? {} : { choice_scores: choiceScores }),
  })),
  ...(replaced.length === 0 ? {} : { replaced }),
});
