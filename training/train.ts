import { basename } from 'node:path';
import { FolioError, isFolioError } from '../src/errors.ts';
import { checkModelName } from '../src/store/model-name.ts';
import { checkPrecision } from '../src/training-jobs/bfloat16.ts';
import { folioVersion } from '../src/version.ts';
import type { Preparation } from './corpus/clean.ts';
import { type Corpus, readCorpus } from './corpus/corpus.ts';
import type { CorpusReport } from './corpus/corpus-report.ts';
import type { Ids } from './corpus/encoder.ts';
import type { CorpusKind } from './corpus/lines.ts';
import type { FinishedEvent, StartedEvent, TrainingEvent } from './events.ts';
import type { Lineage } from './lineage.ts';
import {
  type Configuration,
  checkpointKeyOf,
  encodeCheckpoint,
  type FitState,
  readCheckpoint,
} from './loop/checkpoint.ts';
import { taught } from './loop/distillation/settings.ts';
import { checkTeachers, teach } from './loop/distillation/teaching.ts';
import { fineTuned, forAlphabet, weightsOf } from './loop/fine-tuning.ts';
import { chunksOf, type FitResult, fitNetwork, shapeOf } from './loop/fit.ts';
import type { FitSettings } from './loop/fit-settings.ts';
import { Kernels } from './loop/kernels.ts';
import { parameters } from './loop/network.ts';
import { loadTensorFlow } from './loop/tensorflow.ts';
import { chooseRecipe, knownShare } from './presets/auto.ts';
import { openBase } from './presets/base.ts';
import { type PresetName, presets } from './presets/presets.ts';
import { type PublishOptions, publish } from './publish/publish.ts';
import { type ReadModelFile, readSavedModel, type SavedModel } from './publish/saved-model.ts';
import { ReportKeeper } from './report/report.ts';
import { setUpTensorFlow } from './setup-tensorflow.ts';

/** The store is also where checkpoints are kept. */
export interface TrainOptions extends PublishOptions {
  /** Files, folders, globs, URLs or `-`. */
  readonly corpus: readonly string[];
  readonly preset: PresetName;
  /** Of the files. Default UTF-8. */
  readonly encoding?: string | undefined;
  /** `all` keeps every character, however rare. */
  readonly alphabet?: 'common' | 'all' | undefined;
  /** Running text or single lines. Default: found from the text. */
  readonly kind?: CorpusKind | 'auto' | undefined;
  /** Reads the files of a model to start from, in place of fresh weights. */
  readonly from?: ReadModelFile | undefined;
  /** Reads those of the model that `auto` may start from. Default: it takes fresh weights. */
  readonly base?: ReadModelFile | undefined;
  /** Read the files of models of the same text, whose expectations the new one learns. Default: none. */
  readonly teachers?: readonly ReadModelFile[] | undefined;
  /** Differences from the preset. */
  readonly settings?: Partial<FitSettings>;
  /**
   * `auto` resumes a checkpoint of this very training and ignores another's, with a warning; `always` refuses
   * another's, and none; `never` starts anew. Default `auto`.
   */
  readonly resume?: 'auto' | 'always' | 'never';
  /** Seconds between two checkpoints. Default 180. */
  readonly checkpointEvery?: number;
  /** Saves a checkpoint and ends. */
  readonly signal?: AbortSignal;
  /** Called with lines about the setting-up of TensorFlow, where it is not there yet. */
  readonly log?: (line: string) => void;
}

