const STEPS = 32; // of a window, unless it lasts long
const MILLISECONDS = 2; // after which a window ends
const FADING = 0.75; // what earlier comparisons weigh at each new one
const CLEARLY = 0.95; // what all threads may take of one thread's time where they are to be used
const MOST = 3; // times as fast that all threads may look in one comparison: more is chance
const SELDOM = 32; // windows between two comparisons of which none costs anything

/**
 * Whether several threads are faster than one, by the clock. A worker that the system has put aside in the middle of
 * its work holds up all the others, so on a machine that is busy with other things one thread does better, and
 * trying that out must cost next to nothing. Since what else runs there changes from one moment to the next, only
 * neighbours are compared: a window of a few steps in the one way with the windows before and after it in the other. The more
 * such a window loses, the longer it is until the next, so that they lose 3 % at most.
 */
export class AdaptiveThreading {
  #usually = false; // whether steps outside of comparisons are for all threads
  #comparing = false;
  #steps = 0; // of this window
  #milliseconds = 0;
  #sequences = 0;
  #interval = 1; // windows between two comparisons
  #wait = 1; // windows until the next
  #before = 0; // ms a sequence in the window before this one
  #compared = 0; // ms a sequence in the window that was compared last, if it is to be judged
  #alone = 0; // ms a sequence in all comparisons, the earlier ones fading
  #allThreads = 0;

  /** Whether the next step is for all threads. */
  get together(): boolean {
    return this.#usually !== this.#comparing;
  }

  /** Records what the step took, for so many sequences. */
  took(milliseconds: number, sequences: number): void {
    this.#milliseconds += milliseconds;
    this.#sequences += sequences;
    this.#steps++;
    if (this.#steps < STEPS && this.#milliseconds < MILLISECONDS) return;
    const cost = this.#milliseconds / this.#sequences;
    this.#steps = 0;
    this.#milliseconds = 0;
    this.#sequences = 0;
    if (this.#comparing) {
      this.#compared = cost;
      this.#comparing = false;
      return;
    }
    if (this.#compared > 0) this.#judge((this.#before + cost) / 2, this.#compared);
    this.#compared = 0;
    this.#before = cost;
    this.#wait--;
    this.#comparing = this.#wait <= 0;
  }

  /** @param usual ms a sequence in the usual way, `other` in the other */
  #judge(usual: number, other: number): void {
    const allThreads = this.#usually ? usual : other;
    const alone = Math.min(this.#usually ? other : usual, MOST * allThreads);
    this.#alone = FADING * this.#alone + alone;
    this.#allThreads = FADING * this.#allThreads + allThreads;
    const ratio = this.#allThreads / this.#alone;
    const better = ratio < (this.#usually ? 1 : CLEARLY);
    if (better === this.#usually) {
      const lost = Math.max(other / usual, better ? 1 / ratio : ratio) - 1;
      this.#interval = Math.max(Math.min(2 * this.#interval, SELDOM), SELDOM * lost);
    } else {
      this.#usually = better;
      this.#interval = 2;
    }
    this.#wait = this.#interval;
  }
}
