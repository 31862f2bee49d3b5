import type { Handle, Kernels } from './kernels.ts';

export interface OptimiserSettings {
  /** Decoupled (Loshchilov and Hutter 2019, arXiv:1711.05101), times the learning rate; matrices alone decay. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this global norm. */
  readonly clipNorm: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Share of the old average kept at a step in the running average of weights; 0 keeps none. */
  readonly averaging: number;
}

/** What an optimiser is between two steps: everything that a checkpoint needs of it. */
export interface OptimiserState {
  readonly step: number;
  readonly weights: readonly Float32Array[];
  readonly firstMoments: readonly Float32Array[];
  readonly secondMoments: readonly Float32Array[];
  readonly averages: readonly Float32Array[];
}

let variables = 0;

/** A TensorFlow variable: memory that kernels change in place. */
class Variable {
  readonly #kernels: Kernels;
  readonly handle: Handle;

  constructor(kernels: Kernels, values: Float32Array, shape: readonly number[]) {
    this.#kernels = kernels;
    variables += 1;
    const name = [kernels.text('container', ''), kernels.text('shared_name', `folio-${variables}`)];
    [this.handle] = kernels.run(
      'VarHandleOp',
      [...name, kernels.typed('dtype'), kernels.shaped(shape)],
      [],
      1,
    ) as [Handle];
    const initial = kernels.floats(values, shape);
    this.change('AssignVariableOp', [initial], 'dtype');
    kernels.free(initial);
  }

  /** Its value as it is now; free it before the variable changes, or the change has to copy. */
  value(): Handle {
    return this.#kernels.run('ReadVariableOp', [this.#kernels.typed('dtype')], [this.handle], 1)[0]!;
  }

  read(): Float32Array {
    const value = this.value();
    const values = this.#kernels.read(value);
    this.#kernels.free(value);
    return values;
  }

  change(kernel: string, inputs: readonly Handle[], type: 'dtype' | 'T'): void {
    const attributes = type === 'dtype' ? [this.#kernels.typed('dtype')] : [this.#kernels.float];
    this.#kernels.run(kernel, attributes, [this.handle, ...inputs], 0);
  }

  dispose(): void {
    this.#kernels.run('DestroyResourceOp', [], [this.handle], 0);
    this.#kernels.free(this.handle);
  }
}

/**
 * AdamW over TensorFlow's fused `ResourceApplyAdam`, with clipping by global norm and a running average of the
 * weights (Polyak and Juditsky 1992, exponential).
 */
export class Optimiser {
  readonly #kernels: Kernels;
  readonly #settings: OptimiserSettings;
  readonly #shapes: readonly (readonly number[])[];
  readonly #weights: Variable[];
  readonly #first: Variable[];
  readonly #second: Variable[];
  readonly #averages: Variable[];
  #step: number;

  constructor(
    kernels: Kernels,
    shapes: readonly (readonly number[])[],
    state: OptimiserState,
    settings: OptimiserSettings,
  ) {
    const hold = (arrays: readonly Float32Array[]) =>
      arrays.map((values, index) => new Variable(kernels, values, shapes[index]!));
    this.#kernels = kernels;
    this.#settings = settings;
    this.#shapes = shapes;
    this.#step = state.step;
    this.#weights = hold(state.weights);
    this.#first = hold(state.firstMoments);
    this.#second = hold(state.secondMoments);
    this.#averages = settings.averaging > 0 ? hold(state.averages) : [];
  }

  /** Weights as they are now, to be freed before the next `apply`. */
  weights(): Handle[] {
    return this.#weights.map((variable) => variable.value());
  }

  /** The running average, or the weights where there is none; to be freed before the next `apply`. */
  averages(): Handle[] {
    return (this.#averages.length > 0 ? this.#averages : this.#weights).map((variable) => variable.value());
  }

  /**
   * One step against the gradients, which are freed.
   *
   * @returns The gradients' global norm before clipping; where it is not finite, nothing was changed
   */
  apply(gradients: readonly Handle[], learningRate: number): number {
    const k = this.#kernels;
    const norm = this.#globalNorm(gradients);
    if (!Number.isFinite(norm)) {
      k.free(...gradients);
      return norm;
    }
    this.#step += 1;
    const { beta1, beta2, epsilon, clipNorm, weightDecay, averaging } = this.#settings;
    const scalars = [beta1 ** this.#step, beta2 ** this.#step, learningRate, beta1, beta2, epsilon].map(
      (value) => k.scalar(value),
    );
    const clip = k.scalar(Math.min(1, clipNorm / norm));
    const decay = k.scalar(learningRate * weightDecay);
    // Early averages forget faster, so that they are not held back by the first random weights.
    const toward = k.scalar(1 - Math.min(averaging, (1 + this.#step) / (10 + this.#step)));
    for (const [index, gradient] of gradients.entries()) {
      const weight = this.#weights[index]!;
      if (weightDecay > 0 && this.#shapes[index]!.length > 1) {
        const value = weight.value();
        const less = k.multiply(value, decay);
        k.free(value);
        weight.change('AssignSubVariableOp', [less], 'dtype');
        k.free(less);
      }
      const clipped = norm > clipNorm ? k.multiply(gradient, clip) : gradient;
      const moments = [this.#first[index]!.handle, this.#second[index]!.handle];
      weight.change('ResourceApplyAdam', [...moments, ...scalars, clipped], 'T');
      if (clipped !== gradient) k.free(clipped);
      k.free(gradient);
      const average = this.#averages[index];
      if (average !== undefined) {
        const [now, before] = [weight.value(), average.value()];
        const difference = k.subtract(now, before);
        k.free(now, before);
        const part = k.multiply(difference, toward);
        average.change('AssignAddVariableOp', [part], 'dtype');
        k.free(difference, part);
      }
    }
    k.free(...scalars, clip, decay, toward);
    return norm;
  }

  state(): OptimiserState {
    const read = (kept: readonly Variable[]) => kept.map((variable) => variable.read());
    return {
      step: this.#step,
      weights: read(this.#weights),
      firstMoments: read(this.#first),
      secondMoments: read(this.#second),
      averages: read(this.#averages),
    };
  }

  dispose(): void {
    for (const variable of [...this.#weights, ...this.#first, ...this.#second, ...this.#averages])
      variable.dispose();
  }

  #globalNorm(gradients: readonly Handle[]): number {
    const k = this.#kernels;
    let halves = 0;
    for (const gradient of gradients) {
      const half = k.halfSquares(gradient);
      halves += k.read(half)[0]!;
      k.free(half);
    }
    return Math.sqrt(2 * halves);
  }
}

/** The state from which a training starts. */
export const freshState = (weights: readonly Float32Array[]): OptimiserState => ({
  step: 0,
  weights,
  firstMoments: weights.map((values) => new Float32Array(values.length)),
  secondMoments: weights.map((values) => new Float32Array(values.length)),
  averages: weights,
});