/**
 * Corpus to published model. Everything that happens is reported as an event; the last is `published` or `rejected`,
 * or `finished` with the reason `interrupted` where the signal ended it.
 *
 * @throws FolioError of the corpus, `invalid_parameter` for a precision that the processor has not, `checkpoint_mismatch`, `training_diverged`, `tensorflow_unavailable`, `conflict`
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingEvent, void> {
  const { store, preset, signal } = options;
  const name = checkModelName(options.name, 'name');
  checkPrecision(options.settings?.precision);
  const preparation = preset === 'auto' ? 'plain' : presets[preset].preparation;
  const given = options.from && (await readSavedModel(options.from));
  const mayUseBase = preset === 'auto' && given === undefined && options.settings?.units === undefined;
  const base = mayUseBase && options.base ? await openBase(options.base) : undefined;
  const { corpus, preflight } = await readCorpus(options.corpus, {
    preparation,
    encoding: options.encoding,
    alphabet: options.alphabet,
    kind: options.kind,
    base: base?.model,
  });
  const keeper = new ReportKeeper();
  const keep = <Event extends TrainingEvent>(event: Event): Event => {
    keeper.update(event);
    return event;
  };
  yield keep({ type: 'preflight', report: preflight });
  if (base?.fault !== undefined) yield keep({ type: 'warning', code: 'base_not_used', message: base.fault });
  const teachers = await Promise.all((options.teachers ?? []).map((read) => readSavedModel(read)));
  checkTeachers(teachers, corpus.alphabet);
  const { parent, settings, why } = planOf(
    options,
    { given, base: base?.saved, isTaught: teachers.length > 0 },
    corpus.kind,
    preflight,
  );

  const log = options.log ?? (() => undefined);
  const tensorflow = await setUpTensorFlow(log);
  const tf = loadTensorFlow();
  const kernels = new Kernels(tf);
  const configuration: Configuration = {
    ...{ corpus: corpus.digest, preparation, alphabet: corpus.alphabet.join('') },
    ...settings,
    ...(options.encoding === undefined ? {} : { encoding: options.encoding }),
    ...(corpus.kind === 'text' ? {} : { kind: corpus.kind }),
    ...(parent === undefined ? {} : { parent: parent.digest }),
    ...(teachers.length === 0 ? {} : { teachers: teachers.map(({ digest }) => digest) }),
  };
  const { from, warning } = await checkpointFor(options, configuration);
  if (warning !== undefined) yield keep({ type: 'warning', code: 'not_resumed', message: warning });
  for (const event of from?.events ?? []) keeper.update(event);
  const tools = { folio: folioVersion, tfjs: tf.version.tfjs, tensorflow, node: process.versions.node };
  const isTaught = teachers.length > 0 || settings.distillation?.ngrams === true;
  const teaching = isTaught ? await teach(teachers, corpus, settings, log, signal) : undefined;
  if (isTaught && teaching === undefined) {
    yield keep(finishedEvent(notBegun));
    return;
  }
  const plan = { settings, preparation, parent, why, teachers };
  const started = startedEvent(options, plan, corpus, tools, teaching?.generated);
  if (from === undefined) yield keep(started);
  else {
    const earlier = from.events.filter(
      (event) => event.type === 'validation' || event.type === 'epoch' || event.type === 'sample',
    );
    yield { ...keep({ ...started, resumedAt: from.position }), earlier };
  }

  const key = checkpointKeyOf(name, configuration);
  const save = async (state: FitState) => {
    const bytes = encodeCheckpoint(state, configuration);
    await store.write(key, bytes);
    return { key, bytes: bytes.length };
  };
  const initial = parent && weightsOf(forAlphabet(parent, corpus.alphabet));
  const saveEvery = options.checkpointEvery ?? 180;
  const fitting = fitNetwork(kernels, corpus, settings, {
    ...{ teaching, initial, from, save, saveEvery, signal },
  });
  let step = await fitting.next();
  while (step.done !== true) {
    yield keep(step.value);
    step = await fitting.next();
  }
  const result = step.value;
  yield keep(finishedEvent(result));
  if (result.reason === 'interrupted') return;
  yield* publish(tf, options, { settings, corpus, parent, result, started, keeper });
  await store.remove(key);
}

/** What is trained, and from where. */
interface Plan {
  readonly settings: FitSettings;
  readonly parent?: SavedModel | undefined;
  readonly teachers?: readonly SavedModel[];
  readonly why?: string | undefined;
}

