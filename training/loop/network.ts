import type { LayersModel } from '@tensorflow/tfjs';
import type { Handle, Kernels } from './kernels.ts';
import type { TensorFlow } from './tensorflow.ts';

/** What is trained: characters in, LSTM layers, a softmax over the characters. */
export interface NetworkShape {
  readonly vocabulary: number;
  /** Size of the character embedding; 0 feeds one-hot characters. */
  readonly embedding: number;
  /** Units of every LSTM layer, first to last: 1 to 4 of them. */
  readonly units: readonly number[];
}

/** One trainable array, in Keras' layout. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Columns of an LSTM's arrays: Keras has the gates in order i f c o, TensorFlow's kernels in i c f o. */
export const swapGates = ({ name, shape, values }: Weight): Weight => {
  if (!name.startsWith('lstm_')) return { name, shape, values };
  const units = shape.at(-1)! / 4;
  const swapped = new Float32Array(values.length);
  for (let row = 0; row < values.length; row += 4 * units) {
    for (const [from, to] of [
      [0, 0],
      [1, 2],
      [2, 1],
      [3, 3],
    ] as const) {
      swapped.set(values.subarray(row + from * units, row + (from + 1) * units), row + to * units);
    }
  }
  return { name, shape, values: swapped };
};

/** Names and shapes in the order in which stock tfjs lists a model's weights. */
export const weightShapes = ({ vocabulary, embedding, units }: NetworkShape): Omit<Weight, 'values'>[] => [
  ...(embedding > 0 ? [{ name: 'embedding/embeddings', shape: [vocabulary, embedding] }] : []),
  ...units.flatMap((size, index) => {
    const inputs = index > 0 ? units[index - 1]! : embedding || vocabulary;
    const layer = `lstm_${index + 1}`;
    return [
      { name: `${layer}/kernel`, shape: [inputs, 4 * size] },
      { name: `${layer}/recurrent_kernel`, shape: [size, 4 * size] },
      { name: `${layer}/bias`, shape: [4 * size] },
    ];
  }),
  { name: 'characters/kernel', shape: [units.at(-1)!, vocabulary] },
  { name: 'characters/bias', shape: [vocabulary] },
];

export const parameters = (shape: NetworkShape): number =>
  weightShapes(shape).reduce((sum, weight) => sum + weight.shape.reduce((a, b) => a * b, 1), 0);

/**
 * The tutorial's initialisers: glorot normal for kernels, orthogonal for recurrent kernels, zeros for biases but
 * ones for the forget gates. Embeddings are uniform in ±0.05, as Keras has them.
 */
export const initialWeights = (kernels: Kernels, shape: NetworkShape, seed: number): Weight[] =>
  weightShapes(shape).map(({ name, shape: size }, index) => {
    const place: readonly [number, number] = [seed, index];
    const count = size.reduce((a, b) => a * b, 1);
    if (name.endsWith('/bias')) {
      const values = new Float32Array(count);
      if (name.startsWith('lstm_')) values.fill(1, count / 4, count / 2);
      return { name, shape: size, values };
    }
    if (name.endsWith('/embeddings'))
      return { name, shape: size, values: uniform(kernels, size, 0.05, place) };
    if (name.endsWith('/recurrent_kernel'))
      return { name, shape: size, values: orthogonal(kernels, size, place) };
    const [inputs, outputs] = size as [number, number];
    const deviation = Math.sqrt(2 / (inputs + outputs));
    return { name, shape: size, values: normal(kernels, size, deviation, place, true) };
  });

const random = (
  kernels: Kernels,
  kernel: string,
  shape: readonly number[],
  seed: readonly [number, number],
): Handle => {
  const size = kernels.integers(shape, [shape.length]);
  const seeds = kernels.integers(seed, [2]);
  const [drawn] = kernels.run(
    kernel,
    [kernels.typed('dtype'), kernels.whole('T'), kernels.whole('Tseed')],
    [size, seeds],
    1,
  );
  kernels.free(size, seeds);
  return drawn!;
};

const uniform = (
  kernels: Kernels,
  shape: readonly number[],
  limit: number,
  seed: readonly [number, number],
) => {
  const drawn = random(kernels, 'StatelessRandomUniform', shape, seed);
  const values = kernels.read(drawn).map((value) => (2 * value - 1) * limit);
  kernels.free(drawn);
  return values;
};

/** Keras draws glorot normal from a normal cut at two deviations, then widened to the wanted deviation. */
const normal = (
  kernels: Kernels,
  shape: readonly number[],
  deviation: number,
  seed: readonly [number, number],
  truncated: boolean,
) => {
  const kernel = truncated ? 'StatelessTruncatedNormal' : 'StatelessRandomNormal';
  const drawn = random(kernels, kernel, shape, seed);
  const values = kernels
    .read(drawn)
    .map((value) => (value * deviation) / (truncated ? 0.87962566103423978 : 1));
  kernels.free(drawn);
  return values;
};

/** [units, 4 * units] with orthonormal rows: Q of a QR decomposition of normal numbers, signs from R's diagonal. */
const orthogonal = (
  kernels: Kernels,
  shape: readonly number[],
  seed: readonly [number, number],
): Float32Array => {
  const [rows, columns] = shape as [number, number];
  const drawn = random(kernels, 'StatelessRandomNormal', [columns, rows], seed);
  const [q, r] = kernels.run('Qr', [kernels.float, kernels.flag('full_matrices', false)], [drawn], 2);
  const diagonal = kernels.read(r!);
  const transposed = kernels.transpose(q!);
  const values = kernels.read(transposed);
  kernels.free(drawn, q!, r!, transposed);
  for (let row = 0; row < rows; row += 1) {
    if (diagonal[row * rows + row]! < 0) {
      for (let column = 0; column < columns; column += 1) values[row * columns + column]! *= -1;
    }
  }
  return values;
};

/**
 * The same network in stock tf.layers: what is saved, and the oracle of the fast loop. `tf.layers.lstm` is
 * `tf.layers.rnn` over an `lstmCell`. Its initialisers are all zeros, because its weights are set at once, and
 * stock tfjs would spend minutes on an orthogonal matrix each time the model is loaded.
 */
export const stockModel = (tf: TensorFlow, { vocabulary, embedding, units }: NetworkShape): LayersModel => {
  const zeros = 'zeros' as const;
  const model = tf.sequential();
  if (embedding > 0) {
    model.add(
      tf.layers.embedding({
        ...{ name: 'embedding', inputDim: vocabulary, outputDim: embedding },
        ...{ batchInputShape: [null, null], embeddingsInitializer: zeros },
      }),
    );
  }
  for (const [index, size] of units.entries()) {
    model.add(
      tf.layers.lstm({
        ...{ name: `lstm_${index + 1}`, units: size, returnSequences: true },
        ...{ activation: 'tanh', recurrentActivation: 'sigmoid' },
        ...{ kernelInitializer: zeros, recurrentInitializer: zeros, unitForgetBias: false },
        ...(index === 0 && embedding === 0 ? { batchInputShape: [null, null, vocabulary] } : {}),
      }),
    );
  }
  model.add(
    tf.layers.dense({
      name: 'characters',
      units: vocabulary,
      activation: 'softmax',
      kernelInitializer: zeros,
    }),
  );
  return model;
};

/** Gives a stock model these weights, in Keras' layout. */
export const setWeights = (tf: TensorFlow, model: LayersModel, weights: readonly Weight[]): void => {
  const tensors = weights.map(({ values, shape }) => tf.tensor(values, [...shape]));
  model.setWeights(tensors);
  tf.dispose(tensors);
};
