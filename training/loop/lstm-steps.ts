import type { Chunk } from './chunks.ts';
import type { Handle, Kernels, TrainingPrecision } from './kernels.ts';
import type { NetworkShape } from './network.ts';

/** h and c of a layer: [batch, units] each. */
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
    h: kernels.floats(new Float32Array(batch * units), [batch, units]),
    c: kernels.floats(new Float32Array(batch * units), [batch, units]),
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
    [begins.length, 1],
  );
  const restarted = state.map(({ h, c }) => ({ h: kernels.multiply(h, keep), c: kernels.multiply(c, keep) }));
  freeState(kernels, state);
  kernels.free(keep);
  return restarted;
};

export const freeState = (kernels: Kernels, state: readonly LayerState[]): void => {
  for (const { h, c } of state) kernels.free(h, c);
};

/** A layer's steps forward, as the way back needs them. */
export interface LayerSteps {
  readonly recurrent: Handle; // [units, 4 * units], as masked
  /** Of the state before the first step, then after each: [length + 1] of [batch, units]. */
  readonly h: readonly Handle[];
  readonly c: readonly Handle[];
  readonly gates: readonly (readonly Handle[])[]; // [length] of i, f, o, candidate, tanh(c): [batch, units]
}

/** Steps of one layer, from the input's part of the gates' sums [length] of [batch, 4 * units]; `sums` are freed. */
export const forwardSteps = (
  k: Kernels,
  sums: readonly Handle[],
  recurrent: Handle,
  state: LayerState,
  precision: TrainingPrecision,
): Pick<LayerSteps, 'h' | 'c' | 'gates'> => {
  const h = [state.h];
  const c = [state.c];
  const gates: Handle[][] = [];
  const matrix = k.operand(recurrent, precision);
  for (const sum of sums) {
    const product = k.product(h.at(-1)!, matrix);
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
    const cellTanh = k.tanh(cell);
    k.free(sum, product, total, ofInput, ofCandidate, ofForget, ofOutput, kept, added);
    h.push(k.multiply(o, cellTanh));
    c.push(cell);
    gates.push([i, f, o, candidate, cellTanh]);
  }
  k.free(matrix);
  return { h, c, gates };
};

/** Gradient by the gates' sums [length * batch, 4 * units], from that by the outputs, which is freed. */
export const backwardSteps = (
  k: Kernels,
  byOutputs: Handle,
  trace: LayerSteps,
  { batch, length }: Chunk,
  units: number,
  precision: TrainingPrecision,
): Handle => {
  const steps = k.rows(byOutputs, length);
  const transposed = k.transpose(trace.recurrent);
  const matrix = k.operand(transposed, precision); // [4 * units, units]
  k.free(transposed);
  const nothing = k.floats(new Float32Array(0), [batch, 0]);
  const peephole = k.floats(new Float32Array(units), [units]);
  const bias = k.floats(new Float32Array(4 * units), [4 * units]);
  const byGates: Handle[] = [];
  let byH: Handle | undefined;
  let byC = k.floats(new Float32Array(batch * units), [batch, units]);
  for (let t = length - 1; t >= 0; t -= 1) {
    const [i, f, o, candidate, cellTanh] = trace.gates[t] as [Handle, Handle, Handle, Handle, Handle];
    const total = byH === undefined ? steps[t]! : k.add(steps[t]!, byH);
    const before = [nothing, trace.c[t]!, trace.h[t]!, trace.recurrent, peephole, peephole, peephole, bias];
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
    byH = t > 0 ? k.product(byStep, matrix) : undefined;
    byGates.unshift(byStep);
  }
  const joined = k.stack(byGates);
  k.free(byOutputs, matrix, nothing, peephole, bias, byC, ...steps, ...byGates);
  return joined;
};
