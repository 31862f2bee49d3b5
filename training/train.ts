import { basename } from 'node:path';
import { FolioError, isFolioError } from '../src/errors.ts';
import { buildCopyIndex } from '../src/model/copy-index.ts';
import { checkModelName, versionName, versionPrefix } from '../src/store/model-name.ts';
import { publishVersion, readPointer } from '../src/store/models.ts';
import type { Store } from '../src/store/store.ts';
import { folioVersion } from '../src/version.ts';
import { artefactOf, roundToFloat16 } from './artefact.ts';
import {
  type Configuration,
  checkpointKey,
  encodeCheckpoint,
  type FitState,
  readCheckpoint,
} from './checkpoint.ts';
import { type Corpus, readCorpus } from './corpus.ts';
import type { FinishedEvent, StartedEvent, TrainingEvent } from './events.ts';
import { openExaminee } from './examinee.ts';
import { chunksOf, type FitResult, type FitSettings, fitNetwork, shapeOf } from './fit.ts';
import { type Examinee, judge } from './gate.ts';
import { Kernels } from './kernels.ts';
import { measure } from './measure.ts';
import { parameters } from './network.ts';
import { type PresetName, presets } from './presets.ts';
import { ReportKeeper } from './report.ts';
import { reportHtml } from './report-html.ts';
import { setUpTensorFlow } from './setup-tensorflow.ts';
import { loadTensorFlow, type TensorFlow } from './tensorflow.ts';

export interface TrainOptions {
  /** Files, folders, globs, URLs or `-`. */
  readonly corpus: readonly string[];
  readonly name: string;
  readonly preset: PresetName;
  /** Where the model is published and checkpoints are kept. */
  readonly store: Store;
  /** Differences from the preset. */
  readonly settings?: Partial<FitSettings>;
  /**
   * `auto` goes on from a checkpoint of this very training and leaves another's behind, with a warning; `always`
   * refuses another's, and none; `never` starts anew. Default `auto`.
   */
  readonly resume?: 'auto' | 'always' | 'never';
  /** Publish whatever the gate finds. */
  readonly force?: boolean;
  /** Nats per character that the gate lets a version be worse than the current one. */
  readonly tolerance?: number;
  /** Seconds between two checkpoints. Default 180. */
  readonly checkpointEvery?: number;
  /** Saves a checkpoint and ends. */
  readonly signal?: AbortSignal;
  /** Hears of the setting-up of TensorFlow, where it is not there yet. */
  readonly tell?: (line: string) => void;
}

/** Characters. The index takes three quarters of a byte for each; whoever guards against copying has to load it. */
const MOST_INDEXED = 32_000_000;

