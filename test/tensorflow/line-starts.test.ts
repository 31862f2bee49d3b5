import { expect, test } from 'vitest';
import { Random } from '../../src/model/sampling/random.ts';
import { FastLoop } from '../../training/loop/fast-loop.ts';
import { fitNetwork, shapeOf } from '../../training/loop/fit.ts';
import type { FitSettings } from '../../training/loop/fit-settings.ts';
import { Kernels } from '../../training/loop/kernels.ts';
import { swapGates } from '../../training/loop/network.ts';
import { sample } from '../../training/loop/samples.ts';
import { loadTensorFlow } from '../../training/loop/tensorflow.ts';
import { presets } from '../../training/presets/presets.ts';
import { corpusOf, madeUpText } from './text.ts';

const kernels = new Kernels(loadTensorFlow());

/** Rows of a list: each line begins with a brace, which stands nowhere else. */
const rows = (): string => {
  const random = Random.fromSeed(5);
  return madeUpText(4000)
    .split(/[ .\n]+/)
    .join(' ')
    .replace(/(?:\w+ ){4}/g, (words) => `{${words}${Math.floor(10 * random.uniform())}}\n`);
};

test('a text from a fresh start begins as lines of the corpus do', async () => {
  const corpus = corpusOf(rows());
  const settings: FitSettings = { ...presets.tiny, units: [64], batch: 16 };
  const fitting = fitNetwork(kernels, corpus, settings);
  let step = await fitting.next();
  while (step.done !== true) step = await fitting.next();

  const shape = shapeOf(settings, corpus.alphabet.length);
  const loop = new FastLoop(kernels, shape);
  const weights = step.value.weights
    .map(swapGates)
    .map(({ values, shape: size }) => kernels.floats(values, size));
  const texts = Array.from({ length: 200 }, (_, seed) =>
    sample(kernels, loop, shape, weights, corpus, 1, seed).slice(0, 1),
  );
  kernels.free(...weights);
  const right = texts.filter((text) => text === '{').length;
  expect(right / texts.length).toBeGreaterThanOrEqual(0.95);
});
