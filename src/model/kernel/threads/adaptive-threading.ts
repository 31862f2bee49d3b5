const STEPS = 32; // of a window, unless it lasts long
const MILLISECONDS = 2; // after which a window ends
const WARM_UP = 2; // windows in which workers compile what they run
const FADING = 0.75; // what earlier comparisons weigh at each new one
const CLEARLY = 0.95; // what all threads may take of one thread's time where they are to be used
const MOST = 3; // times as fast that either way may look in one comparison: more is chance
const FEWEST = 32; // windows between two comparisons of which none costs anything
const LOST = 0.02; // of the time, at most, to finding out whether the other way is faster
const ADVANCE = 4; // ms that all threads may lose when they have just been chosen
const CREDIT = 30; // ms that they may lose when they have gained as much before

/**
 * Whether several threads are faster than one, by the clock. A worker that the system has put aside in the middle of
 * its work holds up all the others, so on a machine that is busy with other things one thread does better, and
 * trying that out must cost next to nothing.
 *
 * What else runs changes from one moment to the next, so only neighbours are compared: a window of a few steps in the one
 * way with the windows before and after it in the other. The more such a window loses, the longer it is until the next.
 * Comparisons seldom meet the rare, long steps in which a worker is put aside, so what all threads gain over one
 * thread is counted too, up to a limit, and what they lose is taken off. Where nothing is left, one thread goes on,
 * the longer the more was lost.
 */
export class AdaptiveThreading {
  #usually = false; // whether steps outside of comparisons are for all threads
  #comparing = false;
  #steps = 0; // of this window
  #milliseconds = 0;
  #sequences = 0;
  #helped = false; // whether a worker took part in it
  #warmUp = WARM_UP; // windows with workers that are left of it
  #interval = 1; // windows between two comparisons
  #wait = 1; // windows until the next
  #before = 0; // ms a sequence in the window before this one
  #compared = 0; // ms a sequence in the window that was compared last, if it is to be judged
  #alone = 0; // ms a sequence in all comparisons, the earlier ones fading
  #allThreads = 0;
  #comparisons = 0; // fading alike
  #credit = 0; // ms

  /** Whether the next step is for all threads. */
  get together(): boolean {
    return this.#usually !== this.#comparing;
  }

  /**
   * Records what the step took, for so many sequences.
   *
   * @param helped whether a worker took part in it
   */
  took(milliseconds: number, sequences: number, helped: boolean): void {
    this.#milliseconds += milliseconds;
    this.#sequences += sequences;
    this.#steps++;
    this.#helped ||= helped;
    if (this.#steps < STEPS && this.#milliseconds < MILLISECONDS) return;
    this.#endOfWindow(this.#milliseconds, this.#sequences, this.#helped);
    this.#steps = 0;
    this.#milliseconds = 0;
    this.#sequences = 0;
    this.#helped = false;
  }

  #endOfWindow(milliseconds: number, sequences: number, helped: boolean): void {
    const cost = milliseconds / sequences;
    if (this.#comparing) {
      this.#comparing = false;
      // Where no worker came, or they were new, it is not judged: it was about as long as one thread takes.
      if (this.#usually || (helped && this.#warmUp === 0)) this.#compared = cost;
      else this.#wait = helped ? 1 : this.#interval;
      if (helped && this.#warmUp > 0) this.#warmUp--;
      return;
    }
    if (this.#usually) this.#count((this.#alone / this.#comparisons) * sequences - milliseconds);
    if (this.#compared > 0) this.#judge((this.#before + cost) / 2, this.#compared);
    this.#compared = 0;
    this.#before = cost;
    this.#wait--;
    this.#comparing = this.#wait <= 0;
  }

  /** @param gained ms that all threads took less than one would have, in this window */
  #count(gained: number): void {
    this.#credit = Math.min(this.#credit + gained, CREDIT);
    if (this.#credit >= 0) return;
    this.#usually = false;
    this.#interval = -this.#credit / LOST / Math.min(MILLISECONDS, (STEPS * this.#alone) / this.#comparisons);
    this.#wait = this.#interval;
  }

  /** @param usual ms a sequence in the usual way, `other` in the other */
  #judge(usual: number, other: number): void {
    const most = MOST * Math.min(usual, other);
    const [allThreads, alone] = this.#usually ? [usual, other] : [other, usual];
    this.#allThreads = FADING * this.#allThreads + Math.min(allThreads, most);
    this.#alone = FADING * this.#alone + Math.min(alone, most);
    this.#comparisons = FADING * this.#comparisons + 1;
    const ratio = this.#allThreads / this.#alone;
    const better = ratio < (this.#usually ? 1 : CLEARLY);
    if (better === this.#usually) {
      const lost = Math.max(other / usual, better ? 1 / ratio : ratio) - 1;
      this.#interval = Math.max(Math.min(2 * this.#interval, FEWEST), lost / LOST);
    } else {
      this.#usually = better;
      this.#credit = ADVANCE;
      this.#interval = 2;
    }
    this.#wait = this.#interval;
  }
}
