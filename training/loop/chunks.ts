import { Random } from '../../src/model/sampling/random.ts';
import type { Ids } from '../corpus/encoder.ts';
import { positionsOf, StreamPlan } from './stream-plan.ts';

export interface ChunkSize {
  /** Streams. */
  readonly batch: number;
  /** Steps, a character of each stream in each. */
  readonly length: number;
}

/** Streams side by side, time-major: value `t * batch + b` is stream b at step t. */
export interface Chunk extends ChunkSize {
  readonly inputs: Int32Array; // [length * batch]
  readonly targets: Int32Array; // [length * batch], each the character after its input
}

/** A chunk in its place in a training. */
export interface TrainingChunk extends Chunk {
  /** Where each stream's first input lies in the text that it reads: [batch]. */
  readonly places: Float64Array;
  /** 1 for streams that start this chunk from a state of zeros, 0 for those that carry theirs on: [batch]. */
  readonly begins: Uint8Array;
  /** Streams, the first ones, that read the text itself; the others read what teachers wrote. */
  readonly own: number;
}

export interface ChunkSettings {
  /** Streams side by side, at most; a small text has room for fewer. */
  readonly batch: number;
  /** Characters a chunk. */
  readonly length: number;
  /** Whether a chunk goes on where the one before ended, or is any window of the text. */
  readonly carryState: boolean;
  /** Steps of an epoch at least: a text too short for them is gone through several times. Default 1. */
  readonly leastSteps?: number;
  readonly epochs: number;
  readonly seed: number;
}

/** What generation feeds before a text, the first that the alphabet has. */
const LINE_STARTS = ['\n', ' '];

/** The id that generation feeds before a text; none where the alphabet has neither newline nor space. */
export const lineStartOf = (alphabet: readonly string[]): number | undefined =>
  LINE_STARTS.map((character) => alphabet.indexOf(character)).find((id) => id >= 0);

/**
 * Where each chunk of an epoch lies in the text. With carried state, streams run side by side over the text as
 * `StreamPlan` has it; otherwise windows come in random order. The same settings give the same chunks, so that a
 * place in a training is an epoch and a step, no more.
 */
export class Chunks {
  readonly #text: Ids;
  readonly #settings: ChunkSettings;
  readonly #lineStarts: Uint32Array;
  readonly batch: number;
  readonly length: number;
  readonly perEpoch: number;
  #epoch = -1;
  #plan: StreamPlan | undefined;
  #windows = new Int32Array(0); // first characters of windows [perEpoch * batch]

  /** @param lineStart The id that generation feeds before a text, as a newline; undefined where there is none. */
  constructor(text: Ids, settings: ChunkSettings, lineStart?: number) {
    this.#text = text;
    this.#settings = settings;
    this.#lineStarts = lineStart === undefined ? new Uint32Array(0) : positionsOf(text, lineStart);
    this.length = Math.min(settings.length, Math.max(1, Math.floor(text.length / 4)));
    this.batch = Math.max(1, Math.min(settings.batch, Math.floor(text.length / (this.length + 1))));
    const perPass = Math.max(1, Math.floor((text.length - 1) / (this.batch * this.length)));
    this.perEpoch = perPass * Math.max(1, Math.ceil((settings.leastSteps ?? 1) / perPass));
  }

  /** @param epoch From 0. @param step Of the epoch, 0 .. perEpoch-1. */
  at(epoch: number, step: number): TrainingChunk {
    this.#enter(epoch);
    const { batch, length } = this;
    const text = this.#text;
    const inputs = new Int32Array(batch * length);
    const targets = new Int32Array(batch * length);
    const places = new Float64Array(batch);
    const begins = new Uint8Array(batch);
    for (let b = 0; b < batch; b += 1) {
      const start = this.#plan?.place(b, step) ?? this.#windows[step * batch + b]!;
      places[b] = start % text.length;
      begins[b] = Number(this.#plan?.begins(b, step) ?? true);
      for (let t = 0; t < length; t += 1) {
        inputs[t * batch + b] = text[(start + t) % text.length]!;
        targets[t * batch + b] = text[(start + t + 1) % text.length]!;
      }
    }
    return { batch, length, inputs, targets, places, begins, own: batch };
  }

  #enter(epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    const { batch, length, perEpoch } = this;
    const { carryState, epochs, seed } = this.#settings;
    if (carryState) {
      const settings = { batch, length, steps: perEpoch, totalSteps: perEpoch * epochs, seed };
      this.#plan = new StreamPlan(this.#text.length, this.#lineStarts, settings, epoch);
      return;
    }
    const random = Random.fromSeed(seed, epoch);
    const offset = Math.floor(random.uniform() * length);
    const windows = Int32Array.from({ length: perEpoch * batch }, (_, at) => offset + at * length);
    for (let at = windows.length - 1; at > 0; at -= 1) {
      const other = Math.floor(random.uniform() * (at + 1));
      [windows[at], windows[other]] = [windows[other]!, windows[at]!];
    }
    this.#windows = windows;
  }
}
