import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import { inspectCorpus } from '../../training/corpus/corpus.ts';
import { corpusReportText } from '../../training/corpus/corpus-report-text.ts';
import type { CorpusKind } from '../../training/corpus/lines.ts';
import type { EvaluatedModel } from '../../training/metrics/held-out.ts';
import { openBase } from '../../training/presets/base.ts';
import type { BulkModel } from '../bulk/item.ts';
import { unexpected } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { openStore } from '../store/open-store.ts';
import { alphabetCorpusOption } from './alphabet-options.ts';
import { baseModel } from './base-model.ts';
import { newCommand } from './command.ts';
import { addModel, type ModelOptions, openModel } from './open-model.ts';
import { columns, count, print, printStatus, several, size, widthOf } from './print.ts';

interface InspectFlags extends Omit<ModelOptions, 'alphabet'> {
  readonly preparation: 'plain' | 'tutorial';
  readonly encoding?: string;
  readonly alphabet?: string;
  readonly kind: CorpusKind | 'auto';
  readonly json?: true;
}

/** The encoding of a corpus' files. */
export const encodingOption = (): Option =>
  new Option('--encoding <name>', 'of the files, such as windows-1252, utf-16le or gbk (default: UTF-8)');

/** Which characters of a corpus are kept. */
export const alphabetOption = (): Option =>
  new Option(
    '--alphabet <which>',
    'of a large alphabet: common folds or drops rare characters, all keeps them',
  )
    .choices(['common', 'all'])
    .default('common');

/** What a corpus is made of. */
export const kindOption = (): Option =>
  new Option(
    '--kind <kind>',
    'what the corpus is: text, or lines of which each stands by itself (names, rows): they are shuffled before the last tenth is held out',
  )
    .choices(['auto', 'text', 'lines'])
    .default('auto');

/** `folio inspect`: what a training would find in a corpus, and what it would cost; or what a model is made of. */
export const command = (): Command =>
  addModel(
    newCommand('inspect', 'look at a corpus before training, or at a model', [
      'folio inspect my-novel.txt',
      "folio inspect letters/ 'essays/*.md'",
      'cat *.txt | folio inspect -',
      'folio inspect models/shakespeare',
      'folio inspect --model shakespeare@20261124T120000Z-0a1b2c3d',
    ]),
  )
    .addArgument(
      new Argument(
        '[corpus...]',
        'files, folders, globs, http(s) or s3 addresses, or - for standard input; or the folder of one model',
      ),
    )
    .addOption(
      new Option('--preparation <how>', 'plain, or tutorial: lower case, letters, digits and spaces alone')
        .choices(['plain', 'tutorial'])
        .default('plain'),
    )
    .addOption(encodingOption())
    .option(
      '--alphabet <which>',
      'of a corpus with a large alphabet: common (default) folds or drops rare characters, all keeps them; of a model: a file that says what its ids stand for',
    )
    .addOption(alphabetCorpusOption())
    .addOption(kindOption())
    .option('--json', 'print the whole report as JSON')
    .action(async (given: string[], flags: InspectFlags, command: Command) => {
      if (flags.model === undefined && given.length === 0) {
        command.error('error: expected either a corpus, the folder of a model or --model', { exitCode: 2 });
      }
      const model = flags.model ?? (await modelFolder(given));
      if (model !== undefined) {
        const { kind: _, ...options } = flags; // of a corpus, not of the model
        const report = modelReport(await openModel({ ...options, model }));
        await print(flags.json ? json(report) : modelReportText(report));
        return;
      }
      const { alphabet = 'common' } = flags;
      if (alphabet !== 'common' && alphabet !== 'all') {
        throw unexpected('invalid_parameter', 'alphabet', 'common or all, for a corpus', alphabet);
      }
      const base = await openedBase(flags.store);
      const report = await inspectCorpus(given, { ...flags, alphabet, base });
      const width = process.stdout.isTTY ? widthOf(process.stdout) : undefined;
      await print(flags.json ? json(report) : `${corpusReportText(report, width)}\n`);
    });

/** What `auto` may start from. Why it may not is said. */
const openedBase = async (store: string | undefined): Promise<EvaluatedModel | undefined> => {
  const read = await baseModel(await openStore(store ?? readSettings().store));
  const base = read && (await openBase(read));
  if (base?.fault !== undefined) printStatus(base.fault);
  return base?.model;
};

const json = (report: object): string => `${JSON.stringify(report, null, 2)}\n`;

/** The one folder that is given, where it holds a model: its files, or its versions and which is current. */
const modelFolder = async ([folder, ...others]: readonly string[]): Promise<string | undefined> => {
  if (folder === undefined || others.length > 0) return undefined;
  const path = resolve(folder);
  for (const file of ['model.json', 'current.json']) {
    const found = await access(join(path, file)).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
};

const modelReport = ({ name, version, model }: BulkModel) => {
  const { digest, layers, parameters, precision, kernel, byteLength } = model.info;
  return {
    name,
    version,
    digest,
    layers,
    parameters,
    precision,
    kernel,
    byteLength,
    vocabulary: model.vocabularySize,
    alphabet: model.alphabet.kind === 'ids' ? null : model.alphabet.characters,
  };
};

const modelReportText = (report: ReturnType<typeof modelReport>): string => {
  const { name, version, digest, layers, parameters, precision, kernel, byteLength, vocabulary, alphabet } =
    report;
  return columns([
    ['model', `${name}@${version}`],
    ['digest', digest],
    ['layers', layers.map(({ kind, units }) => `${kind} ${units}`).join(', ')],
    ['characters', count(vocabulary)],
    [
      'alphabet',
      alphabet === null ? 'not known: it reads and writes ids' : JSON.stringify(alphabet.join('')),
    ],
    ['parameters', count(parameters)],
    ['memory', `${size(byteLength)} in ${precision}`],
    ['kernel', `${kernel.build}, up to ${several(kernel.threads, 'thread')}`],
    ...kernel.density.map(({ matrix, density, weights }) => [
      `density of ${matrix}`,
      `${(100 * density).toFixed(1)} %${density === 1 ? '' : ' of its blocks'}, in ${weights}`,
    ]),
  ]);
};
