import { setImmediate } from 'node:timers/promises';
import { FolioError, isFolioError } from '../../src/errors.ts';
import type { Corpus } from '../corpus/corpus.ts';
import type { Ids } from '../corpus/encoder.ts';
import type { CheckpointEvent, TrainingEvent, WarningEvent } from '../events.ts';
import { EventHistory } from '../report/event-history.ts';
import { several } from '../report/format.ts';
import type { Best, EpochLosses, FitState } from './checkpoint.ts';
import { Chunks, lineStartOf } from './chunks.ts';
import { CompiledLoop, type StepSettings } from './compiled-loop.ts';
import { TaughtChunks } from './distillation/taught-chunks.ts';
import { Teachers } from './distillation/teachers.ts';
import type { Teaching } from './distillation/teaching.ts';
import { FastLoop } from './fast-loop.ts';
import type { FitSettings } from './fit-settings.ts';
import type { Kernels } from './kernels.ts';
import { freeState, readState, restartStreams, restoreState } from './lstm-steps.ts';
import { initialWeights, type NetworkShape, swapGates, type Weight, weightShapes } from './network.ts';
import { freshState, Optimiser } from './optimiser.ts';
import { sample } from './samples.ts';
import { learningRate } from './schedule.ts';
import { validationLoss } from './validation.ts';

export interface FitOptions {
  readonly teaching?: Teaching | undefined;
  /** Weights to start from, in Keras' layout. Default: drawn from the seed. */
  readonly initial?: readonly Weight[] | undefined;
  /** Goes on from here. */
  readonly from?: FitState | undefined;
  /** Keeps a state; called every few minutes and when the signal says stop. @returns where and how large */
  readonly save?: ((state: FitState) => Promise<{ key: string; bytes: number }>) | undefined;
  readonly saveEvery?: number; // seconds
  /** Saves and ends. */
  readonly signal?: AbortSignal | undefined;
}

export interface FitResult {
  readonly reason: 'completed' | 'stopped_early' | 'interrupted';
  /** The best weights, in Keras' layout. */
  readonly weights: readonly Weight[];
  readonly epochs: readonly EpochLosses[];
  readonly best: Best | undefined;
  readonly steps: number;
  readonly seconds: number;
}

/** A loss this far above that of guessing blindly is no longer training. */
const DIVERGED = 3;
const BACK_OFFS = 2;
const COMPILED_FROM = 1000; // steps: fewer would not earn back the seconds that a graph takes
const REPORT_EVERY = 0.25; // seconds
const TEMPERATURES = [0, 0.5, 0.8, 1];

export const shapeOf = (
  settings: Pick<FitSettings, 'units' | 'embedding'>,
  vocabulary: number,
): NetworkShape => ({
  vocabulary,
  embedding: settings.embedding,
  units: settings.units,
});

/** The chunks of a training; streams begin anew at the character that generation feeds before a text. */
export const chunksOf = (
  { training, alphabet }: Corpus,
  settings: FitSettings,
  generated?: Ids,
): Chunks | TaughtChunks => {
  const lineStart = lineStartOf(alphabet);
  const { distillation } = settings;
  return generated === undefined || distillation === undefined
    ? new Chunks(training, settings, lineStart)
    : new TaughtChunks(training, generated, settings, distillation.generated, lineStart);
};

/**
 * Trains, and reports its progress as events. The same corpus, settings and machine end with the same weights to the bit, whether or
 * not the run was interrupted and resumed.
 *
 * @throws FolioError `training_diverged` after the third time that loss or gradient were no numbers
 */
