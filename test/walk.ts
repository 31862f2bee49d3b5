import { expect } from 'vitest';
import type { Stepper } from '../src/model/stepper.ts';
import { numbers } from './random-network.ts';

/** Feeds the same random characters to the same number of runs of each stepper, and compares logits after each step. */
export const walk = (
  steppers: readonly Stepper[],
  { steps, n, seed }: { steps: number; n: number; seed: number },
  compare: (logits: readonly Float32Array[], step: number) => void,
): void => {
  const next = numbers(seed);
  const vocabulary = steppers[0]!.vocabulary;
  const slots = steppers.map((stepper) => Array.from({ length: n }, () => stepper.open()));
  for (let step = 0; step < steps; step++) {
    const ids = Array.from({ length: n }, () => Math.floor(next() * vocabulary));
    compare(
      steppers.map((stepper, i) => stepper.step(slots[i]!, ids)),
      step,
    );
  }
};

export const bitsOf = (values: Float32Array): Int32Array =>
  new Int32Array(values.buffer, values.byteOffset, values.length);

/** To be given to `walk`: the first stepper's logits are what the others' should be, not-a-number aside. */
export const expectSameBits = ([first, ...others]: readonly Float32Array[], step: number): void => {
  for (const other of others) {
    const at = bitsOf(other).findIndex((bits, i) => bits !== bitsOf(first!)[i] && !Number.isNaN(first![i]));
    if (at >= 0) expect.fail(`step ${step}, logit ${at}: ${first![at]} and ${other[at]}`);
  }
};
