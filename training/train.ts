import { freemem } from 'node:os';
import { FolioError } from '../src/errors.ts';
import { versionName } from '../src/store/model-name.ts';
import { publishVersion } from '../src/store/models.ts';
import type { Store } from '../src/store/store.ts';
import { artefactOf, roundToFloat16 } from './artefact.ts';
import { checkpointKey, encodeCheckpoint, type FitState, readCheckpoint } from './checkpoint.ts';
import { type Corpus, readCorpus } from './corpus.ts';
import type { TrainingEvent } from './events.ts';
import { chunksOf, type FitResult, type FitSettings, fitNetwork, shapeOf } from './fit.ts';
import { Kernels } from './kernels.ts';
import { parameters } from './network.ts';
import { type PresetName, presets } from './presets.ts';
import { setUpTensorFlow } from './setup-tensorflow.ts';
import { bindingOf, loadTensorFlow } from './tensorflow.ts';

void freemem;

export interface TrainOptions {
  /** Files, folders, globs, URLs or `-`. */
  readonly corpus: readonly string[];
  readonly name: string;
  readonly preset: PresetName;
  readonly store: Store;
  /** Differences from the preset. */
  readonly settings?: Partial<FitSettings>;
  /**
   * `auto` goes on from a checkpoint of the same training and starts anew beside another's; `always` refuses
   * another's; `never` looks at none.
   */
  readonly resume?: 'auto' | 'always' | 'never';
  readonly signal?: AbortSignal;
  readonly tell?: (line: string) => void;
}

export async function* train(options: TrainOptions): AsyncGenerator<TrainingEvent, void> {
  const { name, store, preset, signal } = options;
  const { preparation, about: _, ...preseted } = presets[preset];
  const settings: FitSettings = { ...preseted, ...options.settings };
  const { corpus, preflight } = await readCorpus(options.corpus, { preparation });
  yield { type: 'preflight', report: preflight };
  const tensorflow = await setUpTensorFlow(options.tell ?? (() => undefined));
  const tf = loadTensorFlow();
  const kernels = new Kernels(tf);
  const shape = shapeOf(settings, corpus.alphabet.length);
  const chunks = chunksOf(corpus, settings);
  const configuration = {
    corpus: corpus.digest,
    preparation,
    alphabet: corpus.alphabet.join(''),
    ...settings,
  };
  const from = await checkpointFor(options, configuration);
  const tools = { folio: '0.1.0', tfjs: tf.version.tfjs, tensorflow, node: process.versions.node };
  yield {
    ...{ type: 'started', model: name, preset, settings: { ...settings, preparation } },
    corpus: { source: corpus.source, digest: corpus.digest, characters: corpus.ids.length },
    ...{ vocabulary: shape.vocabulary, parameters: parameters(shape) },
    ...{ epochs: settings.epochs, steps: settings.epochs * chunks.perEpoch, tools },
    ...(from === undefined ? {} : { resumedAt: from.position }),
  };
  const key = checkpointKey(name);
  const save = async (state: FitState) => {
    const bytes = encodeCheckpoint(state, configuration);
    await store.write(key, bytes);
    return { key, bytes: bytes.length };
  };
  const result = yield* fitNetwork(kernels, corpus, settings, { from, save, signal });
  yield {
    ...{ type: 'finished', reason: result.reason, epoch: result.epochs.length, step: result.steps },
    ...{ bestEpoch: result.best?.epoch ?? 0, loss: result.best?.loss ?? Number.NaN },
    ...{ validationLoss: result.best?.validationLoss ?? Number.NaN, seconds: result.seconds },
  };
  if (result.reason === 'interrupted') return;
  const createdAt = new Date();
  const weights = settings.shards === 'float16' ? roundToFloat16(result.weights) : result.weights;
  let version = '';
  const { files } = await artefactOf(tf, shape, weights, settings.shards, (digest) => {
    version = versionName(createdAt, digest);
    return { folio: metadata({ ...options, settings }, { corpus, result, version, createdAt, tools }) };
  });
  await publishVersion(store, { name, version, files });
  await store.remove(key);
  yield { type: 'published', version, key: `models/${name}/${version}` };
}

const metadata = (
  { name, preset, settings }: TrainOptions,
  about: {
    corpus: Corpus;
    result: FitResult;
    version: string;
    createdAt: Date;
    tools: Record<string, string>;
  },
) => ({
  ...{ format: 1, name, version: about.version, createdAt: about.createdAt.toISOString() },
  alphabet: about.corpus.alphabet,
  preset,
  corpus: { source: about.corpus.source, digest: about.corpus.digest, characters: about.corpus.ids.length },
  training: {
    ...{
      epochs: about.result.epochs.length,
      steps: about.result.steps,
      seconds: Math.round(about.result.seconds),
    },
    ...{ loss: about.result.best?.loss, validationLoss: about.result.best?.validationLoss, settings },
  },
  tools: about.tools,
});

const checkpointFor = async (
  { name, store, resume = 'auto' }: TrainOptions,
  configuration: Readonly<Record<string, unknown>>,
): Promise<FitState | undefined> => {
  if (resume === 'never') return undefined;
  try {
    const found = await readCheckpoint(store, name, configuration);
    if (found !== undefined || resume === 'auto') return found;
  } catch (fault) {
    if (resume === 'auto' && fault instanceof FolioError && fault.code === 'checkpoint_mismatch')
      return undefined;
    throw fault;
  }
  throw new FolioError('not_found', `There is no checkpoint of ${name} to go on from.`, { where: 'resume' });
};

void bindingOf;
