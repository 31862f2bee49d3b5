import { basename } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultCorpus } from '../../training/corpus/default-corpus.ts';
import type { CorpusKind } from '../../training/corpus/lines.ts';
import type { PublishedEvent, RejectedEvent } from '../../training/events.ts';
import type { Dropout } from '../../training/loop/dropout.ts';
import type { FitSettings } from '../../training/loop/fit-settings.ts';
import { aboutPreset, type PresetName, presetNames } from '../../training/presets/presets.ts';
import { RecordKeeper } from '../../training/record.ts';
import { openProgress } from '../../training/report/progress.ts';
import { type TrainOptions, train } from '../../training/train.ts';
import { FolioError, isFolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { lineIndexFile, versionKey } from '../store/keys.ts';
import { checkModelName, modelNameOf } from '../store/model-name.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { newTrainingId } from '../training-jobs/records.ts';
import type { TrainingPrecision } from '../training-jobs/training-jobs.ts';
import { wrapText } from '../wrap-text.ts';
import { baseModel } from './base-model.ts';
import { Ended, integer, newCommand } from './command.ts';
import { folioLine } from './command-line.ts';
import { concurrentTrainings } from './concurrent-trainings.ts';
import { alphabetOption, encodingOption, kindOption } from './inspect.ts';
import { interruptible } from './interruptible.ts';
import { checkOption } from './line-check.ts';
import { modelFiles } from './model-files.ts';
import { print, printStatus } from './print.ts';
import { placeOf } from './store-contents.ts';
import { runTrainingProcess, trainingEndRequests } from './training-process.ts';

interface TrainFlags {
  readonly corpus?: readonly string[];
  readonly name?: string;
  readonly preset: PresetName;
  readonly from?: string;
  readonly teacher?: readonly string[];
  readonly encoding?: string;
  readonly alphabet: 'common' | 'all';
  readonly kind: CorpusKind | 'auto';
  readonly check?: RegExp;
  readonly store?: string;
  readonly resume?: true;
  readonly fresh?: true;
  readonly force?: true;
  readonly tolerance?: number;
  readonly epochs?: number;
  readonly units?: readonly number[];
  readonly layers?: number;
  readonly dropout?: number;
  readonly seed?: number;
  readonly precision?: TrainingPrecision;
  readonly log: 'auto' | 'lines' | 'json';
  readonly json?: true;
  readonly record?: string;
  readonly maxSeconds?: number;
}

/** `folio train`: corpus to published model, with progress on stderr; the version on stdout. */
export const command = (): Command =>
  newCommand('train', 'make a model from a text', [
    'folio train --corpus my-novel.txt --name novel',
    "folio train --corpus letters/ 'essays/*.md' --name me --preset tiny",
    'folio train --corpus s3://my-bucket/corpora/novel.txt --store s3://my-bucket',
    'folio train --corpus letters.txt --name me --from shakespeare',
    'folio train --corpus novel.txt --name small --teacher novel',
    'folio train --preset tutorial',
  ])
    .option(
      '--corpus <place...>',
      'files, folders, globs, http(s) or s3 addresses, or - for standard input (default: Shakespeare, fetched once)',
    )
    .option('--name <name>', "the model's name (default: that of the corpus)")
    .addOption(
      new Option('--preset <preset>', 'how to train; see below').choices(presetNames).default(presetNames[0]),
    )
    .addOption(encodingOption())
    .addOption(alphabetOption())
    .addOption(kindOption())
    .addOption(checkOption())
    .option(
      '--from <model>',
      'start from this model in place of fresh weights: NAME or NAME@VERSION in the store, or a folder or URL; none: fresh weights, whatever the preset says',
    )
    .option(
      '--teacher <model...>',
      'models of the same text, named as for --from, whose expectations the new one learns beside the text (distillation)',
    )
    .option('--store <location>', 'where to publish: a folder or s3://BUCKET/PREFIX (default: FOLIO_STORE)')
    .option('--resume', 'go on from the last checkpoint; refuse one of another corpus or configuration')
    .option('--fresh', 'start anew, whatever checkpoint there is')
    .option('--force', 'publish even if the gate says no')
    .option(
      '--tolerance <nats>',
      'how much worse than the current version may be published (default: 0.02)',
      nats,
    )
    .option('--epochs <number>', "epochs, in place of the preset's", integer(1, 10_000))
    .option(
      '--units <list>',
      "units of the layers, such as 256 or 256,256, in place of the preset's",
      unitsList,
    )
    .option('--layers <number>', 'so many layers, each as wide as the first', integer(1, 8))
    .option(
      '--dropout <share>',
      'share of outputs and of recurrent weights left out while training, 0 to 0.9; 0 for no dropout at all',
      dropoutShare,
    )
    .option('--seed <number>', "seed, in place of the preset's", integer(0, 2 ** 31 - 1))
    .addOption(
      new Option(
        '--precision <which>',
        'of products while training: f32, or bf16, which is faster on processors that have it (default: f32)',
      ).choices(['f32', 'bf16']),
    )
    .addOption(
      new Option(
        '--log <how>',
        'auto: a bar on a terminal, lines elsewhere; json: one object a line, on stdout',
      )
        .choices(['auto', 'lines', 'json'])
        .default('auto'),
    )
    .option('--json', 'the same as --log json')
    .option(
      '--record <id>',
      'the id of the record of this training (default: FOLIO_TRAINING_ID, or a new one)',
    )
    .option(
      '--max-seconds <number>',
      'how long it may take: then it ends after a last checkpoint, with exit code 8',
      integer(1, 2_000_000), // timers of Node reach 24 days
    )
    .addHelpText(
      'after',
      `\nPresets:\n${presetNames.flatMap((name) => wrapText(`  ${name.padEnd(10)}${aboutPreset(name)}`, 80, { indent: 12 })).join('\n')}`,
    )
    .action(run);

async function run(flags: TrainFlags): Promise<void> {
  const ended = await runTrainingProcess();
  if (ended !== undefined) throw new Ended(ended);
  if (flags.resume && flags.fresh)
    throw new FolioError('invalid_parameter', 'Give --resume or --fresh, not both.', { where: '--resume' });
  const json = flags.json === true || flags.log === 'json';
  const settings = readSettings(undefined, { store: flags.store });
  const givenId = flags.record ?? settings.trainingId;
  const store = await openStore(settings.store);
  const corpus = flags.corpus ?? [await defaultCorpus()];
  const name = checkModelName(flags.name ?? nameAfter(corpus[0] ?? ''), '--name');
  const interrupt = interruptible(flags.maxSeconds, printStatus, trainingEndRequests);
  const id = givenId ?? newTrainingId(name);
  const start = {
    id,
    model: name,
    preset: flags.preset,
    from: flags.from,
    teachers: flags.teacher,
    precision: flags.precision,
    source: basename(corpus[0] ?? ''),
  };
  const record = new RecordKeeper(store, start, undefined, interrupt.stop);
  const progress = openProgress({ json, lines: flags.log === 'lines' });
  const findOthers = concurrentTrainings(store, name, id);
  const reportOthers = async () => {
    for (const line of await findOthers()) {
      printStatus(line);
      record.log(line);
    }
  };
  let outcome: PublishedEvent | RejectedEvent | undefined;
  let hasStarted = false;

  try {
    await record.begin();
    await reportOthers();
    for await (const event of train({
      corpus,
      name,
      preset: flags.preset,
      store,
      ...(await startingPoint(flags, store)),
      teachers: await Promise.all(
        (flags.teacher ?? []).map((model) => modelFiles(model, store, '--teacher')),
      ),
      encoding: flags.encoding,
      alphabet: flags.alphabet,
      kind: flags.kind,
      check: flags.check,
      settings: differences(flags),
      resume: flags.resume ? 'always' : flags.fresh ? 'never' : 'auto',
      force: flags.force ?? false,
      ...(flags.tolerance === undefined ? {} : { tolerance: flags.tolerance }),
      signal: interrupt.signal,
      log: (line) => {
        printStatus(line);
        record.log(line);
      },
    })) {
      record.update(event);
      hasStarted ||= event.type === 'started';
      if (event.type === 'finished' && event.reason !== 'interrupted') interrupt.finish();
      progress.update(event);
      if (event.type === 'epoch') await reportOthers();
      if (event.type === 'published' || event.type === 'rejected') outcome = event;
    }
    if (outcome === undefined && interrupt.timedOut())
      throw new FolioError(
        'time_limit',
        `It took longer than ${flags.maxSeconds} s; the same command goes on from the last checkpoint.`,
        { where: '--max-seconds' },
      );
    if (outcome === undefined)
      throw new FolioError('interrupted', 'Stopped; the same command goes on from the last checkpoint.');
    await record
      .flush()
      .catch((error: unknown) => printStatus(`The record could not be written: ${String(error)}`));
  } catch (error) {
    const { code, message } = isFolioError(error)
      ? error
      : { code: 'internal', message: 'Folio failed unexpectedly.' };
    // A corpus that cannot be read is no training, and the error says what is wrong with it.
    if (!hasStarted && givenId === undefined && code.startsWith('corpus_'))
      await record.discard().catch(() => undefined);
    else
      await record.fail(code === 'interrupted' ? 'stopped' : 'failed', code, message).catch(() => undefined);
    throw error;
  } finally {
    progress.end();
    interrupt.end();
  }
  const reference = `${name}@${outcome.version}`;
  const inStore = flags.store === undefined ? [] : ['--store', flags.store];
  const next = (...words: string[]): void => printStatus(`next: ${folioLine(...words, ...inStore)}`);
  if (!json) printStatus(`report: ${placeOf(store)}/${outcome.key}/report.html`);
  if (outcome.type === 'rejected') {
    if (!json) next('publish', reference);
    throw new FolioError(
      'rejected_by_gate',
      json
        ? `${reference} is kept as a candidate: ${outcome.reasons.join(' ')}`
        : `${reference} is kept as a candidate; \`folio publish\` publishes it all the same.`,
      { where: 'gate' },
    );
  }
  if (json) return;
  const ofLines = await store.stat(versionKey(name, outcome.version, lineIndexFile));
  next('generate', '--model', name, ...(ofLines ? ['--lines', '12', '--new'] : []));
  await print(`${reference}\n`);
}

/** The model that is asked for, or the one that `auto` may choose. */
const startingPoint = async (
  { from, preset }: TrainFlags,
  store: Store,
): Promise<Pick<TrainOptions, 'from' | 'base'>> => {
  if (from === 'none') return {};
  if (from !== undefined) return { from: await modelFiles(from, store) };
  return preset === 'auto' ? { base: await baseModel(store) } : {};
};

const nats = (text: string): number => {
  if (/^\d*\.?\d+$/.test(text.trim())) return Number(text);
  throw new InvalidArgumentError('Expected a number of nats, 0 or more.');
};

/** @throws FolioError `invalid_parameter` */
const nameAfter = (place: string): string => {
  const name = modelNameOf(place);
  if (name !== undefined) return name;
  throw new FolioError(
    'invalid_parameter',
    'This corpus suggests no name for its model: give one with --name.',
    {
      where: '--name',
      expected: 'a name',
      received: 'none',
    },
  );
};

/** `256` or `256,128`. */
const unitsList = (text: string): readonly number[] => {
  const units = text.split(',').map((part) => part.trim());
  if (units.length <= 8 && units.every((part) => /^\d+$/.test(part) && +part >= 1 && +part <= 4096))
    return units.map(Number);
  throw new InvalidArgumentError('Expected up to 8 whole numbers from 1 to 4096, separated by commas.');
};

const dropoutShare = (text: string): number => {
  if (/^\d*\.?\d+$/.test(text.trim()) && Number(text) <= 0.9) return Number(text);
  throw new InvalidArgumentError('Expected a number from 0 to 0.9.');
};

/**
 * Layers as they are asked for.
 *
 * @throws FolioError `invalid_parameter` beside `--from`, which brings its own, or where the two flags contradict
 */
const layersOf = ({ units, layers, from }: TrainFlags): readonly number[] | undefined => {
  if (units === undefined && layers === undefined) return undefined;
  if (from !== undefined && from !== 'none')
    throw new FolioError('invalid_parameter', '--units and --layers are those of the model of --from.', {
      where: units === undefined ? '--layers' : '--units',
      expected: 'nothing beside --from',
      received: String(units ?? layers),
    });
  if (units !== undefined && layers !== undefined && units.length > 1 && units.length !== layers)
    throw new FolioError('invalid_parameter', `--units names ${units.length} layers, --layers ${layers}.`, {
      where: '--layers',
      expected: String(units.length),
      received: String(layers),
    });
  const [first = 512] = units ?? [];
  return units !== undefined && units.length > 1 ? units : Array.from({ length: layers ?? 1 }, () => first);
};

const differences = (flags: TrainFlags): Partial<FitSettings> => {
  const { epochs, seed, dropout, precision } = flags;
  const units = layersOf(flags);
  return {
    ...(epochs === undefined ? {} : { epochs }),
    ...(seed === undefined ? {} : { seed }),
    ...(units === undefined ? {} : { units }),
    ...(precision === 'bf16' ? { precision } : {}),
    ...(dropout === undefined ? {} : { dropout: dropoutOf(dropout) }),
  };
};

/** A tenth of it for the characters fed, as in `standard`. */
const dropoutOf = (share: number): Dropout => ({
  ...{ input: share / 10, between: share, output: share, recurrent: share, perSequence: share > 0 },
});
