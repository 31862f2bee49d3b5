import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainingPrecision } from '../../src/training-jobs/training-jobs.ts';
import type { Chunk, ChunkSize } from './chunks.ts';
import type { Dropout } from './dropout.ts';
import { FastLoop, type Fed, type Lesson, meanLoss } from './fast-loop.ts';
import { GraphRecorder } from './graph-recorder.ts';
import type { Handle, Kernels } from './kernels.ts';
import type { LayerState } from './lstm-steps.ts';
import { type NetworkShape, weightShapes } from './network.ts';

/** What all steps of a training have in common. */
export interface StepSettings {
  readonly shape: NetworkShape;
  readonly size: ChunkSize;
  readonly dropout: Dropout;
  readonly precision: TrainingPrecision | undefined;
  /** Whether there are lessons of teachers. */
  readonly taught: boolean;
}

/**
 * `FastLoop.gradients` as one TensorFlow graph: recorded once, which takes some two seconds, then run at every step. Faster than
 * the same kernels called one by one: see docs/training.md.
 */
export class CompiledLoop {
  readonly #kernels: Kernels;
  readonly #settings: StepSettings;
  readonly #loop: FastLoop;
  readonly #graph: number;
  readonly #inputs: readonly string[];
  readonly #outputs: readonly string[];

  constructor(kernels: Kernels, settings: StepSettings) {
    const { shape, size, dropout, precision, taught } = settings;
    this.#kernels = kernels;
    this.#settings = settings;
    this.#loop = new FastLoop(kernels, shape, precision);
    const recorder = new GraphRecorder(kernels.binding);
    const { TF_FLOAT, TF_INT32 } = recorder;
    const count = size.batch * size.length;
    const weights = weightShapes(shape).map((weight) => recorder.input(weight.shape, TF_FLOAT));
    const state = shape.units.map((units) => ({
      h: recorder.input([units, size.batch], TF_FLOAT),
      c: recorder.input([units, size.batch], TF_FLOAT),
    }));
    const fed: Fed = {
      ids: recorder.input([count], TF_INT32),
      targets: recorder.input([count], TF_INT32),
      seed: recorder.input([], TF_INT32),
      lesson: taught ? recorder.input([count, shape.vocabulary], TF_FLOAT) : undefined,
    };
    const recording = new FastLoop(kernels.through(recorder), shape, precision, groupsOf(size, precision));
    const made = recording.differentiate(weights, fed, size, state, dropout);
    const named = (handles: readonly Handle[]) => handles.map((handle) => recorder.nameOf(handle));
    this.#inputs = named(inOrder(weights, state, fed));
    this.#outputs = named([made.losses, ...made.gradients, ...flat(made.state)]);
    const folder = mkdtempSync(join(tmpdir(), 'folio-graph-'));
    try {
      writeFileSync(join(folder, 'saved_model.pb'), recorder.savedModel());
      this.#graph = kernels.loadGraph(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** As `FastLoop.gradients`, for chunks of one size. */
  gradients(
    weights: readonly Handle[],
    chunk: Chunk,
    state: readonly LayerState[],
    seed: number,
    lesson?: Lesson,
  ): { loss: number; gradients: Handle[]; state: LayerState[] } {
    const k = this.#kernels;
    const fed = this.#loop.feed(chunk, this.#settings.dropout, seed, lesson);
    const inputs = inOrder(weights, state, fed);
    const [losses, ...rest] = k.runGraph(this.#graph, this.#inputs, inputs, this.#outputs) as [
      Handle,
      ...Handle[],
    ];
    const loss = meanLoss(k.read(losses), chunk.batch, lesson?.own);
    k.free(losses, fed.ids, fed.targets, fed.seed, ...flat(state));
    const after = rest.slice(weights.length);
    return {
      loss,
      gradients: rest.slice(0, weights.length),
      state: state.map((_, layer) => ({ h: after[2 * layer]!, c: after[2 * layer + 1]! })),
    };
  }

  dispose(): void {
    this.#kernels.freeGraph(this.#graph);
  }
}

/** Streams in a group, at least: products of fewer columns are slower. */
const LEAST_STREAMS = { f32: 16, bf16: 64 } as const;

/**
 * Of streams, in two of which the graph runs side by side: while one is in a product, which takes all processors, the other
 * is in what lies between products, which takes one.
 */
const groupsOf = ({ batch }: ChunkSize, precision: TrainingPrecision = 'f32'): number =>
  batch % 2 === 0 && batch >= 2 * LEAST_STREAMS[precision] ? 2 : 1;

const flat = (state: readonly LayerState[]): Handle[] => state.flatMap(({ h, c }) => [h, c]);

const inOrder = (weights: readonly Handle[], state: readonly LayerState[], fed: Fed): Handle[] => [
  ...weights,
  ...flat(state),
  ...[fed.ids, fed.targets, fed.seed],
  ...(fed.lesson === undefined ? [] : [fed.lesson]),
];
