import { Argument, type Command, Option } from 'commander';
import { type Corpus, readCorpus } from '../../training/corpus/corpus.ts';
import type { CorpusKind } from '../../training/corpus/lines.ts';
import { openReadingBar } from '../../training/corpus/reading-bar.ts';
import { evaluateText, recode } from '../../training/metrics/evaluate.ts';
import { evaluateHeldOut, type HeldOutEvaluation, lineStartsText } from '../../training/metrics/held-out.ts';
import { lineQualityText, measureLines } from '../../training/metrics/line-quality.ts';
import { OVERLAP_WINDOW, overlapWith } from '../../training/metrics/overlap.ts';
import { grouped, percent, several } from '../../training/report/format.ts';
import type { Model } from '../model/model.ts';
import { PRECISIONS, type Precision } from '../model/stepper.ts';
import { type AlphabetOptions, addAlphabet } from './alphabet-options.ts';
import { integer, newCommand } from './command.ts';
import { encodingOption, kindOption } from './inspect.ts';
import { checkOption } from './line-check.ts';
import { openModel } from './open-model.ts';
import { columns, print } from './print.ts';

interface EvaluateFlags extends AlphabetOptions {
  readonly store?: string;
  readonly precision: Precision;
  readonly encoding?: string;
  readonly kind: CorpusKind | 'auto';
  readonly check?: RegExp;
  readonly whole?: true;
  readonly generate: number;
  readonly json?: true;
}

const TEXTS = 8;
const TEMPERATURE = 0.8;

/** `folio evaluate`: how well a model predicts a text that it was not trained on, and how much it recites. */
export const command = (): Command =>
  addAlphabet(
    newCommand('evaluate', 'measure a model on a text', [
      'folio evaluate shakespeare shakespeare.txt',
      'folio evaluate models/novel my-novel.txt --precision int8',
      'folio evaluate shakespeare@20261124T120000Z-0a1b2c3d other.txt --whole --json',
    ]),
  )
    .argument('<model>', 'NAME or NAME@VERSION in the store, or a folder or URL')
    .addArgument(
      new Argument('<corpus...>', 'files, folders, globs, http(s) or s3 addresses, or - for standard input'),
    )
    .option('--store <location>', 'a folder or s3://BUCKET/PREFIX that holds models/ (default: FOLIO_STORE)')
    .addOption(new Option('--precision <kind>', 'of the arithmetic').choices(PRECISIONS).default('f32'))
    .addOption(encodingOption())
    .addOption(kindOption())
    .addOption(checkOption())
    .option('--whole', 'measure all of the text; otherwise its last tenth, which a training on it holds out')
    .option(
      '--generate <number>',
      'characters to generate and look up in the corpus; 0 for none',
      integer(0, 1_000_000),
      10_000,
    )
    .option('--json', 'print one JSON object')
    .action(run);

async function run(reference: string, given: string[], flags: EvaluateFlags): Promise<void> {
  const { precision } = flags;
  const held = await openModel({ ...flags, model: reference });
  const { model } = held;
  const preparation = preparationOf(model);
  const { corpus } = await readCorpus(given, {
    preparation,
    encoding: flags.encoding,
    kind: kindFor(model, flags),
  });
  const { characters: alphabet } = model.alphabet;
  const bar = openReadingBar(flags.whole ? corpus.ids.length : corpus.heldOut.length);
  const evaluation = await (flags.whole
    ? evaluateWhole(model, corpus, bar.update)
    : evaluateHeldOut({ alphabet, start: () => model.start() }, corpus, { onProgress: bar.update })
  ).finally(bar.end);
  const texts = flags.generate === 0 ? [] : await generated(model, flags.generate);
  const overlap = { window: OVERLAP_WINDOW, temperature: TEMPERATURE, ...overlapWith(texts, corpus) };
  const lines =
    flags.generate === 0 || corpus.kind === 'text'
      ? undefined
      : await measureLines({ alphabet, start: () => model.start() }, corpus, flags.check);
  const about = { model: held.name, version: held.version, digest: model.info.digest, precision };
  const measured = flags.whole ? 'all of the text' : 'the last tenth of the text, all of it';
  if (flags.json) {
    const report = {
      ...about,
      corpus: corpus.source,
      corpusDigest: corpus.digest,
      measured,
      evaluation,
      overlap,
      ...(lines === undefined ? {} : { lines }),
    };
    await print(`${JSON.stringify(report)}\n`);
    return;
  }
  await print(
    columns([
      ['model', `${about.model}@${about.version}, ${precision}`],
      [
        'measured on',
        `${corpus.source}: ${measured}, ${grouped(evaluation.characters)} characters, state carried`,
      ],
      ['loss', `${evaluation.loss.toFixed(4)} nats per character`],
      ['', `${evaluation.bitsPerCharacter.toFixed(4)} bits per character`],
      ['perplexity', evaluation.perplexity.toFixed(3)],
      ['accuracy', `${(100 * evaluation.accuracy).toFixed(2)} %`],
      ...(evaluation.unknown > 0
        ? [['unknown', `${several(evaluation.unknown, 'character')} that the model does not know`]]
        : []),
      ...(evaluation.lineStarts ? [['line starts', lineStartsText(evaluation.lineStarts)]] : []),
      ...(lines === undefined ? [] : [['lines', lineQualityText(lines)]]),
      ...(overlap.windows > 0
        ? [
            [
              'verbatim',
              `${percent(overlap.share)} of ${grouped(overlap.windows)} generated windows of ${overlap.window} characters stand in the corpus (temperature ${overlap.temperature})`,
            ],
          ]
        : []),
    ]),
  );
}

const evaluateWhole = async (
  model: Model,
  corpus: Corpus,
  onProgress: (read: number) => void,
): Promise<HeldOutEvaluation> => {
  const sequence = model.start();
  const { characters } = model.alphabet;
  const ids = recode(corpus.ids, corpus.alphabet, characters);
  const options = { alphabetSize: characters.length, onProgress };
  return evaluateText((id) => sequence.step(id), ids, options).finally(() => sequence.close());
};

/** Whether the corpus is text or lines: as asked for, as the model was trained, or as it is found. */
const kindFor = ({ info }: Model, { kind }: EvaluateFlags): CorpusKind | 'auto' => {
  if (kind !== 'auto') return kind;
  const folio = info.metadata.folio as { training?: { settings?: { kind?: unknown } } } | undefined;
  const recorded = folio?.training?.settings?.kind;
  return recorded === 'text' || recorded === 'lines' ? recorded : 'auto';
};

/** How the model's own corpus was prepared. */
const preparationOf = ({ info }: Model): 'plain' | 'tutorial' => {
  const folio = info.metadata.folio as { training?: { settings?: { preparation?: unknown } } } | undefined;
  return folio?.training?.settings?.preparation === 'tutorial' ? 'tutorial' : 'plain';
};

const generated = async (model: Model, characters: number): Promise<string[]> => {
  const length = Math.ceil(characters / TEXTS);
  const { choices } = await model.complete({ n: TEXTS, length, temperature: TEMPERATURE, seed: 1 }).result();
  return choices.map(({ text }) => text);
};
