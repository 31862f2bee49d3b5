const ALONE = 64; // steps that show what a sequence costs alone
const TOGETHER = 256; // steps after which that is compared
const REST = 1024; // steps alone when workers made it slower

/**
 * Whether several threads are faster than one, by the clock: a worker that the system has put aside in the middle of
 * its sequences holds up all the others, so on a machine that is busy with other things one thread does better.
 */
export class AdaptiveThreading {
  #together = false;
  #left = ALONE; // steps
  #milliseconds = 0;
  #sequences = 0;
  #alone = 0; // ms a sequence

  /** Whether the next step is for all threads. */
  get together(): boolean {
    return this.#together;
  }

  /** Records what the step took, for so many sequences. */
  took(milliseconds: number, sequences: number): void {
    this.#milliseconds += milliseconds;
    this.#sequences += sequences;
    if (--this.#left > 0) return;
    const cost = this.#milliseconds / this.#sequences;
    if (!this.#together) this.#alone = cost;
    const rest = this.#together && cost > this.#alone;
    this.#together = !rest;
    this.#left = rest ? REST : TOGETHER;
    this.#milliseconds = 0;
    this.#sequences = 0;
  }
}
