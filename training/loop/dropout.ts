import { Random } from '../../src/model/sampling/random.ts';
import type { Chunk, ChunkSize } from './chunks.ts';
import type { Handle, Kernels } from './kernels.ts';

/** Shares of values put to zero while training; the others are raised so that the sum is expected to stay. */
export interface Dropout {
  /** Of the characters fed: a character dropped is all zeros (or, embedded, values of its embedding). */
  readonly input: number;
  /** Of a layer's outputs on their way to the next layer. */
  readonly between: number;
  /** Of the last layer's outputs, before the softmax. */
  readonly output: number;
  /** Of the recurrent weights, one mask a chunk (weight-drop, Merity et al. 2017, arXiv:1708.02182). */
  readonly recurrent: number;
  /** One mask for all steps of a sequence (Gal and Ghahramani 2016, arXiv:1512.05287), else one for each step. */
  readonly perSequence: boolean;
}

export const noDropout: Dropout = { input: 0, between: 0, output: 0, recurrent: 0, perSequence: false };

export const hasDropout = ({ input, between, output, recurrent }: Dropout): boolean =>
  input + between + output + recurrent > 0;

/** A mask for a chunk's values: [rows, 1 or length, batch]; none at a rate of 0. */
export const chunkMask = (
  k: Kernels,
  { batch, length }: ChunkSize,
  rows: number,
  rate: number,
  { perSequence }: Dropout,
  seed: Handle,
  place: number,
): Handle | undefined => {
  if (rate === 0) return undefined;
  const drawn = k.mask([perSequence ? 1 : length, batch, rows], rate, seed, place);
  const mask = k.permute(drawn, [2, 0, 1]);
  k.free(drawn);
  return mask;
};

/** A chunk's values [rows, length * batch] under a mask; `values` are freed, or returned where there is no mask. */
export const masked = (
  k: Kernels,
  values: Handle,
  mask: Handle | undefined,
  { batch, length }: ChunkSize,
  rows: number,
): Handle => {
  if (mask === undefined) return values;
  const cube = k.reshape(values, [rows, length, batch]);
  const product = k.multiply(cube, mask);
  const flat = k.reshape(product, [rows, length * batch]);
  k.free(values, cube, product);
  return flat;
};

/** The chunk's characters with some replaced by the id `vocabulary`, which stands for none. */
export const dropCharacters = (
  chunk: Chunk,
  vocabulary: number,
  dropout: Dropout,
  seed: number,
): Int32Array => {
  if (dropout.input === 0) return chunk.inputs;
  const random = Random.fromSeed(seed);
  if (!dropout.perSequence)
    return chunk.inputs.map((id) => (random.uniform() < dropout.input ? vocabulary : id));
  // One mask a sequence: a stream does without the same characters throughout the chunk.
  const dropped = Uint8Array.from({ length: chunk.batch * vocabulary }, () =>
    Number(random.uniform() < dropout.input),
  );
  return chunk.inputs.map((id, at) =>
    dropped[(at % chunk.batch) * vocabulary + id] === 1 ? vocabulary : id,
  );
};
