/**
 * A recurrent character model as plain checked arrays: what the reader (`layers-model.ts`) makes of a LayersModel
 * and what every stepper (reference, kernel) runs. Matrices are row-major, as TensorFlow writes them.
 */
import type { Halves } from './format/halves.ts';

/** Values, or what they are encoded in where a reader keeps them as they were published: `Halves`. */
export type Matrix<Encoded = never> = Float32Array | Encoded;

/** `hardSigmoid` is Keras 2's and tfjs' clip(0.2 x + 0.5, 0, 1), `hardSigmoid6` Keras 3's clip(x / 6 + 0.5, 0, 1). */
export type Activation = 'tanh' | 'sigmoid' | 'hardSigmoid' | 'hardSigmoid6' | 'relu' | 'linear';

export interface LstmLayer<Encoded = never> {
  readonly kind: 'lstm';
  readonly name: string;
  readonly inputs: number;
  readonly units: number;
  readonly activation: Activation;
  readonly recurrentActivation: Activation;
  readonly kernel: Matrix<Encoded>; // [inputs, 4 * units], gates i f c o
  readonly recurrent: Matrix<Encoded>; // [units, 4 * units], gates i f c o
  readonly bias: Float32Array; // [4 * units], zeros where the layer has none
}

export interface GruLayer<Encoded = never> {
  readonly kind: 'gru';
  readonly name: string;
  readonly inputs: number;
  readonly units: number;
  readonly activation: Activation;
  readonly recurrentActivation: Activation;
  /** Whether the reset gate is applied after the recurrent product (cuDNN's way, Keras' default since 2.0). */
  readonly resetAfter: boolean;
  readonly kernel: Matrix<Encoded>; // [inputs, 3 * units], gates z r h
  readonly recurrent: Matrix<Encoded>; // [units, 3 * units], gates z r h
  readonly bias: Float32Array; // [3 * units], of the input's product
  readonly recurrentBias: Float32Array; // [3 * units], of the recurrent product; zeros unless resetAfter
}

/** Keras' SimpleRNN, PyTorch's nn.RNN: h = activation(x kernel + h recurrent + bias). */
export interface SimpleRnnLayer<Encoded = never> {
  readonly kind: 'simple-rnn';
  readonly name: string;
  readonly inputs: number;
  readonly units: number;
  readonly activation: Activation;
  readonly kernel: Matrix<Encoded>; // [inputs, units]
  readonly recurrent: Matrix<Encoded>; // [units, units]
  readonly bias: Float32Array; // [units]
}

/** A Dense layer before the last one: activation(x kernel + bias), without a state. */
export interface DenseLayer<Encoded = never> {
  readonly kind: 'dense';
  readonly name: string;
  readonly inputs: number;
  readonly units: number;
  readonly activation: Activation;
  readonly kernel: Matrix<Encoded>; // [inputs, units]
  readonly bias: Float32Array; // [units]
}

/**
 * (x - mean) / sqrt(variance + epsilon) over the layer's units, without a state. The learned scale and shift of a
 * LayerNormalization are folded into the product that follows.
 */
export interface NormalizationLayer {
  readonly kind: 'normalization';
  readonly name: string;
  readonly inputs: number; // as many as units
  readonly units: number;
  readonly epsilon: number;
}

export type RecurrentLayer<Encoded = never> =
  | LstmLayer<Encoded>
  | GruLayer<Encoded>
  | SimpleRnnLayer<Encoded>;

export type Layer<Encoded = never> = RecurrentLayer<Encoded> | DenseLayer<Encoded> | NormalizationLayer;

/** The layer that takes the character in: always a recurrent one. */
export const firstLayer = <Encoded>({ layers }: Network<Encoded>): RecurrentLayer<Encoded> => {
  const [first] = layers;
  if (!first || first.kind === 'dense' || first.kind === 'normalization') {
    throw new RangeError('a network starts with a recurrent layer');
  }
  return first;
};

/** Sums that a layer makes for each of its units: the width of its matrices. */
export const gateCount = ({ kind }: Pick<Layer, 'kind'>): number =>
  kind === 'lstm' ? 4 : kind === 'gru' ? 3 : kind === 'normalization' ? 0 : 1;

/** One-hot characters need no table: row `id` of the first layer's kernel is their product. */
export type InputEncoding =
  | { readonly kind: 'one-hot' }
  | {
      readonly kind: 'embedding';
      readonly name: string;
      readonly size: number;
      readonly table: Float32Array;
    }; // [vocabulary, size]

export interface OutputLayer<Encoded = never> {
  readonly name: string;
  readonly inputs: number;
  readonly kernel: Matrix<Encoded>; // [inputs, vocabulary]
  readonly bias: Float32Array; // [vocabulary]
}

export interface Network<Encoded = never> {
  readonly vocabulary: number;
  readonly input: InputEncoding;
  /** First to last; the first is recurrent, since what comes before it is part of the input's table. */
  readonly layers: readonly Layer<Encoded>[];
  /** The Embedding masked id 0 in training: it is neither fed nor generated. */
  readonly maskZero?: boolean;
  /** Always gives logits: a softmax at the end of the LayersModel is the sampler's business. */
  readonly output: OutputLayer<Encoded>;
}

/** Vectors of recurrent state that a layer carries from step to step: h, and c of an LSTM. */
export const stateVectors = ({ kind }: Pick<Layer, 'kind'>): number =>
  kind === 'lstm' ? 2 : kind === 'gru' || kind === 'simple-rnn' ? 1 : 0;

/** Float32 values of recurrent state that one sequence carries: h of every recurrent layer, and c of every LSTM layer. */
export const stateLength = (network: Network<Halves>): number =>
  network.layers.reduce((sum, layer) => sum + stateVectors(layer) * layer.units, 0);

/** Parameters of the network as it is run, embedding included. */
export const parameterCount = (network: Network<Halves>): number => {
  const layers = network.layers.reduce((sum, layer) => sum + layerParameters(layer), 0);
  const embedding = network.input.kind === 'embedding' ? network.input.table.length : 0;
  return embedding + layers + network.output.kernel.length + network.output.bias.length;
};

const layerParameters = (layer: Layer<Halves>): number => {
  if (layer.kind === 'normalization') return 0;
  const own = layer.kernel.length + layer.bias.length;
  if (layer.kind === 'dense') return own;
  const recurrent = own + layer.recurrent.length;
  return layer.kind === 'gru' && layer.resetAfter ? recurrent + layer.recurrentBias.length : recurrent;
};
