import type { Stepper } from '../stepper.ts';
import type { Snapshot } from './state.ts';

/** Characters after which the base is moved up: what a rewind may have to feed again. */
const STRIDE = 16;

/**
 * The way that one sequence has come since a copy of its state was taken, so that it can be had as it was before any of
 * its latest characters without copying the state at every step.
 */
export class RewindBuffer {
  readonly #stepper: Stepper;
  readonly #slot: number;
  #base: Float32Array; // [stateLength]
  /** Characters since the base: all fed but perhaps the last. */
  #ids: number[];

  /** @param snapshot Where the sequence stands, its last character fed or about to be. */
  constructor(stepper: Stepper, slot: number, { hidden, last }: Snapshot) {
    this.#stepper = stepper;
    this.#slot = slot;
    this.#base = hidden;
    this.#ids = last === undefined ? [] : [last];
  }

  /** Characters behind the base: how far a rewind can go. */
  get length(): number {
    return this.#ids.length;
  }

  /** The next character, before it is fed. */
  push(id: number): void {
    this.#ids.push(id);
  }

  /**
   * To be called before the last character is fed, when none of those before it will be taken back.
   * @returns Whether the base was moved up
   */
  advance(): boolean {
    if (this.#ids.length <= STRIDE) return false;
    this.#base = this.#stepper.read(this.#slot);
    this.#ids = this.#ids.slice(-1);
    return true;
  }

  /** As if the last `count` characters had never come. */
  drop(count: number): void {
    this.#ids.length -= count;
  }

  /** The sequence at the end of the buffer; what was fed beyond it is undone in the slot. */
  snapshot(): Snapshot {
    this.#stepper.write(this.#slot, this.#base);
    for (const id of this.#ids.slice(0, -1)) this.#stepper.step([this.#slot], [id]);
    return { hidden: this.#stepper.read(this.#slot), last: this.#ids.at(-1) };
  }
}
