import type { Context } from 'aws-lambda';
import type { Limits } from '../src/api/request/limits.ts';

/** Reserved for the end of an answer whose time has run out: an error event, the end of the stream. */
const graceMs = 1_000;

/**
 * The end of the invocation under way; an environment has one at a time. An answer is ended with an error that says
 * so before Lambda would cut it off without a message.
 */
export class Deadline {
  #context: Context | undefined;

  begin(context: Context): void {
    this.#context = context;
  }

  /** The limits of a host, the time of a request bounded by what is left of the invocation. */
  bound(limits: Limits): Limits {
    const left = () => this.#left();
    return {
      ...limits,
      get seconds() {
        return Math.min(limits.seconds, left());
      },
    };
  }

  /** Seconds, in eighths: timers want whole milliseconds. */
  #left(): number {
    if (this.#context === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor((this.#context.getRemainingTimeInMillis() - graceMs) / 125)) / 8;
  }
}
