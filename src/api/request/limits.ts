import { FolioError, unexpected } from '../../errors.ts';
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

/** Bytes that all answers under way may take together, those included that wait for a slow reader. */
const answerBytes = 67_108_864;

/** The request has had its wall-clock time; repeated, it would need as much again. */
export const overTime = (): FolioError =>
  new FolioError(
    'time_limit',
    'The request took longer than this server allows; ask for fewer characters or completions.',
  );

/** Places for work of one kind: what finds none is refused, and waits nowhere. */
export class Places {
  readonly #count: number;
  readonly #what: string;
  readonly #retryAfter: number;
  #taken = 0;

  /**
   * @param what Of the work, in the plural: `uploads`.
   * @param retryAfterSeconds After which a place may be free.
   */
  constructor(count: number, what: string, retryAfterSeconds: number) {
    this.#count = count;
    this.#what = what;
    this.#retryAfter = retryAfterSeconds;
  }

  /** @returns what the work returns @throws FolioError `overloaded` */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#taken >= this.#count) {
      throw new FolioError(
        'overloaded',
        `The server takes ${this.#count} ${this.#what} at a time, and as many are under way; try again in a moment.`,
        { retryAfter: this.#retryAfter },
      );
    }
    this.#taken++;
    try {
      return await work();
    } finally {
      this.#taken--;
    }
  }
}

/** Counts the completions that run, and turns away what is too much. */
export class Admission {
  readonly #limits: Limits;
  readonly #callers = new Map<string, number>();
  readonly #shutdown = new AbortController();
  #running = 0;
  #bytes = 0;
  #closed = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  /** Aborts when what runs has to end now. */
  get shutdown(): AbortSignal {
    return this.#shutdown.signal;
  }

  /**
   * @param completions How many the request runs together.
   * @param bytes That its answer may take.
   * @returns Gives the places back; more than one call does nothing.
   * @throws FolioError `too_many_requests`, `overloaded`, or `limit_exceeded` for what would never fit
   */
  enter(caller: string, completions: number, bytes = 0): () => void {
    const { concurrent, concurrentPerCaller } = this.#limits;
    const own = this.#callers.get(caller) ?? 0;
    if (completions > concurrentPerCaller) {
      const expected = `at most ${concurrentPerCaller} completions in one request`;
      throw unexpected('limit_exceeded', 'n', expected, completions);
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
    const tooMuch = this.#bytes > 0 && this.#bytes + bytes > answerBytes;
    if (this.#running + completions > concurrent || tooMuch) {
      throw new FolioError(
        'overloaded',
        'The server is at its limit of completions; try again in a moment.',
        {
          retryAfter,
        },
      );
    }
    this.#running += completions;
    this.#bytes += bytes;
    this.#callers.set(caller, own + completions);
    let entered = true;
    return () => {
      if (!entered) return;
      entered = false;
      this.#running -= completions;
      this.#bytes -= bytes;
      const left = (this.#callers.get(caller) ?? 0) - completions;
      if (left > 0) this.#callers.set(caller, left);
      else this.#callers.delete(caller);
    };
  }

  /** Lets nothing more in. */
  close(): void {
    this.#closed = true;
  }

  /** Ends what still runs: streams by an event that says so. */
  stop(): void {
    this.#closed = true;
    this.#shutdown.abort();
  }
}
