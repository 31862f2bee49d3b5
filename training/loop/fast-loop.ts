import type { TrainingPrecision } from '../../src/training-jobs/training-jobs.ts';
import type { Chunk, ChunkSize } from './chunks.ts';
import { chunkMask, type Dropout, dropCharacters, masked, noDropout } from './dropout.ts';
import { type Handle, type Kernels, MOST_ONE_HOT } from './kernels.ts';
import {
  backwardSteps,
  forwardSteps,
  joinStates,
  type LayerState,
  type LayerSteps,
  splitState,
} from './lstm-steps.ts';
import type { NetworkShape } from './network.ts';

/** What is to be predicted in place of each character, and where the loss that is reported is taken. */
export interface Lesson {
  readonly targets: Handle; // [length * batch, vocabulary]
  /** Streams, the first ones, that read the text itself. */
  readonly own: number;
}

/** What differs from step to step besides weights and state, inside TensorFlow. */
export interface Fed {
  readonly ids: Handle; // [length * batch], those of dropped characters replaced
  readonly targets: Handle; // [length * batch]
  readonly seed: Handle; // []
  readonly lesson: Handle | undefined;
}

/** Losses of a chunk's characters [length * batch], gradients by every weight, and the state at the end. */
export interface Differentiated {
  readonly losses: Handle;
  readonly gradients: Handle[];
  readonly state: LayerState[];
}

/** What one layer leaves of its way forward for the way back. */
interface Trace {
  readonly groups: readonly LayerSteps[];
  readonly recurrent: Handle; // [units, 4 * units], as masked
  readonly recurrentMask: Handle | undefined;
  readonly outputMask: Handle | undefined;
}

/**
 * Forward and backward over chunks, through TensorFlow's kernels. Weights are in the order of `weightShapes`, their
 * gates in order i c f o. Values of a chunk have a column for each character: [rows, length * batch].
 *
 * What makes it faster than layers written for any network: per step there is one product each way, the forward one of
 * h, input and bias at once, with matrices laid out so that oneDNN need not transpose them; its rows are the gates, which
 * part without a copy; all weights of a layer have their gradients from one product over the whole chunk.
 */
export class FastLoop {
  readonly #kernels: Kernels;
  readonly #shape: NetworkShape;
  readonly #precision: TrainingPrecision;
  readonly #groups: number;

  /** @param groups Equal ones of streams, whose steps do not wait for each other's: for a graph, whose kernels run side by side. */
  constructor(kernels: Kernels, shape: NetworkShape, precision: TrainingPrecision = 'f32', groups = 1) {
    this.#kernels = kernels;
    this.#shape = shape;
    this.#precision = precision;
    this.#groups = groups;
  }

  /**
   * Mean loss of a chunk in nats, its gradient by every weight, and the state it ends with. `state` is freed.
   *
   * @param seed Of the dropout masks: the same seed gives the same masks.
   * @param lesson In a training with teachers: the gradient is that of the loss against its targets; the loss is still that of
   * the text's own characters.
   */
  gradients(
    weights: readonly Handle[],
    chunk: Chunk,
    state: readonly LayerState[],
    dropout: Dropout,
    seed: number,
    lesson?: Lesson,
  ): { loss: number; gradients: Handle[]; state: LayerState[] } {
    const k = this.#kernels;
    const fed = this.feed(chunk, dropout, seed, lesson);
    const { losses, ...rest } = this.differentiate(weights, fed, chunk, state, dropout);
    const loss = meanLoss(k.read(losses), chunk.batch, lesson?.own);
    k.free(losses, fed.ids, fed.targets, fed.seed);
    return { loss, ...rest };
  }

  /** What `differentiate` is given of a chunk; whoever asks frees all but the lesson. */
  feed(chunk: Chunk, dropout: Dropout, seed: number, lesson?: Lesson): Fed {
    const k = this.#kernels;
    const { embedding, vocabulary } = this.#shape;
    const count = [chunk.length * chunk.batch];
    const inputs = embedding > 0 ? chunk.inputs : dropCharacters(chunk, vocabulary, dropout, seed);
    return {
      ids: k.integers(inputs, count),
      targets: k.integers(chunk.targets, count),
      seed: k.integers([seed], []),
      lesson: lesson?.targets,
    };
  }

