import type {
  Activation,
  DenseLayer,
  InputEncoding,
  Layer,
  Matrix,
  Network,
  RecurrentLayer,
} from '../network.ts';
import { floatsOf, type Halves } from './halves.ts';
import { phrase, unsupported } from './invalid.ts';

const MAX_RECURRENT = 4;
const MAX_LAYERS = 16;

/** A Dense of the chain: the last one gives the characters. */
export interface ChainDense<Encoded = never> {
  readonly name: string;
  readonly inputs: number;
  readonly units: number;
  readonly activation: Activation;
  readonly kernel: Matrix<Encoded>; // [inputs, units]
  readonly bias: Float32Array; // [units]
}

type Product<Encoded> = Pick<DenseLayer<Encoded>, 'kernel' | 'bias'>;

/** x * scale + shift, a value each for every unit. */
export interface Affine {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

/**
 * Puts a chain of layers together into a network. What stands before the first recurrent layer depends on the character
 * alone and becomes part of the input's table; scales and shifts become part of the product that follows them.
 */
export class NetworkBuilder<Encoded extends Halves> {
  #table: (InputEncoding & { kind: 'embedding' }) | undefined;
  #maskZero = false;
  readonly #layers: Layer<Encoded>[] = [];
  #affine: Affine | undefined;
  /** The last one so far, which may be the output. */
  #dense: ChainDense<Encoded> | undefined;
  #softmax = false;

  /** Units of what was added last; undefined for one-hot input, whose size follows from its first layer's weights. */
  get width(): number | undefined {
    return this.#dense?.units ?? this.#layers.at(-1)?.units ?? this.#table?.size;
  }

  /** Whether the input may still become another: an Embedding comes first. */
  get empty(): boolean {
    return this.#table === undefined && this.#dense === undefined && this.#layers.length === 0;
  }

  get recurrentCount(): number {
    return this.#layers.filter(({ kind }) => kind !== 'dense' && kind !== 'normalization').length;
  }

  embedding(name: string, size: number, table: Float32Array, maskZero: boolean): void {
    this.#table = { kind: 'embedding', name, size, table };
    this.#maskZero = maskZero;
  }

  recurrent(layer: RecurrentLayer<Encoded>): void {
    if (this.recurrentCount === MAX_RECURRENT) {
      throw unsupported(
        'layers',
        `at most ${MAX_RECURRENT} recurrent layers`,
        phrase(`${layer.name} as one more`),
      );
    }
    this.#push({ ...layer, ...this.#folded(layer) });
  }