export async function* fitNetwork(
  kernels: Kernels,
  corpus: Corpus,
  settings: FitSettings,
  { teaching, initial, from, save, saveEvery = 180, signal }: FitOptions = {},
): AsyncGenerator<TrainingEvent, FitResult> {
  const shape = shapeOf(settings, corpus.alphabet.length);
  const shapes = weightShapes(shape);
  const chunks = chunksOf(corpus, settings, teaching?.generated);
  const teachers =
    teaching && settings.distillation && new Teachers(kernels, teaching, settings.distillation);
  // States are those of the network's layers, then of the teachers'.
  const streams = { units: [...shape.units, ...(teachers?.units ?? [])] };
  const loop = new FastLoop(kernels, shape, settings.precision);
  const exactLoop = new FastLoop(kernels, shape); // as the published weights will be read
  const total = chunks.perEpoch * settings.epochs;
  // By what is known beforehand, so that a training that was resumed computes as it did before.
  const { compiled, fault } =
    total < COMPILED_FROM
      ? {}
      : compile(kernels, {
          ...{ shape, size: chunks, dropout: settings.dropout, precision: settings.precision },
          taught: teachers !== undefined,
        });
  const begun = performance.now();
  const inKeras = (arrays: readonly Float32Array[]) =>
    arrays.map((values, index) => swapGates({ ...shapes[index]!, values }));

  let good: FitState = from ?? fresh(initial ?? initialWeights(kernels, shape, settings.seed));
  const open = (state: FitState) =>
    new Optimiser(
      kernels,
      shapes.map((weight) => weight.shape),
      state.optimiser,
      settings.optimiser,
    );
  let optimiser = open(good);
  let recurrent = restoreState(kernels, streams, chunks.batch, good.recurrent);
  let { position, epochLoss, rateFactor, divergences, best } = good;
  const epochs = [...good.epochs];
  const history = new EventHistory(good.events);
  const before = good.seconds;
  const seconds = () => before + (performance.now() - begun) / 1000;
  const state = (): FitState => ({
    ...{ position, epochLoss, rateFactor, divergences, best },
    optimiser: optimiser.state(),
    recurrent: readState(kernels, recurrent),
    epochs: [...epochs],
    events: history.events,
    seconds: seconds(),
  });

  let savedAt = performance.now();
  let reportedAt = performance.now();
  let epochBegun = performance.now();
  const firstPosition = position;
  let sinceReport = { loss: 0, norm: 0, steps: 0 };
  let reason: FitResult['reason'] = 'completed';

  try {
    if (fault !== undefined) {
      const message = `Steps are computed one kernel at a time, which takes longer: TensorFlow refused them as a graph. ${fault}`;
      yield history.add({ type: 'warning', code: 'not_compiled', message });
    }
    while (position < total) {
      const epoch = Math.floor(position / chunks.perEpoch);
      const within = position % chunks.perEpoch;
      if (within === 0 && best !== undefined && epoch - best.epoch >= settings.patience) {
        reason = 'stopped_early';
        const message = `No better validation loss for ${several(settings.patience, 'epoch')}.`;
        yield history.add({ type: 'warning', code: 'early_stopping', message });
        break;
      }
      const chunk = chunks.at(epoch, within);
      recurrent = restartStreams(kernels, recurrent, chunk.begins);
      const rate = rateFactor * learningRate(position, total, settings);
      const weights = optimiser.weights();
      const seed = Math.imul(settings.seed, 0x85ebca6b) + position;
      const own = recurrent.slice(0, shape.units.length);
      const taught = teachers?.lesson(chunk, recurrent.slice(shape.units.length));
      const result =
        compiled?.gradients(weights, chunk, own, seed, taught?.lesson) ??
        loop.gradients(weights, chunk, own, settings.dropout, seed, taught?.lesson);
      kernels.free(...weights, ...(taught ? [taught.lesson.targets] : []));
      recurrent = [...result.state, ...(taught?.state ?? [])];
      const diverged = !(result.loss < DIVERGED * Math.log(shape.vocabulary) + 1);
      if (diverged) kernels.free(...result.gradients);
      const norm = diverged ? Number.NaN : optimiser.apply(result.gradients, rate);
      if (!Number.isFinite(norm)) {
        divergences += 1;
        if (divergences > BACK_OFFS) {
          throw new FolioError(
            'training_diverged',
            `Training diverged for the third time, at step ${position + 1}: try a lower learning rate than ${rate.toPrecision(2)}.`,
            { where: 'learningRate', received: `loss ${result.loss}, gradient norm ${norm}` },
          );
        }
        const message = `Loss ${result.loss} at step ${position + 1}: back to step ${good.position} at half the rate.`;
        yield history.add({ type: 'warning', code: 'diverged', message });
        optimiser.dispose();
        freeState(kernels, recurrent);
        optimiser = open(good);
        recurrent = restoreState(kernels, streams, chunks.batch, good.recurrent);
        ({ position, epochLoss, best } = good);
        epochs.length = good.epochs.length;
        rateFactor /= 2;
        continue;
      }

      position += 1;
      epochLoss += result.loss;
      sinceReport = { loss: sinceReport.loss + result.loss, norm, steps: sinceReport.steps + 1 };
      const now = performance.now();
      const ends = position % chunks.perEpoch === 0;
      if (now - reportedAt > REPORT_EVERY * 1000 || ends) {
        const pace = (now - reportedAt) / 1000 / sinceReport.steps; // seconds a step
        const meanPace = (now - begun) / 1000 / (position - firstPosition);
        yield history.add({
          ...{ type: 'step', epoch: epoch + 1, step: position, loss: sinceReport.loss / sinceReport.steps },
          ...{ epochLoss: epochLoss / (within + 1), learningRate: rate, gradientNorm: sinceReport.norm },
          charactersPerSecond: (chunks.batch * chunks.length) / pace,
          ...{ seconds: seconds(), secondsLeft: meanPace * (total - position) },
        });
        reportedAt = performance.now();
        sinceReport = { loss: 0, norm: 0, steps: 0 };
      }

      if (ends) {
        const averages = optimiser.averages();
        const validation = validationLoss(kernels, exactLoop, shape, averages, corpus);
        const loss = epochLoss / chunks.perEpoch;
        const better = validation < (best?.validationLoss ?? Number.POSITIVE_INFINITY);
        if (better) {
          const kept = averages.map((handle) => kernels.read(handle));
          best = { epoch: epoch + 1, loss, validationLoss: validation, weights: kept };
        }
        epochs.push({ loss, validationLoss: validation });
        epochLoss = 0;
        const place = { epoch: epoch + 1, step: position };
        yield history.add({ type: 'validation', ...place, loss: validation, best: better });
        const ended = performance.now();
        yield history.add({
          type: 'epoch',
          ...place,
          loss,
          validationLoss: validation,
          seconds: (ended - epochBegun) / 1000,
        });
        for (const temperature of TEMPERATURES) {
          const text = sample(kernels, exactLoop, shape, averages, corpus, temperature, settings.seed);
          yield history.add({ type: 'sample', epoch: epoch + 1, temperature, text });
        }
        kernels.free(...averages);
        if (!Number.isFinite(validation)) throw validationDiverged(validation, epoch + 1);
        epochBegun = performance.now();
        reportedAt = epochBegun;
        good = state();
      }
      await setImmediate();
      const stop = signal?.aborted === true;
      if (save !== undefined && (stop || performance.now() - savedAt > saveEvery * 1000)) {
        good = state();
        yield history.add(await saved(save, good, position, stop));
        savedAt = performance.now();
        reportedAt = savedAt;
      }
      if (stop) {
        reason = 'interrupted';
        break;
      }
    }
    if (reason !== 'interrupted' && save !== undefined) {
      yield history.add(await saved(save, state(), position, signal?.aborted === true));
      if (signal?.aborted) reason = 'interrupted';
    }
    const averages = best?.weights ?? optimiser.state().weights;
    return {
      ...{ reason, weights: inKeras(averages), epochs, best },
      ...{ steps: position, seconds: seconds() },
    };
  } finally {
    optimiser.dispose();
    teachers?.dispose();
    compiled?.dispose();
    freeState(kernels, recurrent);
  }
}

