const ALONE = 64; // steps that show what a sequence costs alone
const FIRST = 32; // steps together after which that is compared
const MOST = 256; // the same while it goes well
const REMEMBERED = 16_384; // steps together after which the cost alone is measured anew
const REPAID = 32; // what a trial lost may be at most this part of the time alone that follows

/**
 * Whether several threads are faster than one, by the clock. A worker that the system has put aside in the middle of
 * its work holds up all the others, so on a machine that is busy with other things one thread does better; trying
 * that out must cost next to nothing. So a trial ends as soon as it has lost as much as it could have taken, and the
 * next follows when the loss is no more than 3 % of the time since.
 */
export class AdaptiveThreading {
  #together = false;
  #left = ALONE; // steps until costs are compared
  #window = FIRST; // steps together between two comparisons
  #milliseconds = 0;
  #sequences = 0;
  #alone = 0; // ms a sequence
  #debt = 0; // ms alone before the next trial
  #remembered = 0; // steps together since `#alone` was measured

  /** Whether the next step is for all threads. */
  get together(): boolean {
    return this.#together;
  }

  /** Records what the step took, for so many sequences. */
  took(milliseconds: number, sequences: number): void {
    this.#milliseconds += milliseconds;
    this.#sequences += sequences;
    this.#left--;
    if (this.#together) this.#tookTogether(sequences);
    else if (this.#left <= 0) this.#tookAlone();
  }

  #tookAlone(): void {
    this.#alone = this.#milliseconds / this.#sequences;
    this.#debt -= this.#milliseconds;
    if (this.#debt > 0) this.#measure(false, ALONE);
    else {
      this.#remembered = 0;
      this.#measure(true, this.#window);
    }
  }

  #tookTogether(sequences: number): void {
    this.#remembered++;
    const lost = this.#milliseconds - this.#alone * this.#sequences;
    if (lost > this.#alone * sequences * this.#window || (this.#left <= 0 && lost > 0)) {
      this.#window = FIRST;
      this.#debt = REPAID * lost;
      this.#measure(false, ALONE);
    } else if (this.#left <= 0) {
      this.#window = Math.min(MOST, 2 * this.#window);
      if (this.#remembered < REMEMBERED) this.#measure(true, this.#window);
      else this.#measure(false, ALONE);
    }
  }

  #measure(together: boolean, steps: number): void {
    this.#together = together;
    this.#left = steps;
    this.#milliseconds = 0;
    this.#sequences = 0;
  }
}