  /** All of `gradients` that TensorFlow does, without reading anything of it. `state` is freed. */
  differentiate(
    weights: readonly Handle[],
    { ids, targets, seed, lesson }: Fed,
    size: ChunkSize,
    state: readonly LayerState[],
    dropout: Dropout,
  ): Differentiated {
    const k = this.#kernels;
    const { input, inputMask } = this.#input(weights, size, dropout, ids, seed);
    const { traces, top } = this.#layers(weights, size, state, dropout, ids, seed, input);
    const [outputKernel, outputBias] = weights.slice(-2) as [Handle, Handle];

    const logits = this.#logits(top, outputKernel, outputBias);
    const { losses, byLogits } = this.#loss(logits, targets, size, lesson);
    const gradients = [k.product(top, byLogits, this.#precision), k.sumOfRows(byLogits)];
    let byOutput = k.productByTransposed(outputKernel, byLogits, this.#precision); // [units, length * batch]
    k.free(logits, byLogits, top);

    for (let index = traces.length - 1; index >= 0; index -= 1) {
      const trace = traces[index]!;
      const units = this.#shape.units[index]!;
      const byTop = masked(k, byOutput, trace.outputMask, size, units);
      const recurrent = k.operand(this.#gatesByUnit(trace.recurrent, units), this.#precision);
      const byGates = this.#backward(byTop, recurrent, trace, size, units);
      gradients.unshift(...this.#byWeights(trace, byGates, ids, size, dropout.input, index));
      if (index > 0 || input !== undefined) {
        const kernel = this.#gatesByUnit(weights[this.#firstLayer + 3 * index]!, units);
        byOutput = k.product(kernel, byGates);
        k.free(kernel);
      }
      k.free(byGates, recurrent, ...trace.groups.flatMap(({ factors }) => factors));
    }
    if (input !== undefined) {
      const byEmbedded = masked(k, byOutput, inputMask, size, this.#shape.embedding);
      const rows = k.transpose(byEmbedded);
      gradients.unshift(k.sumByRow(rows, ids, this.#shape.vocabulary));
      k.free(byEmbedded, rows);
    }
    if (inputMask !== undefined) k.free(inputMask);
    return { losses, gradients, state: traces.map((trace) => this.#release(trace)) };
  }

  /** Losses in nats of every character of a chunk [length * batch], without dropout. `state` is freed. */
  losses(
    weights: readonly Handle[],
    chunk: Chunk,
    state: readonly LayerState[],
  ): { losses: Float32Array; state: LayerState[] } {
    const k = this.#kernels;
    const { traces, top, ids } = this.#read(weights, chunk, state);
    const logits = this.#logits(top, weights.at(-2)!, weights.at(-1)!);
    const targets = k.integers(chunk.targets, [chunk.batch * chunk.length]);
    const [losses, each] = k.crossEntropy(logits, targets);
    const values = k.read(losses);
    k.free(losses, each, targets, logits, top, ids);
    return { losses: values, state: this.#forget(traces) };
  }

  /** What is expected after every character of a chunk [length * batch, vocabulary], without dropout. `state` is freed. */
  probabilities(
    weights: readonly Handle[],
    chunk: Chunk,
    state: readonly LayerState[],
  ): { probabilities: Handle; state: LayerState[] } {
    const k = this.#kernels;
    const { traces, top, ids } = this.#read(weights, chunk, state);
    const logits = this.#logits(top, weights.at(-2)!, weights.at(-1)!);
    const probabilities = k.softmax(logits);
    k.free(logits, top, ids);
    return { probabilities, state: this.#forget(traces) };
  }

  /** Logits [vocabulary] after one character of one stream. `state` is freed. */
  logits(
    weights: readonly Handle[],
    id: number,
    state: readonly LayerState[],
  ): { logits: Float32Array; state: LayerState[] } {
    const k = this.#kernels;
    const ids = Int32Array.of(id);
    const chunk: Chunk = { batch: 1, length: 1, inputs: ids, targets: ids };
    const { traces, top, ids: fed } = this.#read(weights, chunk, state);
    const sums = this.#logits(top, weights.at(-2)!, weights.at(-1)!);
    const logits = k.read(sums);
    k.free(sums, top, fed);
    return { logits, state: this.#forget(traces) };
  }

  get #firstLayer(): number {
    return this.#shape.embedding > 0 ? 1 : 0;
  }

  /** Forward without dropout and without a way back. */
  #read(weights: readonly Handle[], chunk: Chunk, state: readonly LayerState[]) {
    const { ids, seed, targets } = this.feed(chunk, noDropout, 0);
    const { input } = this.#input(weights, chunk, noDropout, ids, seed);
    const read = { ...this.#layers(weights, chunk, state, noDropout, ids, seed, input), ids };
    this.#kernels.free(seed, targets);
    return read;
  }

  #forget(traces: readonly Trace[]): LayerState[] {
    return traces.map((trace) => {
      for (const { factors, gates } of trace.groups) this.#kernels.free(...factors, ...gates.flat());
      return this.#release(trace);
    });
  }

  #input(weights: readonly Handle[], size: ChunkSize, dropout: Dropout, ids: Handle, seed: Handle) {
    const k = this.#kernels;
    const { embedding } = this.#shape;
    if (embedding === 0) return { input: undefined, inputMask: undefined };
    const inputMask = chunkMask(k, size, embedding, dropout.input, dropout, seed, 1);
    const rows = k.gather(weights[0]!, ids);
    const embedded = k.transpose(rows);
    k.free(rows);
    return { input: masked(k, embedded, inputMask, size, embedding), inputMask };
  }

  #layers(
    weights: readonly Handle[],
    size: ChunkSize,
    state: readonly LayerState[],
    dropout: Dropout,
    ids: Handle,
    seed: Handle,
    embedded: Handle | undefined,
  ): { traces: Trace[]; top: Handle } {
    const k = this.#kernels;
    const traces: Trace[] = [];
    let input = embedded;
    for (const [index, units] of this.#shape.units.entries()) {
      const at = this.#firstLayer + 3 * index;
      const [kernel, plain, bias] = weights.slice(at, at + 3) as [Handle, Handle, Handle];
      const place = 16 * (index + 1);
      const recurrentMask =
        dropout.recurrent > 0 ? k.mask([units, 4 * units], dropout.recurrent, seed, place) : undefined;
      const recurrent = recurrentMask === undefined ? plain : k.multiply(plain, recurrentMask);
      const last = index === this.#shape.units.length - 1;
      const rate = last ? dropout.output : dropout.between;
      const outputMask = chunkMask(k, size, units, rate, dropout, seed, place + 1);
      const matrices = { kernel, recurrent, bias };
      const groups = this.#steps(matrices, input, ids, size, dropout.input, state[index]!, units);
      traces.push({ recurrent, recurrentMask, groups, outputMask });
      input = masked(k, this.#joined(groups.map(({ h }) => h)), outputMask, size, units);
    }
    return { traces, top: input! };
  }

  /** One layer's steps, group by group, over its input [rows, length * batch], which is freed, or over one-hot characters. */
  #steps(
    { kernel, recurrent, bias }: Readonly<Record<'kernel' | 'recurrent' | 'bias', Handle>>,
    input: Handle | undefined,
    ids: Handle,
    size: ChunkSize,
    rate: number,
    state: LayerState,
    units: number,
  ): LayerSteps[] {
    const k = this.#kernels;
    const precision = this.#precision;
    const { length } = size;
    const batch = size.batch / this.#groups;
    const fed = input ?? (this.#readsRows(size) ? undefined : this.#oneHot(ids, rate));
    const multiplied = fed && k.operand(fed, precision);
    const addends =
      multiplied === undefined ? this.#readRows(kernel, bias, ids, size, rate, units) : undefined;
    const ones = k.operand(k.floats(new Float32Array(batch).fill(1), [1, batch]), precision); // times the bias
    const inputs = multiplied === undefined ? [] : k.columns(multiplied, length * this.#groups);
    const row = k.reshape(bias, [1, 4 * units]);
    const stacked = k.stack(multiplied === undefined ? [recurrent] : [recurrent, kernel, row]);
    // For a single step, a copy that is transposed would cost more than it saves.
    const single = length === 1;
    const matrix = single ? k.stack([stacked]) : this.#transposedOnce(stacked, 4 * units);
    const operand = k.operand(matrix, precision);
    const multiply = (factor: Handle) =>
      single ? k.productOfTransposedByFew(operand, factor) : k.product(operand, factor);
    const steps = splitState(k, state, this.#groups).map((own, group) => {
      const product = {
        precision,
        inputs:
          multiplied === undefined
            ? Array.from({ length }, () => [])
            : this.#ofGroup(inputs, group).map((step) => [step, ones]),
        multiply,
        addends: addends && this.#ofGroup(addends, group),
      };
      return forwardSteps(k, product, own, units);
    });
    k.free(ones, ...inputs, row, stacked, operand);
    if (multiplied !== undefined) k.free(multiplied);
    return steps;
  }

  /** Gradient by the gates' sums [units * 4, length * batch]. `byTop` [units, length * batch] is freed. */
  #backward(
    byTop: Handle,
    recurrent: Handle,
    { groups }: Trace,
    { batch, length }: ChunkSize,
    units: number,
  ): Handle {
    const k = this.#kernels;
    const steps = k.columns(byTop, length * groups.length);
    const shape = { batch: batch / groups.length, units, precision: this.#precision };
    const byGates = groups.map((trace, group) =>
      backwardSteps(k, this.#ofGroup(steps, group), recurrent, trace, shape),
    );
    const joined = this.#joined(byGates);
    k.free(byTop, ...byGates.flat());
    return joined;
  }

  /** One group's of what there is of each step, and in it of each group: [length * groups] to [length]. */
  #ofGroup<T>(each: readonly T[], group: number): T[] {
    return each.filter((_, at) => at % this.#groups === group);
  }

  /** What each group has of every step, [length] of [rows, batch / groups], as [rows, length * batch]. */
  #joined(groups: readonly (readonly Handle[])[]): Handle {
    return this.#kernels.beside(groups[0]!.flatMap((_, t) => groups.map((steps) => steps[t]!)));
  }

  /** Whether rows of the first layer's kernel are read for one-hot characters, in place of a product with these. */
  #readsRows({ length }: ChunkSize): boolean {
    const { embedding, vocabulary } = this.#shape;
    return embedding === 0 && (vocabulary > MOST_ONE_HOT || length === 1);
  }

  /** [vocabulary, length * batch]: zeros for a dropped character. */
  #oneHot(ids: Handle, rate: number): Handle {
    return this.#kernels.oneHotColumns(ids, this.#shape.vocabulary, 1 / (1 - rate));
  }

  /** What the first layer's kernel and bias give for one-hot characters: [length * groups] of [4 * units, batch / groups]. */
  #readRows(
    kernel: Handle,
    bias: Handle,
    ids: Handle,
    { batch, length }: ChunkSize,
    rate: number,
    units: number,
  ): Handle[] {
    const k = this.#kernels;
    const raised = k.scale(kernel, 1 / (1 - rate));
    const none = k.floats(new Float32Array(4 * units), [1, 4 * units]); // the row of a dropped character
    const rows = k.stack([raised, none]);
    const table = k.addBias(rows, bias);
    const read = k.gather(table, ids);
    const byStep = k.reshape(read, [length * this.#groups, batch / this.#groups, 4 * units]);
    const columns = k.permute(byStep, [0, 2, 1]);
    const flat = k.reshape(columns, [length * this.#groups * 4 * units, batch / this.#groups]);
    const steps = k.rows(flat, length * this.#groups);
    k.free(raised, none, rows, table, read, byStep, columns, flat);
    return steps;
  }

  /** A layer's gradients, kernel, recurrent kernel and bias, from that by its gates' sums. */
  #byWeights(
    trace: Trace,
    byGates: Handle, // [units * 4, length * batch]
    ids: Handle,
    size: ChunkSize,
    rate: number,
    index: number,
  ): [kernel: Handle, recurrent: Handle, bias: Handle] {
    const k = this.#kernels;
    const units = this.#shape.units[index]!;
    const readsRows = index === 0 && this.#readsRows(size);
    const inputs = this.#shape.units[index - 1] ?? (this.#shape.embedding || this.#shape.vocabulary);
    const rows = units + (readsRows ? 0 : inputs + 1);
    const factors = this.#joined(trace.groups.map(({ factors }) => factors));
    const product = k.productByTransposed(byGates, factors);
    const byUnit = k.reshape(product, [units, 4, rows]);
    const sorted = k.permute(byUnit, [2, 1, 0]);
    const flat = k.reshape(sorted, [rows, 4 * units]);
    k.free(factors, product, byUnit, sorted);
    const masked = (byRecurrent: Handle): Handle => {
      if (trace.recurrentMask === undefined) return byRecurrent;
      const result = k.multiply(byRecurrent, trace.recurrentMask);
      k.free(byRecurrent);
      return result;
    };
    if (readsRows) {
      const { byKernel, byBias } = this.#byRows(byGates, ids, rate, units);
      return [byKernel, masked(flat), byBias];
    }
    const [byRecurrent, byKernel, row] = k.parts(flat, [units, inputs, 1]) as [Handle, Handle, Handle];
    const byBias = k.reshape(row, [4 * units]);
    k.free(flat, row);
    return [byKernel, masked(byRecurrent), byBias];
  }

  /** The first layer's gradients where rows were read: each step adds to its character's row, and to the bias. */
  #byRows(byGates: Handle, ids: Handle, rate: number, units: number): { byKernel: Handle; byBias: Handle } {
    const k = this.#kernels;
    const { vocabulary } = this.#shape;
    const wide = k.widened(byGates);
    const rows = k.transpose(wide);
    const sums = k.sumByRow(rows, ids, vocabulary + 1);
    const byUnit = k.reshape(sums, [vocabulary + 1, units, 4]);
    const sorted = k.permute(byUnit, [0, 2, 1]);
    const flat = k.reshape(sorted, [vocabulary + 1, 4 * units]);
    const known = k.head(flat, vocabulary, 4 * units);
    const gradients = { byKernel: k.scale(known, 1 / (1 - rate)), byBias: k.sumOfRows(flat) };
    k.free(wide, rows, sums, byUnit, sorted, flat, known);
    return gradients;
  }

  /** Weights [rows, 4 * units] in the order of `backwardSteps`: [rows, units * 4]. */
  #gatesByUnit(weights: Handle, units: number): Handle {
    const k = this.#kernels;
    const byGate = k.reshape(weights, [-1, 4, units]);
    const byUnit = k.permute(byGate, [0, 2, 1]);
    const flat = k.reshape(byUnit, [-1, 4 * units]);
    k.free(byGate, byUnit);
    return flat;
  }

  /**
   * [rows, columns] -> [columns, rows], for many products. A plain transpose becomes part of every product in a graph of
   * TensorFlow's, where oneDNN does it again each time; of three axes it stays as it is.
   */
  #transposedOnce(a: Handle, columns: number): Handle {
    const k = this.#kernels;
    const cube = k.reshape(a, [-1, 1, columns]);
    const turned = k.permute(cube, [2, 1, 0]);
    const flat = k.reshape(turned, [columns, -1]);
    k.free(cube, turned);
    return flat;
  }

  /** [length * batch, vocabulary] */
  #logits(top: Handle, kernel: Handle, bias: Handle): Handle {
    const k = this.#kernels;
    const product = k.productOfTransposed(top, kernel, this.#precision);
    const logits = k.addBias(product, bias);
    k.free(product);
    return logits;
  }

  /** Losses of the text's own characters, and the gradient of what is minimised, a mean, by the logits. */
  #loss(
    logits: Handle,
    targets: Handle,
    { batch, length }: ChunkSize,
    lesson: Handle | undefined,
  ): { losses: Handle; byLogits: Handle } {
    const k = this.#kernels;
    const [losses, own] = k.crossEntropy(logits, targets);
    const [soft, each] = lesson === undefined ? [undefined, own] : k.softCrossEntropy(logits, lesson);
    const byLogits = k.scale(each, 1 / (batch * length));
    k.free(own, ...(soft === undefined ? [] : [soft, each]));
    return { losses, byLogits };
  }

  /** Frees a trace but for the state that it ends with. */
  #release({ groups, recurrent, recurrentMask, outputMask }: Trace): LayerState {
    const k = this.#kernels;
    for (const { h, c } of groups) k.free(...h.slice(0, -1), ...c.slice(0, -1));
    if (recurrentMask !== undefined) k.free(recurrentMask, recurrent);
    if (outputMask !== undefined) k.free(outputMask);
    return joinStates(
      k,
      groups.map(({ h, c }) => ({ h: h.at(-1)!, c: c.at(-1)! })),
    );
  }
}

/** The mean of a chunk's losses [length * batch] over its first `own` streams, or over all. */
export const meanLoss = (losses: Float32Array, batch: number, own = batch): number => {
  const counted = losses.filter((_, at) => at % batch < own);
  return counted.reduce((sum, value) => sum + value, 0) / counted.length;
};