/** What a training can start from. */
interface Starts {
  readonly given: SavedModel | undefined;
  readonly base: SavedModel | undefined;
  /** Whether it has teachers. */
  readonly isTaught: boolean;
}

/** Settings by the preset, the model to start from, whether there are teachers, and the caller's own. */
const planOf = (
  { preset, settings: own }: TrainOptions,
  { given, base, isTaught }: Starts,
  kind: CorpusKind,
  { characters, alphabet, estimate }: CorpusReport,
): Plan => {
  const finished = (settings: FitSettings) => ({ ...(isTaught ? taught(settings) : settings), ...own });
  if (preset !== 'auto') {
    const { preparation: _, about: __, ...settings } = presets[preset];
    return { parent: given, settings: finished(given ? fineTuned(settings, given) : settings) };
  }
  const { trigramLoss, baseLoss } = estimate;
  const facts = {
    ...{ characters, kind, known: knownShare(alphabet), trigramLoss, baseLoss },
    isGiven: given !== undefined,
  };
  const { fromBase, settings, fineTuning, why } = chooseRecipe(facts);
  const parent = given ?? (fromBase ? base : undefined);
  return {
    parent,
    settings: finished(parent ? { ...fineTuned(settings, parent), ...fineTuning } : settings),
    ...(given === undefined ? { why } : {}),
  };
};

const startedEvent = (
  { name, preset }: TrainOptions,
  { settings, preparation, parent, teachers = [], why }: Plan & { readonly preparation: Preparation },
  corpus: Corpus,
  tools: StartedEvent['tools'],
  generated: Ids | undefined,
): StartedEvent => {
  const shape = shapeOf(settings, corpus.alphabet.length);
  return {
    ...{ type: 'started', model: name, preset },
    settings: { ...settings, preparation, kind: corpus.kind },
    corpus: { source: basename(corpus.source), digest: corpus.digest, characters: corpus.ids.length },
    ...(parent === undefined ? {} : { parent: lineageOf(parent) }),
    ...(teachers.length === 0 ? {} : { teachers: teachers.map(lineageOf) }),
    ...(why === undefined ? {} : { why }),
    ...{ vocabulary: shape.vocabulary, parameters: parameters(shape), epochs: settings.epochs },
    ...{ steps: settings.epochs * chunksOf(corpus, settings, generated).perEpoch, tools },
  };
};

const lineageOf = ({ name, version, digest }: SavedModel): Lineage => ({
  ...(name === undefined ? {} : { name }),
  ...(version === undefined ? {} : { version }),
  digest,
});

/** A training that was interrupted while its teachers wrote. */
const notBegun: FitResult = {
  ...{ reason: 'interrupted', weights: [], epochs: [], best: undefined, steps: 0, seconds: 0 },
};

const finishedEvent = ({ reason, epochs, steps, seconds, best }: FitResult): FinishedEvent => ({
  ...{ type: 'finished', reason, epoch: epochs.length, step: steps, bestEpoch: best?.epoch ?? 0 },
  ...{ loss: best?.loss ?? Number.NaN, validationLoss: best?.validationLoss ?? Number.NaN, seconds },
});

const checkpointFor = async (
  { name, store, resume = 'auto' }: TrainOptions,
  configuration: Configuration,
): Promise<{ from?: FitState; warning?: string }> => {
  if (resume === 'never') return {};
  try {
    const from = await readCheckpoint(store, name, configuration);
    if (from !== undefined) return { from };
  } catch (fault) {
    if (resume === 'auto' && isFolioError(fault) && fault.code === 'checkpoint_mismatch') {
      return {
        warning: `Started anew; the checkpoint that was found is kept. ${fault.message.replace(/ Train with --fresh.*$/, '')}`,
      };
    }
    throw fault;
  }
  if (resume === 'auto') return {};
  throw new FolioError('not_found', `There is no checkpoint of ${name} to go on from.`, { where: 'resume' });
};
