import { describe, expect, test } from 'vitest';
import { Random } from '../../src/model/sampling/random.ts';
import { hasBfloat16 } from '../../src/training-jobs/bfloat16.ts';
import type { TrainingPrecision } from '../../src/training-jobs/training-jobs.ts';
import type { Chunk } from '../../training/loop/chunks.ts';
import { CompiledLoop } from '../../training/loop/compiled-loop.ts';
import { type Dropout, noDropout } from '../../training/loop/dropout.ts';
import { FastLoop, type Lesson } from '../../training/loop/fast-loop.ts';
import { Kernels } from '../../training/loop/kernels.ts';
import { freeState, zeroState } from '../../training/loop/lstm-steps.ts';
import {
  initialWeights,
  type NetworkShape,
  setWeights,
  stockModel,
  swapGates,
} from '../../training/loop/network.ts';
import { loadTensorFlow } from '../../training/loop/tensorflow.ts';

const tf = loadTensorFlow();
const kernels = new Kernels(tf);

const randomChunk = (draw: () => number, vocabulary: number, batch: number, length: number): Chunk => {
  const ids = () => Int32Array.from({ length: batch * length }, () => Math.floor(draw() * vocabulary));
  return { batch, length, inputs: ids(), targets: ids() };
};

/** Time-major [length * batch] to rows of sequences [batch, length]. */
const bySequence = ({ batch, length }: Chunk, ids: Int32Array): number[][] =>
  Array.from({ length: batch }, (_, b) => Array.from({ length }, (_, t) => ids[t * batch + b]!));

/** Loss and gradients as stock tf.layers has them, in Keras' layout. */
const stockGradients = (shape: NetworkShape, weights: ReturnType<typeof initialWeights>, chunk: Chunk) =>
  tf.tidy(() => {
    const model = stockModel(tf, shape);
    setWeights(tf, model, weights);
    const inputs = tf.tensor2d(bySequence(chunk, chunk.inputs), undefined, 'int32');
    const fed = shape.embedding > 0 ? inputs : tf.oneHot(inputs, shape.vocabulary);
    const targets = tf.oneHot(
      tf.tensor2d(bySequence(chunk, chunk.targets), undefined, 'int32'),
      shape.vocabulary,
    );
    const { value, grads } = tf.variableGrads(() =>
      tf.metrics.categoricalCrossentropy(targets, model.apply(fed, { training: true }) as never).mean(),
    );
    const named = model.weights.map((weight) => {
      const variable = weight.read();
      const found = Object.entries(grads).find(
        ([name]) => name === (weight as unknown as { val: { name: string } }).val.name,
      );
      if (found === undefined) throw new Error(`no gradient of ${weight.name} ${variable.shape}`);
      return Float32Array.from(found[1].dataSync());
    });
    const loss = value.dataSync()[0]!;
    model.dispose();
    return { loss, gradients: named };
  });

const relativeError = (ours: Float32Array, theirs: Float32Array): number => {
  let largest = 0;
  let difference = 0;
  for (const [index, value] of theirs.entries()) {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - ours[index]!));
  }
  return difference / largest;
};

