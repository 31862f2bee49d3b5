import { describe, expect, test } from 'vitest';
import type { Network } from '../../src/model/network.ts';
import { decodeCheckpoint, encodeCheckpoint, type FitState } from '../../training/loop/checkpoint.ts';
import type { TrainingChunk } from '../../training/loop/chunks.ts';
import { NgramTeacher } from '../../training/loop/distillation/ngram-teacher.ts';
import { taught } from '../../training/loop/distillation/settings.ts';
import { Teachers } from '../../training/loop/distillation/teachers.ts';
import { teach } from '../../training/loop/distillation/teaching.ts';
import { noDropout } from '../../training/loop/dropout.ts';
import { FastLoop } from '../../training/loop/fast-loop.ts';
import { shapeOfNetwork, weightsOf } from '../../training/loop/fine-tuning.ts';
import { type FitOptions, type FitResult, fitNetwork } from '../../training/loop/fit.ts';
import type { FitSettings } from '../../training/loop/fit-settings.ts';
import { Kernels } from '../../training/loop/kernels.ts';
import { freeState, zeroState } from '../../training/loop/lstm-steps.ts';
import { initialWeights, setWeights, stockModel, swapGates } from '../../training/loop/network.ts';
import { loadTensorFlow } from '../../training/loop/tensorflow.ts';
import { NgramModel } from '../../training/metrics/ngram-model.ts';
import { presets } from '../../training/presets/presets.ts';
import { randomNetwork } from '../random-network.ts';
import { corpusOf, madeUpText } from './text.ts';

const tf = loadTensorFlow();
const kernels = new Kernels(tf);

const teacher = (vocabulary: number, seed: number, embedding?: number): Network =>
  randomNetwork({
    vocabulary,
    embedding,
    layers: [
      { kind: 'lstm', units: 9 },
      { kind: 'lstm', units: 6 },
    ],
    seed,
  });

/** Time-major [length * batch] to rows of sequences [batch, length]. */
const bySequence = ({ batch, length }: TrainingChunk, ids: Int32Array): number[][] =>
  Array.from({ length: batch }, (_, b) => Array.from({ length }, (_, t) => ids[t * batch + b]!));

/** What stock tf.layers expects after every character: [batch, length, vocabulary]. */
const stockProbabilities = (network: Network, chunk: TrainingChunk): number[][][] =>
  tf.tidy(() => {
    const shape = shapeOfNetwork(network);
    const model = stockModel(tf, shape);
    setWeights(tf, model, weightsOf(network));
    const ids = tf.tensor2d(bySequence(chunk, chunk.inputs), undefined, 'int32');
    const fed = shape.embedding > 0 ? ids : tf.oneHot(ids, shape.vocabulary);
    const values = (model.predict(fed) as import('@tensorflow/tfjs').Tensor3D).arraySync();
    model.dispose();
    return values;
  });

