import { FolioError } from '../../errors.ts';
import type { Stepper } from '../stepper.ts';
import { now } from './clock.ts';

/** Something that is fed one character a step: a prompt being read, a text being written or scored. */
export interface ScheduledSequence {
  readonly slot: number;
  /** The character to feed next. */
  readonly id: number;
  /** False while its output is not read. */
  readonly isReady: boolean;
  /** @param logits [vocabulary], after `id`; overwritten by the next step. @returns Whether it goes on */
  take(logits: Float32Array): boolean;
  /** Ends the stream with an error. */
  fail(error: unknown): void;
}

/** Milliseconds of work between two looks at the rest of the world. */
const SLICE = 3;

/** Streams that share one reading of the weights. */
const MOST_TOGETHER = 64;

/**
 * Advances all streams of one model together, a character each in turn, and lets the host's event loop run between
 * slices of a few milliseconds.
 */
export class Scheduler {
  readonly #stepper: Stepper;
  readonly #streams = new Set<ScheduledSequence>();
  /** Those that are advanced now, with the stepper's arguments: arrays kept from step to step. */
  readonly #ready: ScheduledSequence[] = [];
  readonly #slots: number[] = [];
  readonly #ids: number[] = [];
  #running = false;
  #wanted = false;
  #disposed = false;

  constructor(stepper: Stepper) {
    this.#stepper = stepper;
  }

  add(stream: ScheduledSequence): void {
    if (this.#disposed) stream.fail(gone());
    else {
      this.#streams.add(stream);
      this.resume();
    }
  }

  remove(stream: ScheduledSequence): void {
    this.#streams.delete(stream);
  }

  /** To be called when a stream has become ready. */
  resume(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  /** A reader waits for what has just been made: the slice ends early. */
  yieldSoon(): void {
    this.#wanted = true;
  }

  dispose(): void {
    this.#disposed = true;
    for (const stream of this.#streams) stream.fail(gone());
    this.#streams.clear();
  }

  async #run(): Promise<void> {
    // The caller may add more before the first step.
    await undefined;
    for (;;) {
      const end = now() + SLICE;
      this.#wanted = false;
      do {
        if (!this.#advance()) {
          this.#running = false;
          return;
        }
      } while (!this.#wanted && now() < end);
      await turn();
    }
  }

  /** One character for every stream that is ready. @returns Whether there was any */
  #advance(): boolean {
    const ready = this.#ready;
    ready.length = 0;
    for (const stream of this.#streams) if (stream.isReady) ready.push(stream);
    for (let from = 0; from < ready.length; from += MOST_TOGETHER) {
      this.#step(ready, from, Math.min(ready.length, from + MOST_TOGETHER));
    }
    return ready.length > 0;
  }

  #step(ready: readonly ScheduledSequence[], from: number, to: number): void {
    const { vocabulary } = this.#stepper;
    const slots = this.#slots;
    const ids = this.#ids;
    slots.length = ids.length = to - from;
    for (let i = from; i < to; i++) {
      slots[i - from] = ready[i]!.slot;
      ids[i - from] = ready[i]!.id;
    }
    let rows: Float32Array;
    try {
      rows = this.#stepper.step(slots, ids);
    } catch (error) {
      for (let i = from; i < to; i++) this.#end(ready[i]!, error);
      return;
    }
    // A stream that ends may step its slot back over the others' rows.
    if (to - from > 1) rows = rows.slice();
    for (let i = from; i < to; i++) {
      const stream = ready[i]!;
      if (!this.#streams.has(stream)) continue;
      const row =
        to - from === 1 ? rows : rows.subarray((i - from) * vocabulary, (i - from + 1) * vocabulary);
      try {
        if (!stream.take(row)) this.#streams.delete(stream);
      } catch (error) {
        this.#end(stream, error);
      }
    }
  }

  #end(stream: ScheduledSequence, error: unknown): void {
    this.#streams.delete(stream);
    stream.fail(error);
  }
}

const gone = (): FolioError => new FolioError('unavailable', 'The model has been disposed of.');

/** Lets everything else that is due run first: timers, sockets, rendering. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    if ('setImmediate' in globalThis) globalThis.setImmediate(resolve);
    else if ('MessageChannel' in globalThis) {
      // A new one each time: edge runtimes tie a channel to the request that made it.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    } else setTimeout(resolve); // the last choice, since pages delay it by milliseconds
  });
