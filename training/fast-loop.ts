import type { Handle, Kernels } from './kernels.ts';
import type { NetworkShape } from './network.ts';
import { mulberry32 } from './random.ts';

/** Shares of values put to zero while training; the others are raised so that the sum is expected to stay. */
export interface Dropout {
  /** Of the characters fed: a character dropped is all zeros (or, embedded, values of its embedding). */
  readonly input: number;
  /** Of a layer's outputs on their way to the next layer. */
  readonly between: number;
  /** Of the last layer's outputs, before the softmax. */
  readonly output: number;
  /** Of the recurrent weights, one mask a chunk (weight-drop, Merity et al. 2017, arXiv:1708.02182). */
  readonly recurrent: number;
  /** One mask for all steps of a sequence (Gal and Ghahramani 2016, arXiv:1512.05287), else one for each step. */
  readonly perSequence: boolean;
}

export const noDropout: Dropout = { input: 0, between: 0, output: 0, recurrent: 0, perSequence: false };

/** Streams side by side, time-major: value `t * batch + b` is stream b at step t. */
export interface Chunk {
  readonly batch: number;
  readonly length: number;
  readonly inputs: Int32Array; // [length * batch]
  readonly targets: Int32Array; // [length * batch], each the character after its input
}

/** h and c of a layer: [batch, units] each. */
export interface LayerState {
  readonly h: Handle;
  readonly c: Handle;
}

export const zeroState = (kernels: Kernels, shape: NetworkShape, batch: number): LayerState[] =>
  shape.units.map((units) => ({
    h: kernels.floats(new Float32Array(batch * units), [batch, units]),
    c: kernels.floats(new Float32Array(batch * units), [batch, units]),
  }));

export const freeState = (kernels: Kernels, state: readonly LayerState[]): void => {
  for (const { h, c } of state) kernels.free(h, c);
};

/** What one LSTM layer leaves of its way forward for the way back. */
interface Trace {
  /** Fed to it: [length * batch, inputs]; none where one-hot characters are. */
  readonly input: Handle | undefined;
  readonly recurrent: Handle; // [units, 4 * units], as masked
  readonly recurrentMask: Handle | undefined;
  /** Of the state before the first step, then after each: [length + 1] of [batch, units]. */
  readonly h: readonly Handle[];
  readonly c: readonly Handle[];
  readonly gates: readonly (readonly Handle[])[]; // [length] of i, f, o, candidate, tanh(c): [batch, units]
  readonly outputMask: Handle | undefined;
}

/**
 * Forward and backward over chunks, through TensorFlow's kernels. Weights are in the order of `weightShapes`, their
 * gates in order i c f o.
 *
 * What makes it faster than layers written for any network: the product with a one-hot character is the reading of
 * a row; per step there is one product each way, with a matrix laid out so that oneDNN need not transpose it; every
 * weight's gradient is one product over the whole chunk.
 */
export class FastLoop {
  readonly #kernels: Kernels;
  readonly #shape: NetworkShape;

  constructor(kernels: Kernels, shape: NetworkShape) {
    this.#kernels = kernels;
    this.#shape = shape;
  }

