import type { Json } from '../model/format/invalid.ts';
import type { Activation } from '../model/network.ts';
import type { Tensor } from './tensor.ts';

/** What every reader of a format makes of a file: a LayersModel's topology and its weights by name, in float32. */
export interface ParsedModel {
  /** What wrote the file, as people call it: `Keras 3.15.1`, `PyTorch`. */
  readonly format: string;
  readonly topology: Json;
  readonly weights: ReadonlyMap<string, Tensor>;
  /** As found in the file, in whatever form; undefined where there is none. */
  readonly alphabet?: unknown;
  /** What the file does not say and was taken for granted, in sentences. */
  readonly notes: readonly string[];
}

const tfjsActivations: Readonly<Record<Activation, string>> = {
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  hardSigmoid: 'hard_sigmoid',
  hardSigmoid6: 'hard_sigmoid', // in a topology of Keras 3
  relu: 'relu',
  linear: 'linear',
};

/** A recurrent layer's weights, as Keras orders and names them. */
export interface RecurrentWeights {
  readonly kernel: Tensor; // [inputs, gates * units]
  readonly recurrent: Tensor; // [units, gates * units]
  readonly bias: Tensor; // [gates * units]; a GRU with reset_after: [2, gates * units]
}

/** Builds a Sequential of tfjs' layers, one after another. */
export class SequentialBuilder {
  readonly #layers: { class_name: string; config: Record<string, unknown> }[] = [];
  readonly #weights = new Map<string, Tensor>();
  readonly #counts = new Map<string, number>();

  #add(className: string, prefix: string, config: Record<string, unknown>): string {
    const count = (this.#counts.get(prefix) ?? 0) + 1;
    this.#counts.set(prefix, count);
    const name = `${prefix}_${count}`;
    this.#layers.push({ class_name: className, config: { name, trainable: true, ...config } });
    return name;
  }

  /** @param inputs Sizes of the input without the batch: `[null]` for ids, `[null, characters]` for one-hot. */
  input(inputs: readonly (number | null)[]): this {
    const name = `input_${this.#layers.length + 1}`;
    const config = { name, batch_input_shape: [null, ...inputs], dtype: 'float32', sparse: false };
    this.#layers.push({ class_name: 'InputLayer', config });
    return this;
  }

  /** @param table [characters, size] */
  embedding(table: Tensor, maskZero = false): this {
    const [rows, size] = table.shape;
    const name = this.#add('Embedding', 'embedding', {
      input_dim: rows,
      output_dim: size,
      mask_zero: maskZero,
    });
    this.#weights.set(`${name}/embeddings`, table);
    return this;
  }

  recurrent(
    kind: 'LSTM' | 'GRU' | 'SimpleRNN',
    { kernel, recurrent, bias }: RecurrentWeights,
    {
      activation = 'tanh',
      recurrentActivation = 'sigmoid',
      resetAfter = false,
    }: { activation?: Activation; recurrentActivation?: Activation; resetAfter?: boolean } = {},
  ): this {
    const name = this.#add(kind, kind === 'SimpleRNN' ? 'simple_rnn' : kind.toLowerCase(), {
      units: recurrent.shape[0],
      activation: tfjsActivations[activation],
      ...(kind === 'SimpleRNN' ? {} : { recurrent_activation: tfjsActivations[recurrentActivation] }),
      ...(kind === 'GRU' ? { reset_after: resetAfter } : {}),
      use_bias: true,
      return_sequences: true,
    });
    this.#weights.set(`${name}/kernel`, kernel);
    this.#weights.set(`${name}/recurrent_kernel`, recurrent);
    this.#weights.set(`${name}/bias`, bias);
    return this;
  }

  /** @param kernel [inputs, units] @param bias [units] */
  dense(kernel: Tensor, bias: Tensor | undefined, activation: Activation | 'softmax' = 'linear'): this {
    const name = this.#add('Dense', 'dense', {
      units: kernel.shape[1],
      activation: activation === 'softmax' ? activation : tfjsActivations[activation],
      use_bias: bias !== undefined,
    });
    this.#weights.set(`${name}/kernel`, kernel);
    if (bias) this.#weights.set(`${name}/bias`, bias);
    return this;
  }

  /** @param gamma, beta [units] */
  layerNormalization(gamma: Tensor, beta: Tensor, epsilon: number): this {
    const config = { axis: -1, epsilon, center: true, scale: true };
    const name = this.#add('LayerNormalization', 'layer_normalization', config);
    this.#weights.set(`${name}/gamma`, gamma);
    this.#weights.set(`${name}/beta`, beta);
    return this;
  }

  /** @param gamma, beta, mean, variance [units] */
  batchNormalization(gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, epsilon: number): this {
    const config = { axis: -1, epsilon, center: true, scale: true };
    const name = this.#add('BatchNormalization', 'batch_normalization', config);
    this.#weights.set(`${name}/gamma`, gamma);
    this.#weights.set(`${name}/beta`, beta);
    this.#weights.set(`${name}/moving_mean`, mean);
    this.#weights.set(`${name}/moving_variance`, variance);
    return this;
  }

  build(): Pick<ParsedModel, 'topology' | 'weights'> {
    const topology = {
      class_name: 'Sequential',
      config: { name: 'sequential', layers: this.#layers },
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
    };
    return { topology, weights: this.#weights };
  }
}