/** Steps as a graph, or why this TensorFlow does not take them so. */
const compile = (
  kernels: Kernels,
  settings: StepSettings,
): { readonly compiled?: CompiledLoop; readonly fault?: string } => {
  try {
    return { compiled: new CompiledLoop(kernels, settings) };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
};

/**
 * Writes a checkpoint. A store that fails for a while, as when a disk is full, ends no training.
 *
 * @param isNeeded Whether the training ends here and goes on from it.
 * @throws FolioError `store_failed` for one that is needed
 */
const saved = async (
  save: NonNullable<FitOptions['save']>,
  state: FitState,
  step: number,
  isNeeded: boolean,
): Promise<CheckpointEvent | WarningEvent> => {
  try {
    return { type: 'checkpoint', step, ...(await save(state)) };
  } catch (error) {
    if (isNeeded || !isFolioError(error)) throw error;
    const message = `The training goes on without a checkpoint. ${error.message}`;
    return { type: 'warning', code: 'not_saved', message };
  }
};

const validationDiverged = (loss: number, epoch: number) =>
  new FolioError(
    'training_diverged',
    `The validation loss of epoch ${epoch} is ${loss}: no model can be kept.`,
  );

const fresh = (weights: readonly Weight[]): FitState => ({
  ...{ position: 0, epochLoss: 0, rateFactor: 1, divergences: 0, best: undefined },
  optimiser: freshState(weights.map((weight) => swapGates(weight).values)),
  ...{ recurrent: [], epochs: [], events: [], seconds: 0 },
});