  /**
   * Mean loss of a chunk in nats, its gradient by every weight, and the state it ends with. `state` is freed.
   *
   * @param seed Of the dropout masks: the same seed gives the same masks.
   */
  gradients(
    weights: readonly Handle[],
    chunk: Chunk,
    state: readonly LayerState[],
    dropout: Dropout,
    seed: number,
  ): { loss: number; gradients: Handle[]; state: LayerState[] } {
    const k = this.#kernels;
    const { ids, input, inputMask } = this.#input(weights, chunk, dropout, seed);
    const { traces, top } = this.#layers(weights, chunk, state, dropout, seed, ids, input);
    const [outputKernel, outputBias] = weights.slice(-2) as [Handle, Handle];

    const { losses, byLogits } = this.#loss(top, outputKernel, outputBias, chunk);
    const mean = k.mean(losses);
    const loss = k.read(mean)[0]!;
    const gradients = [k.productOfTransposed(top, byLogits), k.sumOfRows(byLogits)];
    const outputTurned = k.transpose(outputKernel);
    let byOutput = k.product(byLogits, outputTurned); // [length * batch, units]
    k.free(losses, mean, outputTurned, byLogits, top);

    for (let index = traces.length - 1; index >= 0; index -= 1) {
      const trace = traces[index]!;
      const units = this.#shape.units[index]!;
      const kernel = weights[this.#firstLayer + 3 * index]!;
      const masked = this.#masked(byOutput, trace.outputMask, chunk, units);
      const byGates = this.#backward(masked, trace, chunk, units); // [length * batch, 4 * units]
      const byRecurrent = this.#byRecurrent(trace, byGates);
      if (trace.input === undefined) {
        const { byKernel, byBias } = this.#byRows(byGates, ids, dropout.input, units);
        gradients.unshift(byKernel, byRecurrent, byBias);
      } else {
        gradients.unshift(k.productOfTransposed(trace.input, byGates), byRecurrent, k.sumOfRows(byGates));
        const turned = k.transpose(kernel);
        byOutput = k.product(byGates, turned);
        k.free(turned, trace.input);
      }
      k.free(byGates);
    }
    if (input !== undefined) {
      const byEmbedded = this.#masked(byOutput, inputMask, chunk, this.#shape.embedding);
      gradients.unshift(k.sumByRow(byEmbedded, ids, this.#shape.vocabulary));
      k.free(byEmbedded);
    }
    if (inputMask !== undefined) k.free(inputMask);
    k.free(ids);
    return { loss, gradients, state: traces.map((trace) => this.#release(trace)) };
  }

  /** Losses in nats of every character of a chunk [length * batch], without dropout. `state` is freed. */
  losses(
    weights: readonly Handle[],
    chunk: Chunk,
    state: readonly LayerState[],
  ): { losses: Float32Array; state: LayerState[] } {
    const k = this.#kernels;
    const { traces, top, ids } = this.#read(weights, chunk, state);
    const [outputKernel, outputBias] = weights.slice(-2) as [Handle, Handle];
    const { losses, byLogits } = this.#loss(top, outputKernel, outputBias, chunk);
    const values = k.read(losses);
    k.free(losses, byLogits, top, ids);
    return { losses: values, state: this.#forget(traces) };
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
    const [outputKernel, outputBias] = weights.slice(-2) as [Handle, Handle];
    const product = k.product(top, outputKernel);
    const sums = k.addBias(product, outputBias);
    const logits = k.read(sums);
    k.free(product, sums, top, fed);
    return { logits, state: this.#forget(traces) };
  }

  get #firstLayer(): number {
    return this.#shape.embedding > 0 ? 1 : 0;
  }

  /** Forward without dropout and without a way back. */
  #read(weights: readonly Handle[], chunk: Chunk, state: readonly LayerState[]) {
    const { ids, input } = this.#input(weights, chunk, noDropout, 0);
    return { ...this.#layers(weights, chunk, state, noDropout, 0, ids, input), ids };
  }

  #forget(traces: readonly Trace[]): LayerState[] {
    return traces.map((trace) => {
      this.#kernels.free(...(trace.input === undefined ? [] : [trace.input]), ...trace.gates.flat());
      return this.#release(trace);
    });
  }

  #input(weights: readonly Handle[], chunk: Chunk, dropout: Dropout, seed: number) {
    const k = this.#kernels;
    const { embedding, vocabulary } = this.#shape;
    const shape = [chunk.length * chunk.batch];
    if (embedding === 0) {
      return {
        ids: k.integers(dropCharacters(chunk, vocabulary, dropout, seed), shape),
        input: undefined,
        inputMask: undefined,
      };
    }
    const ids = k.integers(chunk.inputs, shape);
    const inputMask = this.#mask(chunk, embedding, dropout.input, dropout, [seed, 1]);
    const embedded = k.gather(weights[0]!, ids);
    return { ids, input: this.#masked(embedded, inputMask, chunk, embedding), inputMask };
  }

  #layers(
    weights: readonly Handle[],
    chunk: Chunk,
    state: readonly LayerState[],
    dropout: Dropout,
    seed: number,
    ids: Handle,
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
        dropout.recurrent > 0 ? k.mask([units, 4 * units], dropout.recurrent, [seed, place]) : undefined;
      const recurrent = recurrentMask === undefined ? plain : k.multiply(plain, recurrentMask);
      const last = index === this.#shape.units.length - 1;
      const rate = last ? dropout.output : dropout.between;
      const outputMask = this.#mask(chunk, units, rate, dropout, [seed, place + 1]);
      const sums =
        input === undefined
          ? this.#readRows(kernel, bias, ids, chunk, dropout.input, units)
          : this.#multiplyInput(input, kernel, bias, chunk);
      const steps = this.#forward(sums, recurrent, state[index]!);
      traces.push({ input, recurrent, recurrentMask, ...steps, outputMask });
      input = this.#masked(k.stack(steps.h.slice(1)), outputMask, chunk, units);
    }
    return { traces, top: input! };
  }

  /** What the first layer's kernel and bias give for one-hot characters, a row for each: a table to read. */
  #readRows(kernel: Handle, bias: Handle, ids: Handle, chunk: Chunk, rate: number, units: number): Handle[] {
    const k = this.#kernels;
    const raised = k.scale(kernel, 1 / (1 - rate));
    const none = k.floats(new Float32Array(4 * units), [1, 4 * units]); // the row of a dropped character
    const rows = k.stack([raised, none]);
    const table = k.addBias(rows, bias);
    const steps = k.parts(ids, chunk.length);
    const sums = steps.map((step) => k.gather(table, step));
    k.free(raised, none, rows, table, ...steps);
    return sums;
  }

  #multiplyInput(input: Handle, kernel: Handle, bias: Handle, chunk: Chunk): Handle[] {
    const k = this.#kernels;
    const product = k.product(input, kernel);
    const sums = k.addBias(product, bias);
    const steps = k.rows(sums, chunk.length);
    k.free(product, sums);
    return steps;
  }

  /** Steps of one layer, from the input's part of the gates' sums [length] of [batch, 4 * units]; `sums` are freed. */
  #forward(sums: readonly Handle[], recurrent: Handle, state: LayerState) {
    const k = this.#kernels;
    const h = [state.h];
    const c = [state.c];
    const gates: Handle[][] = [];
    for (const sum of sums) {
      const product = k.product(h.at(-1)!, recurrent);
      const total = k.add(product, sum);
      const [ofInput, ofCandidate, ofForget, ofOutput] = k.columns(total, 4) as [
        Handle,
        Handle,
        Handle,
        Handle,
      ];
      const i = k.sigmoid(ofInput);
      const f = k.sigmoid(ofForget);
      const o = k.sigmoid(ofOutput);
      const candidate = k.tanh(ofCandidate);
      const kept = k.multiply(f, c.at(-1)!);
      const added = k.multiply(i, candidate);
      const cell = k.add(kept, added);
      const bent = k.tanh(cell);
      k.free(sum, product, total, ofInput, ofCandidate, ofForget, ofOutput, kept, added);
      h.push(k.multiply(o, bent));
      c.push(cell);
      gates.push([i, f, o, candidate, bent]);
    }
    return { h, c, gates };
  }