describe('the fast loop has the loss and the gradients of stock tf.layers', () => {
  const random = Random.fromSeed(20);
  const draw = () => random.uniform();
  const size = (most: number) => 1 + Math.floor(draw() * most);
  const cases = Array.from({ length: 8 }, (_, index) => ({
    shape: {
      vocabulary: 1 + size(70),
      embedding: index % 2 === 0 ? 0 : size(24),
      units: Array.from({ length: 1 + (index % 4) }, () => size(60)),
    },
    batch: size(9),
    length: 1 + size(12),
  }));

  const check = (
    { shape, batch, length }: (typeof cases)[number],
    precision: TrainingPrecision,
    tolerance: number,
  ) => {
    const weights = initialWeights(kernels, shape, 7);
    const chunk = randomChunk(draw, shape.vocabulary, batch, length);
    const live = kernels.live;
    const handles = weights.map(swapGates).map(({ values, shape: size }) => kernels.floats(values, size));
    const { loss, gradients, state } = new FastLoop(kernels, shape, precision).gradients(
      handles,
      chunk,
      zeroState(kernels, shape, batch),
      noDropout,
      1,
    );
    const stock = stockGradients(shape, weights, chunk);
    expect(Math.abs(loss - stock.loss)).toBeLessThan(tolerance / 2);
    expect(gradients).toHaveLength(weights.length);
    for (const [index, { name, shape: size }] of weights.entries()) {
      const { values } = swapGates({ name, shape: size, values: kernels.read(gradients[index]!) });
      expect(relativeError(values, stock.gradients[index]!), name).toBeLessThan(tolerance);
    }
    freeState(kernels, state);
    kernels.free(...handles, ...gradients);
    expect(kernels.live).toBe(live);
  };

  test.each(cases)('$shape, batch $batch x length $length', (one) => check(one, 'f32', 1e-4));

  // bfloat16 has 8 bits: a number is rounded by up to 2^-9 of itself, here some forty times in a row.
  test.skipIf(!hasBfloat16()).each(cases)('$shape, batch $batch x length $length, in bfloat16', (one) => {
    check(one, 'bf16', 0.05);
    expect(() => check(one, 'bf16', 1e-4)).toThrow();
  });
});

describe('a step as one graph has the loss, the gradients and the state of its kernels called one by one', () => {
  const masks: Dropout = { input: 0.2, between: 0.3, output: 0.4, recurrent: 0.3, perSequence: true };
  const length = 7;
  const few = { batch: 5, vocabulary: 30, embedding: 0, taught: false };
  const grouped = { ...few, batch: 34 }; // in two groups

  test.each([
    { ...few, units: [20], dropout: noDropout },
    { ...few, units: [20], dropout: masks, taught: true },
    { ...grouped, units: [20, 12], dropout: masks },
    { ...grouped, units: [20, 12], dropout: { ...masks, perSequence: false }, embedding: 6 },
    { ...grouped, units: [20], dropout: masks, vocabulary: 300, taught: true },
  ])('$units, $batch streams, $vocabulary characters, embedding $embedding, taught $taught', (one) => {
    const { units, batch, vocabulary, embedding, dropout, taught } = one;
    const size = { batch, length };
    const shape: NetworkShape = { vocabulary, embedding, units };
    const random = Random.fromSeed(4);
    const live = kernels.live;
    const weights = initialWeights(kernels, shape, 7)
      .map(swapGates)
      .map(({ values, shape: size }) => kernels.floats(values, size));
    const called = new FastLoop(kernels, shape);
    const compiled = new CompiledLoop(kernels, { shape, size, dropout, precision: 'f32', taught });
    let states = [zeroState(kernels, shape, batch), zeroState(kernels, shape, batch)];
    for (const seed of [1, 2, 3]) {
      const chunk = randomChunk(() => random.uniform(), vocabulary, batch, length);
      const targets = new Float32Array(batch * length * vocabulary).fill(1 / vocabulary);
      const lesson: Lesson | undefined = taught
        ? { own: 3, targets: kernels.floats(targets, [batch * length, vocabulary]) }
        : undefined;
      const expected = called.gradients(weights, chunk, states[0]!, dropout, seed, lesson);
      const received = compiled.gradients(weights, chunk, states[1]!, seed, lesson);
      states = [expected.state, received.state];
      expect(received.loss).toBeCloseTo(expected.loss, 5);
      const all = ({ gradients, state }: typeof expected) =>
        [...gradients, ...state.flatMap(({ h, c }) => [h, c])].map((handle) => kernels.read(handle));
      for (const [index, values] of all(received).entries())
        expect(relativeError(values, all(expected)[index]!)).toBeLessThan(1e-5);
      kernels.free(...expected.gradients, ...received.gradients, ...(lesson ? [lesson.targets] : []));
    }
    for (const state of states) freeState(kernels, state);
    kernels.free(...weights);
    compiled.dispose();
    expect(kernels.live).toBe(live);
  });
});