/**
 * Corpus to published model. Everything that happens is told as an event; the last is `published` or `rejected`,
 * or `finished` with the reason `interrupted` where the signal ended it.
 *
 * @throws FolioError of the corpus, `checkpoint_mismatch`, `training_diverged`, `tensorflow_unavailable`, `conflict`
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingEvent, void> {
  const { store, preset, signal } = options;
  const name = checkModelName(options.name, 'name');
  const { preparation, about: _, ...preseted } = presets[preset];
  const settings: FitSettings = { ...preseted, ...options.settings };
  const { corpus, preflight } = await readCorpus(options.corpus, { preparation });
  const keeper = new ReportKeeper();
  const tell = <Event extends TrainingEvent>(event: Event): Event => {
    keeper.hear(event);
    return event;
  };
  yield tell({ type: 'preflight', report: preflight });

  const tensorflow = await setUpTensorFlow(options.tell ?? (() => undefined));
  const tf = loadTensorFlow();
  const kernels = new Kernels(tf);
  const configuration: Configuration = {
    ...{ corpus: corpus.digest, preparation, alphabet: corpus.alphabet.join('') },
    ...settings,
  };
  const { from, warning } = await checkpointFor(options, configuration);
  if (warning !== undefined) yield tell({ type: 'warning', code: 'not_resumed', message: warning });
  for (const event of from?.events ?? []) keeper.hear(event);
  const started = startedEvent(options, settings, corpus, {
    ...{ folio: folioVersion, tfjs: tf.version.tfjs, tensorflow, node: process.versions.node },
  });
  yield tell(from === undefined ? started : { ...started, resumedAt: from.position });

  const key = checkpointKey(name);
  const save = async (state: FitState) => {
    const bytes = encodeCheckpoint(state, configuration);
    await store.write(key, bytes);
    return { key, bytes: bytes.length };
  };
  const saveEvery = options.checkpointEvery ?? 180;
  const fitting = fitNetwork(kernels, corpus, settings, { from, save, saveEvery, signal });
  let step = await fitting.next();
  while (step.done !== true) {
    yield tell(step.value);
    step = await fitting.next();
  }
  const result = step.value;
  yield tell(finishedEvent(result));
  if (result.reason === 'interrupted') return;
  yield* publish(tf, options, { settings, corpus, result, started, keeper });
  await store.remove(key);
}

interface Trained {
  readonly settings: FitSettings;
  readonly corpus: Corpus;
  readonly result: FitResult;
  readonly started: StartedEvent;
  readonly keeper: ReportKeeper;
}

/** Saves the model, has the gate judge it as it was saved, and publishes it or keeps it as a candidate. */
async function* publish(
  tf: TensorFlow,
  { name, store, force, tolerance }: TrainOptions,
  { settings, corpus, result, started, keeper }: Trained,
): AsyncGenerator<TrainingEvent, void> {
  const createdAt = new Date();
  const shape = shapeOf(settings, corpus.alphabet.length);
  const weights = settings.shards === 'float16' ? roundToFloat16(result.weights) : result.weights;
  const save = (training: Readonly<Record<string, unknown>>) =>
    artefactOf(tf, shape, weights, settings.shards, (digest) => ({
      folio: {
        ...{ format: 1, name, version: versionName(createdAt, digest), createdAt: createdAt.toISOString() },
        ...{ alphabet: corpus.alphabet, preset: started.preset, corpus: started.corpus },
        training: { ...trainingFacts(result), ...training, settings: started.settings },
        tools: started.tools,
      },
    }));
  const draft = await save({});
  const candidate = await openExaminee((file) => Promise.resolve(draft.files.get(file)!));
  const pointer = await readPointer(store, name);
  const current = pointer && (await currentExaminee(store, name, pointer.version));
  const verdict = await judge(candidate, current, corpus, {
    ...(force === undefined ? {} : { force }),
    ...(tolerance === undefined ? {} : { tolerance }),
  });
  keeper.hear(verdict);
  yield verdict;

  const finite = Number.isFinite(verdict.loss);
  const facts = finite ? await measure(candidate, corpus) : undefined;
  const { files, digest } = await save(facts === undefined ? {} : { validationLoss: facts.evaluation.loss });
  const version = versionName(createdAt, digest);
  keeper.add({ ...facts, version, createdAt: createdAt.toISOString() });
  const encode = (text: string) => new TextEncoder().encode(text);
  const all = new Map([
    ...(corpus.ids.length > MOST_INDEXED ? [] : [['copy-index.bin', buildCopyIndex(corpus)] as const]),
    ['report.json', encode(`${JSON.stringify(keeper.report)}\n`)],
    ['report.html', encode(reportHtml(keeper.report))],
    ...files,
  ]);
  if (verdict.passed || verdict.forced) {
    await publishVersion(store, { name, version, files: all, replaces: pointer?.version ?? null });
    yield { type: 'published', version, key: versionPrefix(name, version).replace(/\/$/, '') };
    return;
  }
  const kept = `candidates/${name}/${version}`;
  all.set('reason.json', encode(`${JSON.stringify({ reasons: verdict.reasons, gate: verdict })}\n`));
  for (const [file, bytes] of all) await store.write(`${kept}/${file}`, bytes);
  yield { type: 'rejected', version, key: kept, reasons: verdict.reasons };
}

/** The version that would be replaced; none where it cannot be read, which must not stop a better one. */
const currentExaminee = async (
  store: Store,
  name: string,
  version: string,
): Promise<Examinee | undefined> => {
  try {
    return await openExaminee(async (file) => {
      const object = await store.read(`${versionPrefix(name, version)}${file}`);
      if (object === undefined) throw new FolioError('model_invalid', `${file} is missing.`);
      return object.bytes;
    });
  } catch (fault) {
    if (isFolioError(fault) && fault.code.startsWith('model_')) return undefined;
    throw fault;
  }
};

const trainingFacts = ({ epochs, steps, seconds, best }: FitResult) => ({
  ...{ epochs: epochs.length, steps, seconds: Math.round(seconds) },
  ...{ bestEpoch: best?.epoch, loss: best?.loss, validationLoss: best?.validationLoss },
});

const startedEvent = (
  { name, preset }: TrainOptions,
  settings: FitSettings,
  corpus: Corpus,
  tools: StartedEvent['tools'],
): StartedEvent => {
  const shape = shapeOf(settings, corpus.alphabet.length);
  return {
    ...{ type: 'started', model: name, preset },
    settings: { ...settings, preparation: presets[preset].preparation },
    corpus: { source: basename(corpus.source), digest: corpus.digest, characters: corpus.ids.length },
    ...{ vocabulary: shape.vocabulary, parameters: parameters(shape), epochs: settings.epochs },
    ...{ steps: settings.epochs * chunksOf(corpus, settings).perEpoch, tools },
  };
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
      return { warning: `Started anew. ${fault.message}` };
    }
    throw fault;
  }
  if (resume === 'auto') return {};
  throw new FolioError('not_found', `There is no checkpoint of ${name} to go on from.`, { where: 'resume' });
};
