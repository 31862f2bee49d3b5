import type { TrainingChunk } from '../chunks.ts';
import { FastLoop, type Lesson } from '../fast-loop.ts';
import { shapeOfNetwork, weightsOf } from '../fine-tuning.ts';
import type { DistillationSettings } from '../fit-settings.ts';
import type { Handle, Kernels } from '../kernels.ts';
import type { LayerState } from '../lstm-steps.ts';
import { swapGates } from '../network.ts';
import { NgramTeacher } from './ngram-teacher.ts';
import type { Teaching } from './teaching.ts';

/** One teacher inside TensorFlow. */
interface Loaded {
  readonly loop: FastLoop;
  readonly weights: readonly Handle[];
  readonly layers: number;
}

/**
 * Networks whose expectations another one learns: knowledge distillation (Hinton et al. 2015, arXiv:1503.02531), for a
 * network of the same size a born-again network (Furlanello et al. 2018, arXiv:1805.04770). They read the same chunks as
 * the network that learns, each with a state of its own.
 */
export class Teachers {
  readonly #kernels: Kernels;
  readonly #vocabulary: number;
  readonly #ownCharacter: number;
  readonly #ngrams: NgramTeacher | undefined;
  readonly #loaded: readonly Loaded[];
  /** Of all their layers, first teacher to last. */
  readonly units: readonly number[];

  /**
   * @param teaching Its networks of layers that training makes, and of the vocabulary of its n-gram model.
   */
  constructor(
    kernels: Kernels,
    { networks, ngrams, generated }: Teaching,
    { ownCharacter }: DistillationSettings,
  ) {
    this.#kernels = kernels;
    this.#vocabulary = networks[0]?.vocabulary ?? ngrams!.vocabulary;
    this.#ownCharacter = ownCharacter;
    this.#ngrams = ngrams && new NgramTeacher(ngrams, generated);
    this.#loaded = networks.map((network) => ({
      loop: new FastLoop(kernels, shapeOfNetwork(network)),
      weights: weightsOf(network).map((weight) => kernels.floats(swapGates(weight).values, weight.shape)),
      layers: network.layers.length,
    }));
    this.units = networks.flatMap(({ layers }) => layers.map(({ units }) => units));
  }

  /**
   * What is to be predicted in a chunk: the mean of the teachers' probabilities, in the streams of the text itself with a
   * share for its own character. `state` is freed; whoever asks frees the targets.
   */
  lesson(chunk: TrainingChunk, state: readonly LayerState[]): { lesson: Lesson; state: LayerState[] } {
    const k = this.#kernels;
    const after: LayerState[] = [];
    const expected: Handle[] = [];
    for (const { loop, weights, layers } of this.#loaded) {
      const before = state.slice(after.length, after.length + layers);
      const read = loop.probabilities(weights, chunk, before);
      expected.push(read.probabilities);
      after.push(...read.state);
    }
    if (this.#ngrams !== undefined) {
      const shape = [chunk.length * chunk.batch, this.#vocabulary];
      expected.push(k.floats(this.#ngrams.probabilities(chunk), shape));
    }
    const mean = this.#mean(expected);
    const count = chunk.length * chunk.batch;
    const shares = Float32Array.from({ length: count }, (_, at) =>
      at % chunk.batch < chunk.own ? this.#ownCharacter : 0,
    );
    const [share, rest] = [shares, shares.map((value) => 1 - value)].map((values) =>
      k.floats(values, [count, 1]),
    );
    const ids = k.integers(chunk.targets, [count]);
    const oneHot = k.oneHot(ids, this.#vocabulary);
    const [own, others] = [k.multiply(oneHot, share!), k.multiply(mean, rest!)];
    const targets = k.add(own, others);
    k.free(mean, share!, rest!, ids, oneHot, own, others);
    return { lesson: { targets, own: chunk.own }, state: after };
  }

  dispose(): void {
    for (const { weights } of this.#loaded) this.#kernels.free(...weights);
  }

  /** The mean of tensors of one shape, which are freed. */
  #mean(parts: readonly Handle[]): Handle {
    const k = this.#kernels;
    const sum = parts.reduce((a, b) => {
      const both = k.add(a, b);
      k.free(a, b);
      return both;
    });
    const mean = k.scale(sum, 1 / parts.length);
    k.free(sum);
    return mean;
  }
}
