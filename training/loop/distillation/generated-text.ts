import { setImmediate } from 'node:timers/promises';
import { createKernelStepper } from '../../../src/model/kernel/kernel-stepper.ts';
import type { Network } from '../../../src/model/network.ts';
import { Random } from '../../../src/model/sampling/random.ts';
import type { Ids } from '../../corpus/encoder.ts';

/** Characters of a text: long enough to be about something, short enough for many beginnings. */
export const TEXT = 4096;
/** Texts that are written side by side. */
const SIDE_BY_SIDE = 32;
/** Steps between two looks at the signal. */
const PAUSE = 64;
const LOG_EVERY = 30; // seconds

/**
 * What networks write together, by the mean of their probabilities at temperature 1: texts of some 4,000 characters,
 * each from a state of zeros that is fed `lineStart`, which is its first character; one after the other. In int8, which
 * writes as well, faster and the same on every machine.
 *
 * @param networks Of one vocabulary.
 * @param least Characters at least.
 * @param log Called with a line every half a minute.
 * @returns Ids [characters], the same for the same seed; none where the signal says stop.
 */
export const generateText = async (
  networks: readonly Network[],
  lineStart: number,
  least: number,
  seed: number,
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<Ids | undefined> => {
  const steppers = networks.map((network) => createKernelStepper(network, 'int8'));
  const slots = steppers.map((stepper) => Array.from({ length: SIDE_BY_SIDE }, () => stepper.open()));
  const vocabulary = steppers[0]!.vocabulary;
  const count = SIDE_BY_SIDE * Math.ceil(least / (SIDE_BY_SIDE * TEXT));
  const text = emptyText(count * TEXT, vocabulary);
  const sums = new Float64Array(vocabulary);
  let loggedAt = performance.now();
  for (let first = 0; first < count; first += SIDE_BY_SIDE) {
    const random = Random.fromSeed(seed, first);
    const ids = new Array<number>(SIDE_BY_SIDE).fill(lineStart);
    for (const [index, stepper] of steppers.entries())
      for (const slot of slots[index]!) stepper.write(slot, new Float32Array(stepper.stateLength));
    for (let at = 0; at < TEXT; at++) {
      for (const [row, id] of ids.entries()) text[(first + row) * TEXT + at] = id;
      const logits = steppers.map((stepper, index) => stepper.step(slots[index]!, ids));
      for (let row = 0; row < SIDE_BY_SIDE; row++) {
        sums.fill(0);
        for (const rows of logits) addProbabilities(rows, row * vocabulary, sums);
        ids[row] = pick(sums, random.uniform() * steppers.length);
      }
      if (at % PAUSE === 0) await setImmediate();
      if (performance.now() - loggedAt > LOG_EVERY * 1000) {
        loggedAt = performance.now();
        const written = first * TEXT + at * SIDE_BY_SIDE;
        log(`The teachers have written ${Math.floor((100 * written) / text.length)} % of it.`);
      }
      if (signal?.aborted === true) return undefined;
    }
  }
  return text;
};

/** Room for so many ids. */
export const emptyText = (characters: number, vocabulary: number): Ids =>
  vocabulary > 256 ? new Uint16Array(characters) : new Uint8Array(characters);

/** Adds the softmax of the logits from `from` on. */
const addProbabilities = (logits: Float32Array, from: number, sums: Float64Array): void => {
  let max = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < sums.length; id++) max = Math.max(max, logits[from + id]!);
  let total = 0;
  for (let id = 0; id < sums.length; id++) total += Math.exp(logits[from + id]! - max);
  for (let id = 0; id < sums.length; id++) sums[id]! += Math.exp(logits[from + id]! - max) / total;
};

/** The id at which the running sum of probabilities passes `drawn`. */
const pick = (sums: Float64Array, drawn: number): number => {
  let left = drawn;
  for (let id = 0; id < sums.length; id++) {
    left -= sums[id]!;
    if (left < 0) return id;
  }
  return sums.indexOf(Math.max(...sums)); // the sum fell short by rounding
};
