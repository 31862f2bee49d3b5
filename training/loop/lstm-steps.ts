import type { TrainingPrecision } from '../../src/training-jobs/training-jobs.ts';
import type { Handle, Kernels } from './kernels.ts';
import type { NetworkShape } from './network.ts';

/** h and c of a layer: [units, batch] each, a column for each stream. */
export interface LayerState {
  readonly h: Handle;
  readonly c: Handle;
}

export const zeroState = (
  kernels: Kernels,
  shape: Pick<NetworkShape, 'units'>,
  batch: number,
): LayerState[] =>
  shape.units.map((units) => ({
    h: kernels.floats(new Float32Array(batch * units), [units, batch]),
    c: kernels.floats(new Float32Array(batch * units), [units, batch]),
  }));

/**
 * The state with zeros for the streams that begin anew. `state` is freed where it is not returned.
 *
 * @param begins 1 for those streams, 0 for the others: [batch].
 */
export const restartStreams = (kernels: Kernels, state: LayerState[], begins: Uint8Array): LayerState[] => {
  if (!begins.includes(1)) return state;
  const keep = kernels.floats(
    Float32Array.from(begins, (begin) => 1 - begin),
    [1, begins.length],
  );
  const restarted = state.map(({ h, c }) => ({ h: kernels.multiply(h, keep), c: kernels.multiply(c, keep) }));
  freeState(kernels, state);
  kernels.free(keep);
  return restarted;
};

export const freeState = (kernels: Kernels, state: readonly LayerState[]): void => {
  for (const { h, c } of state) kernels.free(h, c);
};

/** h and c of each layer as checkpoints have them: [batch, units]. */
export const readState = (kernels: Kernels, state: readonly LayerState[]): Float32Array[] =>
  state.flatMap(({ h, c }) =>
    [h, c].map((values) => {
      const rows = kernels.transpose(values);
      const read = kernels.read(rows);
      kernels.free(rows);
      return read;
    }),
  );

/** The state that `readState` read; zeros where there is none yet. */
export const restoreState = (
  kernels: Kernels,
  shape: Pick<NetworkShape, 'units'>,
  batch: number,
  arrays: readonly Float32Array[],
): LayerState[] => {
  if (arrays.length === 0) return zeroState(kernels, shape, batch);
  return shape.units.map((units, index) => {
    const [h, c] = arrays.slice(2 * index, 2 * index + 2).map((values) => {
      const rows = kernels.floats(values, [batch, units]);
      const columns = kernels.transpose(rows);
      kernels.free(rows);
      return columns;
    }) as [Handle, Handle];
    return { h, c };
  });
};

/** The state of each of several groups of streams, one beside the other. `state` is freed. */
export const splitState = (k: Kernels, state: LayerState, groups: number): LayerState[] => {
  if (groups === 1) return [state];
  const [h, c] = [k.columns(state.h, groups), k.columns(state.c, groups)];
  k.free(state.h, state.c);
  return h.map((one, group) => ({ h: one, c: c[group]! }));
};

/** The other way round. */
export const joinStates = (k: Kernels, states: readonly LayerState[]): LayerState => {
  if (states.length === 1) return states[0]!;
  const joined = { h: k.beside(states.map(({ h }) => h)), c: k.beside(states.map(({ c }) => c)) };
  freeState(k, states);
  return joined;
};

/** What a layer's steps leave for the way back. */
export interface LayerSteps {
  /** What each step's product was with: h before it, over its input, over ones: [length] of [rows, batch]. */
  readonly factors: readonly Handle[];
  /** After each step: [length] of [units, batch]. */
  readonly h: readonly Handle[];
  /** Of the state before the first step, then after each: [length + 1] of [units, batch]. */
  readonly c: readonly Handle[];
  readonly gates: readonly (readonly Handle[])[]; // [length] of i, f, o, candidate, tanh(c): [units, batch]
}

/** How the gates' sums of a step come about. */
export interface StepProduct {
  readonly precision: TrainingPrecision;
  /** What stands under h in a step's factor: [length] of lists of [rows, batch], operands of that precision. */
  readonly inputs: readonly (readonly Handle[])[];
  /** The gates' sums i c f o [4 * units, batch] from a factor. */
  readonly multiply: (factor: Handle) => Handle;
  /** What else belongs to the sums: [length] of [4 * units, batch]; freed. */
  readonly addends: readonly Handle[] | undefined;
}

