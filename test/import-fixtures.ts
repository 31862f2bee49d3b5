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
