/**
 * A recurrent character model as plain checked arrays: what the reader (`layers-model.ts`) makes of a LayersModel
 * and what every stepper (reference, kernel) runs. Matrices are row-major, as TensorFlow writes them.
 */
export type Activation = 'tanh' | 'sigmoid' | 'hardSigmoid' | 'relu' | 'linear';

export interface LstmLayer {
  readonly kind: 'lstm';
  readonly name: string;
  readonly inputs: number;
  readonly units: number;
  readonly activation: Activation;
  readonly recurrentActivation: Activation;
  readonly kernel: Float32Array; // [inputs, 4 * units], gates i f c o
  readonly recurrent: Float32Array; // [units, 4 * units], gates i f c o
  readonly bias: Float32Array; // [4 * units], zeros where the layer has none
}

export interface GruLayer {
  readonly kind: 'gru';
  readonly name: string;
  readonly inputs: number;
  readonly units: number;
  readonly activation: Activation;
  readonly recurrentActivation: Activation;
  /** Whether the reset gate is applied after the recurrent product (cuDNN's way, Keras' default since 2.0). */
  readonly resetAfter: boolean;
  readonly kernel: Float32Array; // [inputs, 3 * units], gates z r h
  readonly recurrent: Float32Array; // [units, 3 * units], gates z r h
  readonly bias: Float32Array; // [3 * units], of the input's product
  readonly recurrentBias: Float32Array; // [3 * units], of the recurrent product; zeros unless resetAfter
}

export type RecurrentLayer = LstmLayer | GruLayer;

/** One-hot characters need no table: row `id` of the first layer's kernel is their product. */
export type InputEncoding =
  | { readonly kind: 'one-hot' }
  | {
      readonly kind: 'embedding';
      readonly name: string;
      readonly size: number;
      readonly table: Float32Array;
    }; // [vocabulary, size]

export interface OutputLayer {
  readonly name: string;
  readonly inputs: number;
  readonly kernel: Float32Array; // [inputs, vocabulary]
  readonly bias: Float32Array; // [vocabulary]
}

export interface Network {
  readonly vocabulary: number;
  readonly input: InputEncoding;
  readonly layers: readonly RecurrentLayer[]; // 1 to 4, first to last
  /** Always gives logits: a softmax at the end of the LayersModel is the sampler's business. */
  readonly output: OutputLayer;
}

/** Float32 values of recurrent state that one sequence carries: h of every layer, and c of every LSTM layer. */
export const stateLength = (network: Network): number =>
  network.layers.reduce((sum, layer) => sum + (layer.kind === 'lstm' ? 2 : 1) * layer.units, 0);

/** Trainable parameters, embedding included. */
export const parameterCount = (network: Network): number => {
  const recurrent = network.layers.reduce(
    (sum, layer) =>
      sum +
      layer.kernel.length +
      layer.recurrent.length +
      layer.bias.length +
      (layer.kind === 'gru' && layer.resetAfter ? layer.recurrentBias.length : 0),
    0,
  );
  const embedding = network.input.kind === 'embedding' ? network.input.table.length : 0;
  return embedding + recurrent + network.output.kernel.length + network.output.bias.length;
};
