import { FolioError } from '../../errors.ts';
import type { Settings } from '../../settings.ts';

/** What one request, one caller and the whole server may take. */
export interface Limits {
  /** Characters that a request may generate in one completion. */
  readonly length: number;
  /** Characters of a prompt, or of a text to score. */
  readonly prompt: number;
  /** Bytes of a request's body; a corpus has its own limit. */
  readonly bodyBytes: number;
  /** Completions that run at one time. */
  readonly concurrent: number;
  /** Of these, for one caller. */
  readonly concurrentPerCaller: number;
  /** Wall-clock seconds for one request. */
  readonly seconds: number;
}

export const limitsFrom = (settings: Settings): Limits => ({
  length: settings.maximumLength,
  prompt: settings.maximumPrompt,
  bodyBytes: settings.maximumBodyBytes,
  concurrent: settings.maximumConcurrent,
  concurrentPerCaller: settings.maximumConcurrentPerKey,
  seconds: settings.timeLimitSeconds,
});

const retryAfter = 1; // seconds: completions end in fractions of one

/** The request has had its wall-clock time. */
export const overTime = (): FolioError =>
  new FolioError('time_limit', 'The request took longer than this server allows.', { retryAfter });

/** Counts the completions that run, and turns away what is too much. */
export class Admission {
  readonly #limits: Limits;
  readonly #callers = new Map<string, number>();
  #running = 0;
  #closed = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  /**
   * @param completions How many the request runs together.
   * @returns Gives the places back; more than one call does nothing.
   * @throws FolioError `too_many_requests`, `overloaded`, or `limit_exceeded` for what would never fit
   */
  enter(caller: string, completions: number): () => void {
    const { concurrent, concurrentPerCaller } = this.#limits;
    const own = this.#callers.get(caller) ?? 0;
    if (completions > concurrentPerCaller) {
      throw new FolioError(
        'limit_exceeded',
        `n: expected at most ${concurrentPerCaller} completions in one request, received ${completions}.`,
        { where: 'n' },
      );
    }
    if (this.#closed) {
      throw new FolioError('unavailable', 'The server is shutting down.', { retryAfter });
    }
    if (own + completions > concurrentPerCaller) {
      throw new FolioError(
        'too_many_requests',
        `You have ${own} completions running and may have ${concurrentPerCaller}; try again in a moment.`,
        { retryAfter },
      );
    }
    if (this.#running + completions > concurrent) {
      throw new FolioError(
        'overloaded',
        'The server is at its limit of completions; try again in a moment.',
        {
          retryAfter,
        },
      );
    }
    this.#running += completions;
    this.#callers.set(caller, own + completions);
    let entered = true;
    return () => {
      if (!entered) return;
      entered = false;
      this.#running -= completions;
      const left = (this.#callers.get(caller) ?? 0) - completions;
      if (left > 0) this.#callers.set(caller, left);
      else this.#callers.delete(caller);
    };
  }

  /** Lets nothing more in. */
  close(): void {
    this.#closed = true;
  }
}
