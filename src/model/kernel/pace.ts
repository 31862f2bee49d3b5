const ALONE = 64; // steps that tell what a run costs alone
const TOGETHER = 256; // steps after which that is compared
const REST = 1024; // steps alone when helpers made it slower

/**
 * Whether several threads are faster than one, by the clock: a helper that the system has put aside in the middle of
 * its runs holds up all the others, so on a machine that is busy with other things one thread does better.
 */
export class Pace {
  #together = false;
  #left = ALONE; // steps
  #milliseconds = 0;
  #runs = 0;
  #alone = 0; // ms a run

  /** Whether the next step is for all threads. */
  get together(): boolean {
    return this.#together;
  }

  /** Tells what the step took, of so many runs. */
  took(milliseconds: number, runs: number): void {
    this.#milliseconds += milliseconds;
    this.#runs += runs;
    if (--this.#left > 0) return;
    const cost = this.#milliseconds / this.#runs;
    if (!this.#together) this.#alone = cost;
    const rest = this.#together && cost > this.#alone;
    this.#together = !rest;
    this.#left = rest ? REST : TOGETHER;
    this.#milliseconds = 0;
    this.#runs = 0;
  }
}
