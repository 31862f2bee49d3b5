import type { Ids } from '../corpus/encoder.ts';
import { mulberry32 } from './random.ts';

/** Streams side by side, time-major: value `t * batch + b` is stream b at step t. */
export interface Chunk {
  readonly batch: number;
  readonly length: number;
  readonly inputs: Int32Array; // [length * batch]
  readonly targets: Int32Array; // [length * batch], each the character after its input
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
  readonly seed: number;
}

/**
 * Where each chunk of an epoch lies in the text. With carried state, `batch` streams run side by side over the text
 * as a ring, which starts elsewhere each epoch; otherwise windows in random order. The same settings give the same
 * chunks, so that a place in a training is an epoch and a step, no more.
 */
export class Chunks {
  readonly #text: Ids;
  readonly #settings: ChunkSettings;
  readonly batch: number;
  readonly length: number;
  readonly perEpoch: number;
  #epoch = -1;
  #offset = 0;
  #order = new Int32Array(0);

  constructor(text: Ids, settings: ChunkSettings) {
    this.#text = text;
    this.#settings = settings;
    this.length = Math.min(settings.length, Math.max(1, Math.floor(text.length / 4)));
    this.batch = Math.max(1, Math.min(settings.batch, Math.floor(text.length / (this.length + 1))));
    const perPass = Math.max(1, Math.floor((text.length - 1) / (this.batch * this.length)));
    this.perEpoch = perPass * Math.max(1, Math.ceil((settings.leastSteps ?? 1) / perPass));
  }

  /** @param epoch From 0. @param step Of the epoch, 0 .. perEpoch-1. */
  at(epoch: number, step: number): Chunk {
    this.#turnTo(epoch);
    const { batch, length } = this;
    const text = this.#text;
    const inputs = new Int32Array(batch * length);
    const targets = new Int32Array(batch * length);
    const stream = Math.floor(text.length / batch);
    for (let b = 0; b < batch; b += 1) {
      const start = this.#settings.carryState
        ? this.#offset + b * stream + step * length
        : (this.#offset % length) + this.#order[step * batch + b]! * length;
      for (let t = 0; t < length; t += 1) {
        inputs[t * batch + b] = text[(start + t) % text.length]!;
        targets[t * batch + b] = text[(start + t + 1) % text.length]!;
      }
    }
    return { batch, length, inputs, targets };
  }

  #turnTo(epoch: number): void {
    if (epoch === this.#epoch) return;
    const draw = mulberry32(Math.imul(this.#settings.seed, 0x9e3779b1) + epoch);
    this.#epoch = epoch;
    this.#offset = Math.floor(draw() * this.#text.length);
    if (this.#settings.carryState) return;
    const order = Int32Array.from({ length: this.perEpoch * this.batch }, (_, index) => index);
    for (let at = order.length - 1; at > 0; at -= 1) {
      const other = Math.floor(draw() * (at + 1));
      [order[at], order[other]] = [order[other]!, order[at]!];
    }
    this.#order = order;
  }
}
