import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chunks } from '../../../training/loop/chunks.ts';

const counting = (length: number): Uint16Array => Uint16Array.from({ length }, (_, at) => at);
const settings = { batch: 4, length: 8, carryState: true, epochs: 1, seed: 3 };

/** What stream b is fed at each step of a chunk. */
const fed = (chunks: Chunks, epoch: number, step: number, b: number): number[] => {
  const { batch, inputs } = chunks.at(epoch, step);
  return [...inputs].filter((_, at) => at % batch === b);
};

test('with carried state a stream goes on where its chunk before ended', () => {
  const chunks = new Chunks(counting(500), settings);
  expect(chunks.perEpoch).toBe(15);
  for (let b = 0; b < 4; b += 1) {
    const [before, after] = [fed(chunks, 0, 6, b), fed(chunks, 0, 7, b)];
    expect(after[0]).toBe((before.at(-1)! + 1) % 500);
  }
});

test('an epoch with carried state feeds no character twice, and nearly all', () => {
  const chunks = new Chunks(counting(500), settings);
  const seen = Array.from({ length: chunks.perEpoch }, (_, step) => [...chunks.at(2, step).inputs]).flat();
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.length).toBe(480);
});

test('epochs start elsewhere, and the same place gives the same chunk whatever was asked for before', () => {
  const chunks = new Chunks(counting(500), settings);
  const first = chunks.at(0, 0);
  expect(chunks.at(1, 0).inputs).not.toEqual(first.inputs);
  expect(chunks.at(0, 0)).toEqual(first);
  expect(new Chunks(counting(500), settings).at(0, 0)).toEqual(first);
});

test('without carried state windows come in random order, each once', () => {
  const chunks = new Chunks(counting(500), { ...settings, carryState: false });
  const starts = Array.from({ length: chunks.perEpoch }, (_, step) =>
    [0, 1, 2, 3].map((b) => fed(chunks, 0, step, b)[0]!),
  ).flat();
  expect(new Set(starts).size).toBe(starts.length);
  expect(starts.toSorted((a, b) => a - b)).not.toEqual(starts);
});

test('a target is the character after its input, in texts of any length', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 400 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 50 }),
      (size, batch, length, carryState, leastSteps) => {
        const chunks = new Chunks(counting(size), {
          batch,
          length,
          carryState,
          leastSteps,
          epochs: 1,
          seed: 1,
        });
        expect(chunks.perEpoch).toBeGreaterThanOrEqual(leastSteps);
        const { inputs, targets } = chunks.at(1, chunks.perEpoch - 1);
        expect(inputs.length).toBe(chunks.batch * chunks.length);
        for (const [at, id] of inputs.entries()) expect(targets[at]).toBe((id + 1) % size);
      },
    ),
  );
});
