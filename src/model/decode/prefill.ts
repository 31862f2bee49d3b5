import type { Stepper } from '../stepper.ts';
import type { PrefixCache } from './prefix-cache.ts';
import type { ScheduledSequence } from './scheduler.ts';
import type { Snapshot } from './state.ts';

export interface PrefillOptions {
  readonly stepper: Stepper;
  /** The characters to feed, at least one. */
  readonly ids: readonly number[];
  /** Where to begin: zeros when absent. */
  readonly from?: Float32Array;
  /** Where beginnings read before may be found, and are left for others. */
  readonly cache?: PrefixCache | undefined;
  /** Called with the logits after each character but the last; the view is overwritten by the next step. */
  readonly onLogits?: ((at: number, logits: Float32Array) => void) | undefined;
  /** Called once at the end. `before` is the sequence before its last character was fed. */
  readonly onEnd: (logits: Float32Array, before: Snapshot, slot: number) => void;
  readonly onFail: (error: unknown) => void;
}

/** At least so many characters lie between two states that a prompt leaves in the cache. */
const CACHE_STRIDE = 32;
/** States that one prompt leaves in the cache, about. */
const CACHE_STATES = 16;

/** Feeds a known text to a sequence: a prompt, or a text to be scored. */
export class Prefill implements ScheduledSequence {
  readonly slot: number;
  readonly isReady = true;
  /** Characters that the cache held, and that are not fed again. */
  readonly cached: number;
  readonly #options: PrefillOptions;
  readonly #stride: number;
  #at: number;

  constructor(options: PrefillOptions) {
    const { stepper, ids, from, cache } = options;
    this.#options = options;
    this.slot = stepper.open();
    // Powers of two, so that prompts of different lengths meet at the same places.
    const even = ids.length / CACHE_STATES;
    this.#stride = Math.max(CACHE_STRIDE, 2 ** Math.ceil(Math.log2(Math.max(1, even))));
    const known = cache?.find(ids);
    this.cached = known?.length ?? 0;
    this.#at = this.cached;
    if (known !== undefined) stepper.write(this.slot, known.state);
    else if (from !== undefined) stepper.write(this.slot, from);
    this.#before = this.#at === ids.length - 1 ? stepper.read(this.slot) : undefined;
  }

  #before: Float32Array | undefined;

  get id(): number {
    return this.#options.ids[this.#at]!;
  }

  take(logits: Float32Array): boolean {
    const { stepper, ids, cache, onLogits, onEnd } = this.#options;
    this.#at++;
    if (this.#at === ids.length) {
      onEnd(logits, { hidden: this.#before!, last: ids.at(-1) }, this.slot);
      return false;
    }
    onLogits?.(this.#at - 1, logits);
    const last = this.#at === ids.length - 1;
    if (last || (cache !== undefined && this.#at % this.#stride === 0)) {
      const state = stepper.read(this.slot);
      if (last) this.#before = state;
      cache?.add(ids.slice(0, this.#at), state);
    }
    return true;
  }

  fail(error: unknown): void {
    this.#options.onFail(error);
  }
}