  /** Gradient by the gates' sums [length * batch, 4 * units], from that by the outputs, which is freed. */
  #backward(byOutputs: Handle, trace: Trace, chunk: Chunk, units: number): Handle {
    const k = this.#kernels;
    const { batch, length } = chunk;
    const steps = k.rows(byOutputs, length);
    const turned = k.transpose(trace.recurrent); // [4 * units, units]
    const nothing = k.floats(new Float32Array(0), [batch, 0]);
    const peephole = k.floats(new Float32Array(units), [units]);
    const bias = k.floats(new Float32Array(4 * units), [4 * units]);
    const byGates: Handle[] = [];
    let byH: Handle | undefined;
    let byC = k.floats(new Float32Array(batch * units), [batch, units]);
    for (let t = length - 1; t >= 0; t -= 1) {
      const [i, f, o, candidate, bent] = trace.gates[t] as [Handle, Handle, Handle, Handle, Handle];
      const total = byH === undefined ? steps[t]! : k.add(steps[t]!, byH);
      const before = [nothing, trace.c[t]!, trace.h[t]!, trace.recurrent, peephole, peephole, peephole, bias];
      const [byCellBefore, byStep] = k.cellGradient([
        ...before,
        i,
        trace.c[t + 1]!,
        f,
        o,
        candidate,
        bent,
        byC,
        total,
      ]);
      if (byH !== undefined) k.free(byH, total);
      k.free(byC, i, f, o, candidate, bent);
      byC = byCellBefore;
      byH = t > 0 ? k.product(byStep, turned) : undefined;
      byGates.unshift(byStep);
    }
    const joined = k.stack(byGates);
    k.free(byOutputs, turned, nothing, peephole, bias, byC, ...steps, ...byGates);
    return joined;
  }

  #byRecurrent(trace: Trace, byGates: Handle): Handle {
    const k = this.#kernels;
    const before = k.stack(trace.h.slice(0, -1));
    const gradient = k.productOfTransposed(before, byGates); // [units, 4 * units]
    k.free(before);
    if (trace.recurrentMask === undefined) return gradient;
    const masked = k.multiply(gradient, trace.recurrentMask);
    k.free(gradient);
    return masked;
  }

  /** The first layer's gradients under one-hot characters: each step adds to its character's row, and to the bias. */
  #byRows(byGates: Handle, ids: Handle, rate: number, units: number): { byKernel: Handle; byBias: Handle } {
    const k = this.#kernels;
    const { vocabulary } = this.#shape;
    const sums = k.sumByRow(byGates, ids, vocabulary + 1);
    const known = k.head(sums, vocabulary, 4 * units);
    const gradients = { byKernel: k.scale(known, 1 / (1 - rate)), byBias: k.sumOfRows(sums) };
    k.free(sums, known);
    return gradients;
  }

  #loss(top: Handle, kernel: Handle, bias: Handle, chunk: Chunk): { losses: Handle; byLogits: Handle } {
    const k = this.#kernels;
    const count = chunk.batch * chunk.length;
    const product = k.product(top, kernel);
    const logits = k.addBias(product, bias);
    const targets = k.integers(chunk.targets, [count]);
    const [losses, each] = k.crossEntropy(logits, targets);
    const byLogits = k.scale(each, 1 / count);
    k.free(product, logits, targets, each);
    return { losses, byLogits };
  }

  /** [1 or length, batch, columns] */
  #mask(
    chunk: Chunk,
    columns: number,
    rate: number,
    { perSequence }: Dropout,
    seed: readonly [number, number],
  ): Handle | undefined {
    if (rate === 0) return undefined;
    return this.#kernels.mask([perSequence ? 1 : chunk.length, chunk.batch, columns], rate, seed);
  }

  /** A chunk's values under a mask; `values` are freed, or returned as they are where there is no mask. */
  #masked(values: Handle, mask: Handle | undefined, chunk: Chunk, columns: number): Handle {
    if (mask === undefined) return values;
    const k = this.#kernels;
    const cube = k.reshape(values, [chunk.length, chunk.batch, columns]);
    const masked = k.multiply(cube, mask);
    const flat = k.reshape(masked, [chunk.length * chunk.batch, columns]);
    k.free(values, cube, masked);
    return flat;
  }

  /** Frees a trace but for the state that it ends with. */
  #release({ h, c, recurrent, recurrentMask, outputMask }: Trace): LayerState {
    const k = this.#kernels;
    k.free(...h.slice(0, -1), ...c.slice(0, -1));
    if (recurrentMask !== undefined) k.free(recurrentMask, recurrent);
    if (outputMask !== undefined) k.free(outputMask);
    return { h: h.at(-1)!, c: c.at(-1)! };
  }
}

/** The chunk's characters with some replaced by the id `vocabulary`, which stands for none. */
const dropCharacters = (chunk: Chunk, vocabulary: number, dropout: Dropout, seed: number): Int32Array => {
  if (dropout.input === 0) return chunk.inputs;
  const draw = mulberry32(seed);
  if (!dropout.perSequence) return chunk.inputs.map((id) => (draw() < dropout.input ? vocabulary : id));
  // One mask a sequence: a stream does without the same characters throughout the chunk.
  const dropped = Uint8Array.from({ length: chunk.batch * vocabulary }, () => Number(draw() < dropout.input));
  return chunk.inputs.map((id, at) =>
    dropped[(at % chunk.batch) * vocabulary + id] === 1 ? vocabulary : id,
  );
};