test('targets and gradients are those of stock tf.layers', () => {
  const vocabulary = 11;
  const [batch, length, own] = [4, 7, 3];
  const drawn = (seed: number) =>
    Int32Array.from({ length: batch * length }, (_, at) => (at * at * seed + at) % vocabulary);
  const chunk: TrainingChunk = {
    ...{ batch, length, own, inputs: drawn(3), targets: drawn(5), begins: new Uint8Array(batch).fill(1) },
    places: Float64Array.of(40, 5, 90, 3),
  };
  const networks = [teacher(vocabulary, 1), teacher(vocabulary, 2, 5)];
  const live = kernels.live;
  const text = Uint8Array.from({ length: 100 }, (_, at) => (at * at) % vocabulary);
  const generated = text.toReversed();
  const ngrams = new NgramModel(text, vocabulary);
  const teachers = new Teachers(
    kernels,
    { networks, ngrams, generated },
    { ownCharacter: 0.3, generated: 0.4 },
  );
  const { lesson, state } = teachers.lesson(chunk, zeroState(kernels, teachers, batch));
  const targets = kernels.read(lesson.targets);

  const expected = networks.map((network) => stockProbabilities(network, chunk));
  const expectedByNgrams = new NgramTeacher(ngrams, generated).probabilities(chunk);
  const wanted = Array.from({ length: batch }, (_, b) =>
    Array.from({ length }, (_, t) =>
      Array.from({ length: vocabulary }, (_, id) => {
        const byNgrams = expectedByNgrams[(t * batch + b) * vocabulary + id]!;
        const mean = (expected[0]![b]![t]![id]! + expected[1]![b]![t]![id]! + byNgrams) / 3;
        const share = b < own ? 0.3 : 0;
        return share * Number(chunk.targets[t * batch + b] === id) + (1 - share) * mean;
      }),
    ),
  );
  for (const [b, rows] of wanted.entries())
    for (const [t, row] of rows.entries())
      for (const [id, value] of row.entries())
        expect(targets[(t * batch + b) * vocabulary + id]).toBeCloseTo(value, 5);

  const shape = { vocabulary, embedding: 0, units: [8] };
  const weights = initialWeights(kernels, shape, 7);
  const handles = weights.map(swapGates).map(({ values, shape: size }) => kernels.floats(values, size));
  const result = new FastLoop(kernels, shape).gradients(
    handles,
    chunk,
    zeroState(kernels, shape, batch),
    noDropout,
    1,
    lesson,
  );
  const stock = tf.tidy(() => {
    const model = stockModel(tf, shape);
    setWeights(tf, model, weights);
    const fed = tf.oneHot(tf.tensor2d(bySequence(chunk, chunk.inputs), undefined, 'int32'), vocabulary);
    const loss = () =>
      tf.metrics
        .categoricalCrossentropy(tf.tensor3d(wanted), model.apply(fed, { training: true }) as never)
        .mean();
    const { grads } = tf.variableGrads(loss as () => import('@tensorflow/tfjs').Scalar);
    const found = model.weights.map((weight) => {
      const { name } = (weight as unknown as { val: { name: string } }).val;
      return grads[name]!.dataSync();
    });
    const probabilities = (model.predict(fed) as import('@tensorflow/tfjs').Tensor3D).arraySync();
    model.dispose();
    return { found, probabilities };
  });
  for (const [index, { name, shape: size }] of weights.entries()) {
    const { values } = swapGates({ name, shape: size, values: kernels.read(result.gradients[index]!) });
    const largest = Math.max(...stock.found[index]!.map(Math.abs));
    for (const [at, value] of values.entries())
      expect(Math.abs(value - stock.found[index]![at]!) / largest, name).toBeLessThan(1e-4);
  }
  // The loss that is reported is that of the characters of the text's own streams.
  let sum = 0;
  for (let b = 0; b < own; b++)
    for (let t = 0; t < length; t++)
      sum -= Math.log(stock.probabilities[b]![t]![chunk.targets[t * batch + b]!]!);
  expect(result.loss).toBeCloseTo(sum / (own * length), 4);

  freeState(kernels, [...state, ...result.state]);
  kernels.free(lesson.targets, ...handles, ...result.gradients);
  teachers.dispose();
  expect(kernels.live).toBe(live);
});

describe('a training with teachers', () => {
  const corpus = corpusOf(madeUpText(600));
  const { alphabet } = corpus;
  const plain: FitSettings = taught({
    ...presets.tiny,
    ...{ units: [12], batch: 8, length: 16, epochs: 2, leastSteps: 1 },
    optimiser: { ...presets.standard.optimiser, averaging: 0.99 },
  });
  const networks = [1, 2].map((seed) => ({ network: teacher(alphabet.length, seed), alphabet }));

  test.each([
    ['networks', networks, plain],
    ['an n-gram model', [], { ...plain, distillation: { ...plain.distillation!, ngrams: true } }],
  ])(
    'ends with the same bits where it was interrupted, and leaves no tensor: %s',
    async (_, teachers, settings) => {
      const teaching = await teach(teachers, corpus, settings, () => undefined);
      const run = async (options: FitOptions): Promise<FitResult> => {
        const fitting = fitNetwork(kernels, corpus, settings, { teaching, ...options });
        let next = await fitting.next();
        while (next.done !== true) next = await fitting.next();
        return next.value;
      };

      const live = kernels.live;
      const whole = await run({});
      const stop = new AbortController();
      let saved: FitState | undefined;
      const save = (state: FitState) => {
        saved = decodeCheckpoint(encodeCheckpoint(state, {}), {});
        if (state.position === Math.floor(whole.steps / 2)) stop.abort();
        return Promise.resolve({ key: 'none', bytes: 0 });
      };
      expect((await run({ signal: stop.signal, saveEvery: 0, save })).reason).toBe('interrupted');
      const resumed = await run({ from: saved });
      expect(resumed.steps).toBe(whole.steps);
      expect(resumed.weights.map(({ values }) => values)).toEqual(whole.weights.map(({ values }) => values));
      expect(kernels.live).toBe(live);
    },
  );
});
