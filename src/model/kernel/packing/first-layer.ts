import { floatsOf, type Halves } from '../../format/halves.ts';
import { firstLayer, type Matrix, type Network } from '../../network.ts';

/**
 * What the first layer receives of each character: its row of the kernel for one-hot input; for an embedding the
 * product of both, made once, so that either is a look-up while the model runs. [vocabulary, gates * units]
 */
export const firstLayerTable = <Encoded extends Halves>(network: Network<Encoded>): Matrix<Encoded> => {
  const { input, vocabulary } = network;
  const { kernel: matrix, inputs } = firstLayer(network);
  if (input.kind === 'one-hot') return matrix;
  const kernel = floatsOf(matrix);
  const outputs = kernel.length / inputs;
  const table = new Float32Array(vocabulary * outputs);
  const sums = new Float64Array(outputs);
  for (let id = 0; id < vocabulary; id++) {
    sums.fill(0);
    for (let i = 0; i < inputs; i++) {
      const value = input.table[id * inputs + i]!;
      const start = i * outputs;
      for (let output = 0; output < outputs; output++) sums[output]! += value * kernel[start + output]!;
    }
    table.set(sums, id * outputs);
  }
  return table;
};
