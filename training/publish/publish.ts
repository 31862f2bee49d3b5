import { FolioError, isFolioError } from '../../src/errors.ts';
import { buildCopyIndex } from '../../src/model/copy-index.ts';
import { buildLineIndex } from '../../src/model/lines/line-index.ts';
import { candidatePrefix, copyIndexFile, lineIndexFile, versionPrefix } from '../../src/store/keys.ts';
import { versionName } from '../../src/store/model-name.ts';
import { currentVersion, publishVersion, readPointer, withDigests } from '../../src/store/models.ts';
import type { Store } from '../../src/store/store.ts';
import { versionFiles } from '../../src/store/version-files.ts';
import type { Corpus } from '../corpus/corpus.ts';
import type { JudgementEvent, StartedEvent, TrainingEvent } from '../events.ts';
import { hasDropout } from '../loop/dropout.ts';
import { type FitResult, shapeOf } from '../loop/fit.ts';
import type { FitSettings } from '../loop/fit-settings.ts';
import type { TensorFlow } from '../loop/tensorflow.ts';
import type { EvaluatedModel } from '../metrics/held-out.ts';
import { corpusLines } from '../metrics/line-quality.ts';
import { measure } from '../metrics/measure.ts';
import { judgement } from '../report/judgement.ts';
import type { ReportKeeper } from '../report/report.ts';
import { reportHtml } from '../report/report-html.ts';
import { artefactOf, roundToFloat16 } from './artefact.ts';
import { evaluatedModel, openEvaluatedModel } from './evaluated-model.ts';
import { judge } from './gate.ts';
import type { SavedModel } from './saved-model.ts';

/** Characters. The index takes three quarters of a byte for each; the copy guard loads it. */
const MOST_INDEXED = 32_000_000;

/** A finished training, with everything that its publication says of it. */
export interface Trained {
  readonly settings: FitSettings;
  readonly corpus: Corpus;
  /** The model that it started from, where it is a fine-tuning. */
  readonly parent?: SavedModel | undefined;
  readonly result: FitResult;
  readonly started: StartedEvent;
  readonly keeper: ReportKeeper;
}

export interface PublishOptions {
  readonly name: string;
  readonly store: Store;
  /** Publish whatever the gate finds. */
  readonly force?: boolean;
  /** Nats per character that the gate lets a version be worse than the current one. */
  readonly tolerance?: number;
  /** What a valid line of a corpus of lines matches, for the report. */
  readonly check?: RegExp | undefined;
}

/**
 * Saves the model, has the gate judge it as it was saved, and publishes it or keeps it as a candidate.
 *
 * @throws FolioError `conflict` where another version became current meanwhile
 */
export async function* publish(
  tf: TensorFlow,
  { name, store, force, tolerance, check }: PublishOptions,
  { settings, corpus, parent, result, started, keeper }: Trained,
): AsyncGenerator<TrainingEvent, void> {
  const createdAt = new Date();
  const shape = shapeOf(settings, corpus.alphabet.length);
  const weights = settings.shards === 'float16' ? roundToFloat16(result.weights) : result.weights;
  const save = (training: Readonly<Record<string, unknown>>) =>
    artefactOf(tf, shape, weights, settings.shards, (digest) => ({
      folio: {
        ...{ format: 1, name, version: versionName(createdAt, digest), createdAt: createdAt.toISOString() },
        ...{ alphabet: corpus.alphabet, preset: started.preset, corpus: started.corpus },
        ...(started.parent === undefined ? {} : { parent: started.parent }),
        ...(started.teachers === undefined ? {} : { teachers: started.teachers }),
        training: { ...trainingFacts(result), ...training, settings: started.settings },
        tools: started.tools,
      },
    }));
  const draft = await save({});
  const candidate = await openEvaluatedModel((file) => Promise.resolve(draft.files.get(file)!));
  const pointer = await readPointer(store, name);
  const current = pointer && (await currentModel(store, name));
  const verdict = await judge(candidate, { current, parent: parent && evaluatedModel(parent) }, corpus, {
    ...(force === undefined ? {} : { force }),
    ...(tolerance === undefined ? {} : { tolerance }),
    ...(result.best === undefined
      ? {}
      : {
          course: {
            ...{ preset: started.preset, epochs: result.epochs.length },
            bestEpoch: result.best.epoch,
          },
        }),
  });
  keeper.update(verdict);
  yield verdict;

  const finite = Number.isFinite(verdict.loss);
  const facts = finite ? await measure(candidate, corpus, check) : undefined;
  const { files, digest } = await save(facts === undefined ? {} : { validationLoss: facts.evaluation.loss });
  const version = versionName(createdAt, digest);
  const judged: JudgementEvent = {
    type: 'judgement',
    message: judgement({
      ...{ loss: verdict.loss, trigramLoss: verdict.trigramLoss, ngramLoss: verdict.ngramLoss },
      ...{ trainingLoss: result.best?.loss, hasDropout: hasDropout(settings.dropout) },
      overlap: facts?.overlap,
    }),
  };
  keeper.update(judged);
  yield judged;
  keeper.add({ ...facts, version, createdAt: createdAt.toISOString() });
  const encode = (text: string) => new TextEncoder().encode(text);
  const all = new Map([
    ...(corpus.ids.length > MOST_INDEXED ? [] : [[copyIndexFile, buildCopyIndex(corpus)] as const]),
    ...(corpus.ids.length > MOST_INDEXED || corpus.kind !== 'lines'
      ? []
      : [[lineIndexFile, buildLineIndex(corpusLines(corpus))] as const]),
    ['report.json', encode(`${JSON.stringify(keeper.report)}\n`)],
    ['report.html', encode(reportHtml(keeper.report))],
    ...files,
  ]);
  if (verdict.passed || verdict.forced) {
    await publishVersion(store, { name, version, files: all, replaces: pointer?.version ?? null });
    yield { type: 'published', version, key: versionPrefix(name, version).replace(/\/$/, '') };
    return;
  }
  const kept = candidatePrefix(name, version);
  all.set('reason.json', encode(`${JSON.stringify({ reasons: verdict.reasons, gate: verdict })}\n`));
  for (const [file, bytes] of withDigests(kept, all)) await store.write(kept + file, bytes);
  yield { type: 'rejected', version, key: kept.replace(/\/$/, ''), reasons: verdict.reasons };
}

/** The version that would be replaced; none where it cannot be read, which must not stop a better one. */
const currentModel = async (store: Store, name: string): Promise<EvaluatedModel | undefined> => {
  try {
    const version = await currentVersion(store, name);
    if (version === undefined) return undefined;
    const files = versionFiles(store, name, version);
    return await openEvaluatedModel(async (file) => {
      const bytes = await files.read(file);
      if (bytes === undefined) throw new FolioError('model_invalid', `${file} is missing.`);
      return bytes;
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
