import { Halves } from '../src/model/format/halves.ts';
import type { Matrix, Network } from '../src/model/network.ts';

/** A half of the same sign and about the same size, below 2 in size; zero for zero. */
const halfOf = (value: number): number => {
  const size = Math.min(Math.abs(value), 1.99);
  const sign = value < 0 ? 0x8000 : 0;
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  return sign | ((exponent + 15) << 10) | Math.floor((size / 2 ** exponent - 1) * 1024);
};

export const halvesOf = (name: string, halves: Uint16Array): Halves =>
  new Halves(name, new Uint8Array(halves.buffer));

/** The network with its matrices in halves, as whoever packs them is given them. */
export const inHalves = <Encoded extends Halves = Halves>(
  network: Network,
  make: (name: string, halves: Uint16Array) => Matrix<Encoded> = halvesOf as never,
): Network<Encoded> => {
  const matrix = (name: string, values: Float32Array): Matrix<Encoded> =>
    make(name, Uint16Array.from(values, halfOf));
  return {
    ...network,
    layers: network.layers.map((layer) => {
      if (layer.kind === 'normalization') return layer;
      const kernel = matrix(`${layer.name}/kernel`, layer.kernel);
      if (layer.kind === 'dense') return { ...layer, kernel };
      return { ...layer, kernel, recurrent: matrix(`${layer.name}/recurrent_kernel`, layer.recurrent) };
    }),
    output: { ...network.output, kernel: matrix('dense/kernel', network.output.kernel) },
  };
};
