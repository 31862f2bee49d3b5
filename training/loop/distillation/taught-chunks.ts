import type { Ids } from '../../corpus/encoder.ts';
import { type ChunkSettings, Chunks, type TrainingChunk } from '../chunks.ts';

/** Streams side by side that read the text itself, and those that read what teachers wrote: one of each at least. */
export const shareStreams = (batch: number, share: number): { own: number; generated: number } => {
  const generated = Math.max(1, Math.round(share * batch));
  return { own: Math.max(1, batch - generated), generated };
};

/**
 * The streams of a training with teachers: the first ones read the text itself, the others what the teachers wrote. An
 * epoch is one pass over the text itself.
 */
export class TaughtChunks {
  readonly #own: Chunks;
  readonly #generated: Chunks;
  readonly batch: number;
  readonly length: number;
  readonly perEpoch: number;

  /** @param share Of the streams that read `generated`. @param lineStart As for `Chunks`. */
  constructor(text: Ids, generated: Ids, settings: ChunkSettings, share: number, lineStart?: number) {
    const streams = shareStreams(settings.batch, share);
    this.#own = new Chunks(text, { ...settings, batch: streams.own }, lineStart);
    this.length = this.#own.length;
    this.perEpoch = this.#own.perEpoch;
    const alike = {
      batch: streams.generated,
      length: this.length,
      carryState: settings.carryState,
      seed: settings.seed,
    };
    const { perEpoch } = new Chunks(generated, { ...alike, epochs: 1 }, lineStart);
    const epochs = Math.ceil((this.perEpoch * settings.epochs) / perEpoch);
    this.#generated = new Chunks(generated, { ...alike, epochs }, lineStart);
    this.batch = this.#own.batch + this.#generated.batch;
  }

  /** @param epoch From 0. @param step Of the epoch, 0 .. perEpoch-1. */
  at(epoch: number, step: number): TrainingChunk {
    const position = epoch * this.perEpoch + step;
    const { perEpoch } = this.#generated;
    const own = this.#own.at(epoch, step);
    const other = this.#generated.at(Math.floor(position / perEpoch), position % perEpoch);
    return {
      batch: this.batch,
      length: this.length,
      inputs: this.#join(own.inputs, other.inputs),
      targets: this.#join(own.targets, other.targets),
      places: Float64Array.of(...own.places, ...other.places),
      begins: Uint8Array.of(...own.begins, ...other.begins),
      own: own.batch,
    };
  }

  /** Time-major: each step's streams of the text, then the others. */
  #join(own: Int32Array, other: Int32Array): Int32Array {
    const joined = new Int32Array(this.length * this.batch);
    const [left, right] = [this.#own.batch, this.#generated.batch];
    for (let t = 0; t < this.length; t++) {
      joined.set(own.subarray(t * left, (t + 1) * left), t * this.batch);
      joined.set(other.subarray(t * right, (t + 1) * right), t * this.batch + left);
    }
    return joined;
  }
}
