import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Chunks } from '../../../training/loop/chunks.ts';

const NEWLINE = 0;

/** Text of lines with these lengths; every character but the newlines has an id of its own. */
const linesOf = (lengths: readonly number[]): Uint16Array => {
  let next = 1;
  return Uint16Array.from(lengths.flatMap((length) => [...Array.from({ length }, () => next++), NEWLINE]));
};

/** Id that stream b is fed first at each step, and the steps at which it begins anew. */
const followed = (chunks: Chunks, epoch: number, b: number) =>
  Array.from({ length: chunks.perEpoch }, (_, step) => {
    const { batch, inputs, begins } = chunks.at(epoch, step);
    return {
      first: inputs[b]!,
      last: inputs[inputs.length - batch + b]!,
      begins: begins[b] === 1,
    };
  });

const lines = linesOf(Array.from({ length: 300 }, (_, at) => 3 + ((at * 7) % 11)));
const settings = { batch: 4, length: 8, carryState: true, epochs: 2, seed: 3 };

describe('streams with carried state', () => {
  const chunks = new Chunks(lines, settings, NEWLINE);

  test('begin anew at a newline, every fifth chunk, in turns', () => {
    for (let b = 0; b < 4; b += 1) {
      const steps = followed(chunks, 0, b);
      const beginnings = steps.flatMap(({ begins }, step) => (begins ? [step] : []));
      expect(beginnings[0]).toBe(0);
      expect(beginnings[1]).toBe(5 - b);
      expect(new Set(beginnings.slice(2).map((step, at) => step - beginnings[at + 1]!))).toEqual(
        new Set([5]),
      );
      for (const step of beginnings) expect(steps[step]!.first).toBe(NEWLINE);
    }
  });

  test('go on where the chunk before ended in between', () => {
    const text = [...lines];
    for (const [step, { begins, first }] of followed(chunks, 1, 2).entries()) {
      const { last } = followed(chunks, 1, 2)[step - 1] ?? {};
      if (begins || last === undefined || last === NEWLINE) continue;
      expect(first).toBe(text[(text.indexOf(last) + 1) % text.length]);
    }
  });

  test('take lines of any length, not those alone that follow a long one', () => {
    // Every second line is long: the very next newline after a random place ends a long line nineteen times in twenty.
    const text = linesOf(Array.from({ length: 400 }, (_, at) => (at % 2 === 0 ? 38 : 2)));
    const many = new Chunks(text, { ...settings, batch: 8, epochs: 4 }, NEWLINE);
    const counts = { afterLong: 0, afterShort: 0 };
    for (let epoch = 0; epoch < 4; epoch += 1) {
      for (let step = 0; step < many.perEpoch; step += 1) {
        const { batch, inputs, begins } = many.at(epoch, step);
        for (let b = 0; b < batch; b += 1) {
          if (begins[b] !== 1) continue;
          const next = text.indexOf(inputs[batch + b]!); // the line's first character
          counts[text[next + 3] === NEWLINE || text[next + 2] === NEWLINE ? 'afterLong' : 'afterShort'] += 1;
        }
      }
    }
    const share = counts.afterShort / (counts.afterLong + counts.afterShort);
    expect(share).toBeGreaterThan(0.35);
    expect(share).toBeLessThan(0.65);
  });

  test('see about 4,000 beginnings in a long training', () => {
    const text = linesOf(Array.from({ length: 6000 }, () => 9));
    const long = new Chunks(text, { ...settings, batch: 16, length: 16, epochs: 40 }, NEWLINE);
    let beginnings = 0;
    for (let step = 0; step < long.perEpoch; step += 1) {
      beginnings += long.at(0, step).begins.reduce((sum, begin) => sum + begin, 0);
    }
    expect(40 * beginnings).toBeGreaterThan(4000);
    expect(40 * beginnings).toBeLessThan(10_000);
  });

  test('carry on where no newline is near, and read long lines to their ends', () => {
    const text = linesOf([5, 3000, 2, 1000]);
    const far = new Chunks(text, { ...settings, epochs: 20 }, NEWLINE);
    const seen = new Set<number>();
    let beginnings = 0;
    for (let epoch = 0; epoch < 20; epoch += 1) {
      for (let step = 0; step < far.perEpoch; step += 1) {
        const { begins, inputs } = far.at(epoch, step);
        for (const id of inputs) seen.add(id);
        if (step > 0) beginnings += begins.reduce((sum, begin) => sum + begin, 0);
      }
    }
    expect(seen.size).toBe(new Set(text).size);
    expect(beginnings).toBeGreaterThan(20); // of about 2,000 chances
    expect(beginnings).toBeLessThan(200);
  });

  test('start an epoch from zeros, and no more, in a text without lines', () => {
    const none = new Chunks(linesOf([2000]), settings);
    for (let b = 0; b < 4; b += 1)
      expect(followed(none, 0, b).flatMap(({ begins }, step) => (begins ? [step] : []))).toEqual([0]);
  });

  test('follow from seed, epoch and step, whatever was asked for before', () => {
    fc.assert(
      fc.property(fc.nat(3), fc.nat(chunks.perEpoch - 1), fc.nat(5), (epoch, step, seed) => {
        const [one, other] = [0, 1].map(() => new Chunks(lines, { ...settings, seed }, NEWLINE));
        one!.at(2, 0);
        expect(one!.at(epoch, step)).toEqual(other!.at(epoch, step));
      }),
      { numRuns: 30 },
    );
  });
});