/**
 * Steps of one layer. Streams are columns, so that the gates are blocks of rows, which TensorFlow parts without copying
 * them. Of the state `h` is freed.
 */
export const forwardSteps = (
  k: Kernels,
  { precision, inputs, multiply, addends }: StepProduct,
  state: LayerState,
  units: number,
): LayerSteps => {
  const factors: Handle[] = [];
  const h: Handle[] = [];
  const c = [state.c];
  const gates: Handle[][] = [];
  for (const [t, input] of inputs.entries()) {
    const factor = k.stackOperand([h.at(-1) ?? state.h, ...input], precision);
    let sums = multiply(factor);
    if (addends !== undefined) {
      const product = sums;
      sums = k.add(product, addends[t]!);
      k.free(product, addends[t]!);
    }
    const [ofInput, ofCandidate, ofBoth] = k.parts(sums, [units, units, 2 * units]) as [
      Handle,
      Handle,
      Handle,
    ];
    const i = k.sigmoid(ofInput);
    const both = k.sigmoid(ofBoth);
    const [f, o] = k.rows(both, 2) as [Handle, Handle];
    const candidate = k.tanh(ofCandidate);
    const kept = k.multiply(f, c.at(-1)!);
    const added = k.multiply(i, candidate);
    const cell = k.add(kept, added);
    const cellTanh = k.tanh(cell);
    k.free(sums, ofInput, ofCandidate, ofBoth, both, kept, added);
    factors.push(factor);
    h.push(k.multiply(o, cellTanh));
    c.push(cell);
    gates.push([i, f, o, candidate, cellTanh]);
  }
  k.free(state.h);
  return { factors, h, c, gates };
};

/**
 * Gradients by the gates' sums, the gates i c f o of each unit one under the other, as operands of products: [length] of [units * 4, batch].
 *
 * `LSTMBlockCellGrad` has streams as rows. It takes units for them here: all that it does is done number by number, and the
 * four gates that it puts side by side are the four rows of a unit.
 *
 * @param byOutputs Gradients by the outputs: [length] of [units, batch]; freed.
 * @param recurrent The recurrent weights, their columns in that order: [units, units * 4].
 */
export const backwardSteps = (
  k: Kernels,
  byOutputs: readonly Handle[],
  recurrent: Handle,
  trace: LayerSteps,
  { batch, units, precision }: { batch: number; units: number; precision: TrainingPrecision },
): Handle[] => {
  const nothing = k.floats(new Float32Array(0), [units, 0]);
  const weights = k.floats(new Float32Array(batch * 4 * batch), [batch, 4 * batch]); // looked at for its size alone
  const peephole = k.floats(new Float32Array(batch), [batch]);
  const bias = k.floats(new Float32Array(4 * batch), [4 * batch]);
  const byGates: Handle[] = [];
  let byH: Handle | undefined;
  let byC = k.floats(new Float32Array(units * batch), [units, batch]);
  for (let t = byOutputs.length - 1; t >= 0; t -= 1) {
    const [i, f, o, candidate, cellTanh] = trace.gates[t] as [Handle, Handle, Handle, Handle, Handle];
    const total = byH === undefined ? byOutputs[t]! : k.add(byOutputs[t]!, byH);
    const before = [nothing, trace.c[t]!, trace.h[t]!, weights, peephole, peephole, peephole, bias];
    const [byCellBefore, byStep] = k.cellGradient([
      ...before,
      i,
      trace.c[t + 1]!,
      f,
      o,
      candidate,
      cellTanh,
      byC,
      total,
    ]);
    if (byH !== undefined) k.free(byH, total);
    k.free(byC, i, f, o, candidate, cellTanh);
    byC = byCellBefore;
    const rows = k.operand(k.reshape(byStep, [4 * units, batch]), precision);
    k.free(byStep);
    byH = t > 0 ? k.product(recurrent, rows) : undefined;
    byGates.unshift(rows);
  }
  k.free(nothing, weights, peephole, bias, byC, ...byOutputs);
  return byGates;
};
