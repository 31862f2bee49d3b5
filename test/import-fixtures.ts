import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { networkOf } from '../src/import/layers-model.ts';
import { type ModelFileOptions, readModelFile } from '../src/import/read-model-file.ts';
import type { Network } from '../src/model/network.ts';
import type { Stepper } from '../src/model/stepper.ts';
import { createReferenceStepper } from './oracles/reference-stepper.ts';

/** What the library that made a model computed with it. */
export interface Expected {
  readonly ids: readonly number[];
  readonly logits: readonly (readonly number[])[];
}

/** Reads a model with the files beside it. */
export const readModel = async (
  folder: string,
  file: string,
  options: Partial<ModelFileOptions> = {},
): Promise<Network> => {
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
  const beside = (name: string): Uint8Array | undefined =>
    existsSync(join(folder, name)) ? read(name) : undefined;
  const config = file.endsWith('.weights.h5') ? beside('config.json') : undefined;
  const sibling = (name: string) => Promise.resolve(beside(name));
  return networkOf(await readModelFile(read(file), { name: file, config, sibling, ...options }));
};

export const readExpected = (folder: string): Expected =>
  JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));

/** How far a network's logits are from what is expected, at worst over all steps. A masked id gives the step before once more. */
export const worstDifference = (
  network: Network,
  { ids, logits }: Expected,
  create: (network: Network) => Stepper = createReferenceStepper,
): number => {
  const stepper = create(network);
  const slot = stepper.open();
  let row: ArrayLike<number> = network.output.bias;
  let worst = 0;
  ids.forEach((id, step) => {
    if (!(network.maskZero && id === 0)) row = stepper.step([slot], [id]).slice();
    logits[step]!.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - row[i]!) || (value === row[i] ? 0 : Number.POSITIVE_INFINITY));
    });
  });
  return worst;
};

/** A charRNN as ml5 publishes it, with one layer of two units over three characters. */
export const ml5Model = () => {
  const units = 2;
  const shapes: Record<string, number[]> = {
    'rnnlm/embedding': [3, 2],
    'rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/kernel': [2 + units, 4 * units],
    'rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/bias': [4 * units],
    'rnnlm/softmax_w': [units, 3],
    'rnnlm/softmax_b': [3],
  };
  const names = Object.keys(shapes);
  const weights: Record<string, Float32Array> = Object.fromEntries(
    names.map((name, n) => {
      const length = shapes[name]!.reduce((product, size) => product * size, 1);
      return [name, Float32Array.from({ length }, (_, i) => Math.sin((10 * n + i) * 1.7) / 2)];
    }),
  );
  const manifest = Object.fromEntries(
    names.map((name, n) => [name, { filename: `weights_${n}`, shape: shapes[name] }]),
  );
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const files = new Map<string, Uint8Array>([
    ['manifest.json', json(manifest)],
    ['vocab.json', json({ a: 0, b: 1, c: 2 })],
    ...names.map((name, n) => [`weights_${n}`, new Uint8Array(weights[name]!.buffer)] as const),
  ]);
  return { units, weights, files };
};