  dense(dense: ChainDense<Encoded>): void {
    const folded = { ...dense, ...this.#folded(dense) };
    if (this.#layers.length > 0) this.#dense = folded;
    else {
      const { units, activation, bias } = dense;
      const kernel = floatsOf(folded.kernel);
      this.#mapTable(dense.name, dense.inputs, units, (row) => applyDense(row, kernel, bias, activation));
    }
  }

  /** An activation that stands as a layer of its own, after a Dense without one. */
  activation(name: string, activation: Activation): void {
    if (activation === 'linear') return;
    const table = this.#table;
    if (table && this.#layers.length === 0) {
      const apply = activations[activation];
      this.#mapTable(name, table.size, table.size, (row) => row.map((value) => apply(value)));
      return;
    }
    if (this.#dense?.activation !== 'linear' || this.#softmax) {
      throw unsupported(name, 'an activation after a Dense that has none', activation);
    }
    this.#dense = { ...this.#dense, activation };
  }

  /** @param where For messages. */
  softmax(where: string): void {
    if (this.#dense === undefined || this.#softmax)
      throw unsupported(where, 'one, after the Dense', phrase('softmax'));
    this.#softmax = true;
  }

  normalization(name: string, units: number, epsilon: number, { scale, shift }: Affine): void {
    if (this.#layers.length === 0) {
      this.#mapTable(name, units, units, (row) => {
        const mean = row.reduce((sum, value) => sum + value, 0) / units;
        const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / units;
        return row.map(
          (value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * scale[i]! + shift[i]!,
        );
      });
      return;
    }
    this.#materialise(name);
    this.#push({ kind: 'normalization', name, inputs: units, units, epsilon });
    this.#affine = { scale, shift };
  }

  affine(name: string, units: number, { scale, shift }: Affine): void {
    if (this.#layers.length === 0) {
      this.#mapTable(name, units, units, (row) => row.map((value, i) => value * scale[i]! + shift[i]!));
      return;
    }
    const before = this.#affine;
    this.#affine = before
      ? {
          scale: before.scale.map((value, i) => value * scale[i]!),
          shift: before.shift.map((value, i) => value * scale[i]! + shift[i]!),
        }
      : { scale, shift };
  }

  /** @throws FolioError `model_unsupported` unless a Dense gives as many characters as the input takes */
  finish(): Network<Encoded> {
    const first = this.#layers[0];
    const output = this.#dense;
    if (first === undefined) throw unsupported('layers', '1 to 4 LSTM, GRU or SimpleRNN layers', undefined);
    if (output === undefined) throw unsupported('layers', 'a Dense layer at the end', undefined);
    if (output.activation !== 'linear') {
      throw unsupported(`${output.name}.activation`, '"softmax" or "linear"', output.activation);
    }
    const { name, inputs, units: vocabulary, kernel, bias } = output;
    const table = this.#table;
    if (table === undefined && first.inputs !== vocabulary) {
      throw unsupported(
        `${first.name}.kernel`,
        `one-hot input of the ${vocabulary} characters that ${name} gives`,
        phrase(`${first.inputs} inputs`),
      );
    }
    if (table !== undefined && table.table.length < vocabulary * table.size) {
      throw unsupported(
        `${table.name}.input_dim`,
        `at least the ${vocabulary} characters that ${name} gives`,
        table.table.length / table.size,
      );
    }
    return {
      vocabulary,
      input: table
        ? { ...table, table: table.table.subarray(0, vocabulary * table.size) }
        : { kind: 'one-hot' },
      layers: this.#layers,
      ...(this.#maskZero ? { maskZero: true } : {}),
      output: { name, inputs, kernel, bias },
    };
  }

  /** A Dense that something follows is not the last one. @param next What follows, for messages. */
  settle(next: string): void {
    const dense = this.#dense;
    if (dense === undefined) return;
    if (this.#softmax) {
      throw unsupported(
        `${dense.name}.activation`,
        `a softmax at the end, not before ${next}`,
        phrase('softmax'),
      );
    }
    this.#dense = undefined;
    this.#push({ kind: 'dense', ...dense });
  }

  #push(layer: Layer<Encoded>): void {
    if (this.#layers.length === MAX_LAYERS) {
      throw unsupported(
        'layers',
        `at most ${MAX_LAYERS} layers that compute`,
        phrase(`${layer.name} as one more`),
      );
    }
    this.#layers.push(layer);
  }

  /** Kernel and bias of a product whose input is scaled and shifted first. */
  #folded({ kernel, bias }: Product<Encoded>): Product<Encoded> {
    const affine = this.#affine;
    this.#affine = undefined;
    return affine ? fold(affine, floatsOf(kernel), bias) : { kernel, bias };
  }

  /** Scales and shifts that no product follows become a layer. */
  #materialise(name: string): void {
    const affine = this.#affine;
    if (affine === undefined) return;
    const units = affine.scale.length;
    const kernel = new Float32Array(units * units);
    affine.scale.forEach((value, i) => {
      kernel[i * units + i] = value;
    });
    this.#affine = undefined;
    const common = { name: `before ${name}`, inputs: units, units, activation: 'linear' as const };
    this.#push({ kind: 'dense', ...common, kernel, bias: affine.shift });
  }

  /** Applies a layer to every character's row; one-hot input has a row for each of the layer's inputs. */
  #mapTable(name: string, inputs: number, size: number, apply: (row: Float64Array) => Float64Array): void {
    const given = this.#table;
    const rows = given ? given.table.length / given.size : inputs;
    const table = new Float32Array(rows * size);
    for (let id = 0; id < rows; id++) {
      const row = new Float64Array(inputs);
      if (given) row.set(given.table.subarray(id * inputs, (id + 1) * inputs));
      else row[id] = 1;
      table.set(apply(row), id * size);
    }
    this.#table = { kind: 'embedding', name: given?.name ?? name, size, table };
  }
}

const fold = ({ scale, shift }: Affine, kernel: Float32Array, bias: Float32Array): Product<never> => {
  const outputs = bias.length;
  const sums = Float64Array.from(bias);
  const scaled = kernel.map((value, i) => {
    const input = Math.floor(i / outputs);
    sums[i % outputs]! += shift[input]! * value;
    return value * scale[input]!;
  });
  return { kernel: scaled, bias: Float32Array.from(sums) };
};

const applyDense = (
  row: Float64Array,
  kernel: Float32Array,
  bias: Float32Array,
  activation: Activation,
): Float64Array => {
  const sums = Float64Array.from(bias);
  row.forEach((value, input) => {
    if (value === 0) return;
    for (let i = 0; i < sums.length; i++) sums[i]! += value * kernel[input * sums.length + i]!;
  });
  return sums.map((sum) => activations[activation](sum));
};

const clip = (x: number): number => Math.min(1, Math.max(0, x));

/** Of what is computed once, when the model is loaded. */
const activations: Readonly<Record<Activation, (x: number) => number>> = {
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  hardSigmoid: (x) => clip(0.2 * x + 0.5),
  hardSigmoid6: (x) => clip(x / 6 + 0.5),
  relu: (x) => Math.max(0, x),
  linear: (x) => x,
};
