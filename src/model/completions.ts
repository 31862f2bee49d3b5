import { FolioError } from '../errors.ts';
import type { Alphabet } from './alphabet.ts';
import { History } from './history.ts';
import { detailOf } from './likelihood.ts';
import type {
  CharacterDetail,
  CompletionEvent,
  CompletionResult,
  Completions,
  FinishReason,
  GenerateOptions,
} from './model.ts';
import type { PrefixCache } from './prefix-cache.ts';
import { drawSeed, Random } from './random.ts';
import { Reading } from './reading.ts';
import { Sampler } from './sampler.ts';
import { checkSampling } from './sampling-options.ts';
import type { Scheduler } from './scheduler.ts';
import { decodeState, encodeState, type Snapshot, type StateOwner } from './state.ts';
import type { Stepper } from './stepper.ts';
import { type Reader, Writing, type WritingPlan } from './writing.ts';

/** What a model lends to everything that it runs. */
export interface Engine {
  readonly stepper: Stepper;
  readonly scheduler: Scheduler;
  readonly alphabet: Alphabet;
  readonly prefixes: PrefixCache;
  readonly owner: StateOwner;
  /** The character that every text is taken to come after: a line's end, or a space; undefined without either. */
  readonly start: number | undefined;
}

/** What one completion has made since its reader last looked. */
interface Unread {
  text: string;
  characters: CharacterDetail[] | undefined;
  finishReason: FinishReason | undefined;
}

/** Unread characters at which a request waits for its reader. */
const MOST_UNREAD = 1024;

/** One request: its prompt read once, its n completions written together. */
export class CompletionRun implements Completions {
  readonly #engine: Engine;
  readonly #options: GenerateOptions;
  readonly #plan: WritingPlan;
  readonly #from: Snapshot | undefined;
  readonly #seed: number;
  readonly #prompt: readonly number[];
  readonly #replaced: CompletionResult['replaced'];
  readonly #promptDetails: (CharacterDetail | undefined)[] | undefined;
  readonly #choices: (CompletionResult['choices'][number] | undefined)[];
  readonly #unread = new Map<number, Unread>();
  #unreadCharacters = 0;
  #writings: Writing[] = [];
  #reading: Reading | undefined;
  #state: 'new' | 'running' | 'done' = 'new';
  #error: unknown;
  #iterated = false;
  /** Whether there was text; the first of it is handed over at once. */
  #begun = false;
  #toTheEnd = false;
  #startedAt = 0;
  #milliseconds = 0;
  /** Resolves whoever waits for an event or the end. */
  #waiting: (() => void)[] = [];

  /** @throws FolioError for options that cannot be met */
  constructor(engine: Engine, options: GenerateOptions) {
    const { stepper, alphabet, owner } = engine;
    const length = whole(options.length ?? 256, 'length', 0, Number.MAX_SAFE_INTEGER);
    const n = whole(options.n ?? 1, 'n', 1, 4096);
    const stop = options.stop ?? [];
    for (const text of stop) if (text === '') throw wrong('stop', 'strings that are not empty', '""');
    if (options.logprobs !== undefined) whole(options.logprobs, 'logprobs', 0, stepper.vocabulary);
    const { copyGuard } = options;
    if (copyGuard !== undefined) {
      whole(copyGuard.length, 'copyGuard.length', copyGuard.index.window, Number.MAX_SAFE_INTEGER);
    }
    const seed =
      options.seed === undefined ? undefined : whole(options.seed, 'seed', 0, Number.MAX_SAFE_INTEGER);
    const from = options.from && decodeState(options.from, owner, stepper.stateLength, stepper.vocabulary);
    const { ids, replaced } = alphabet.encode(options.prompt ?? '', options.unknown);
    this.#engine = engine;
    this.#options = options;
    this.#from = from;
    this.#seed = seed ?? from?.writing?.seed ?? drawSeed();
    this.#prompt = ids;
    this.#replaced = replaced;
    this.#promptDetails = options.scorePrompt ? ids.map(() => undefined) : undefined;
    this.#choices = new Array(n).fill(undefined);
    this.#plan = {
      stepper,
      alphabet,
      sampler: new Sampler(checkSampling(options, alphabet), stepper.vocabulary),
      length,
      stop,
      logprobs: options.logprobs,
      guard: copyGuard,
      overlap: options.overlap,
      tail: ids.length > 0 ? '' : (from?.writing?.tail ?? ''),
      seed: this.#seed,
    };
  }

  async result(): Promise<CompletionResult> {
    this.#toTheEnd = true;
    this.#start();
    this.#engine.scheduler.wake();
    while (this.#state !== 'done') await this.#news();
    if (this.#error !== undefined) throw this.#error;
    return {
      seed: this.#seed,
      promptCharacters: this.#prompt.length,
      replaced: this.#replaced,
      ...(this.#promptDetails === undefined ? {} : { promptDetails: this.#promptDetails }),
      choices: this.#choices.map((choice) => choice!),
      milliseconds: this.#milliseconds,
    };
  }

  [Symbol.asyncIterator](): AsyncIterator<CompletionEvent, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        if (!this.#toTheEnd) this.#abort();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  async #next(): Promise<IteratorResult<CompletionEvent, undefined>> {
    this.#iterated = true;
    this.#start();
    for (;;) {
      const [first] = this.#unread;
      if (first !== undefined) {
        const [index, { text, characters, finishReason }] = first;
        this.#unread.delete(index);
        this.#unreadCharacters -= text.length;
        this.#engine.scheduler.wake();
        const value = {
          index,
          text,
          ...(characters && { characters }),
          ...(finishReason && { finishReason }),
        };
        return { done: false, value };
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#state === 'done') return { done: true, value: undefined };
      await this.#news();
    }
  }

  #start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.#startedAt = performance.now();
    this.#read();
    const { signal } = this.#options;
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort);
  }

  /** Feeds what comes before the first new character. */
  #read(): void {
    const { stepper, scheduler, prefixes, start, alphabet } = this.#engine;
    const before = this.#from === undefined ? start : this.#from.last;
    const ids = before === undefined ? this.#prompt : [before, ...this.#prompt];
    if (ids.length === 0) {
      // Nothing has been read and nothing is known of how texts begin: all characters are equally likely.
      const slot = stepper.open();
      if (this.#from !== undefined) stepper.write(slot, this.#from.hidden);
      const snapshot = { hidden: stepper.read(slot), last: undefined };
      this.#write(new Float32Array(stepper.vocabulary), snapshot, slot);
      return;
    }
    const details = this.#promptDetails;
    const lead = ids.length - this.#prompt.length;
    this.#reading = new Reading({
      stepper,
      ids,
      ...(this.#from === undefined ? {} : { from: this.#from.hidden }),
      cache: this.#from === undefined && details === undefined ? prefixes : undefined,
      onLogits:
        details &&
        ((at, logits) => {
          details[at + 1 - lead] = detailOf(logits, ids[at + 1]!, this.#options.logprobs ?? 0, alphabet);
        }),
      onEnd: (logits, snapshot, slot) => {
        this.#reading = undefined;
        this.#write(logits, snapshot, slot);
      },
      onFail: (error) => this.#fail(error),
    });
    scheduler.add(this.#reading);
  }

  /** Splits the run that has read the prompt into n that go on from its logits [vocabulary]. */
  #write(view: Float32Array, snapshot: Snapshot, slot: number): void {
    const { stepper, scheduler } = this.#engine;
    // Opening slots may move the kernel's memory.
    const logits = view.slice();
    const after = stepper.read(slot);
    this.#writings = this.#choices.map((_, index) => {
      const own = index === 0 ? slot : stepper.open();
      if (index > 0) stepper.write(own, after);
      return new Writing(
        this.#plan,
        own,
        snapshot,
        this.#randomOf(index),
        this.#history(),
        this.#reader(index),
      );
    });
    for (const writing of this.#writings) {
      if (this.#plan.length === 0) writing.finish('length');
      else if (writing.take(logits)) scheduler.add(writing);
    }
  }

  /** The generator of one completion: the state's own goes on unless another seed is given. */
  #randomOf(index: number): Random {
    const state = this.#from?.writing;
    if (state === undefined || state.seed !== this.#seed) return Random.fromSeed(this.#seed, index);
    return index === 0 ? Random.fromState(state.random) : Random.fromSeed(state.random[0]!, index);
  }

  #history(): History {
    const history = new History(this.#engine.stepper.vocabulary);
    for (const [id, count] of this.#from?.writing?.generated ?? []) history.generated[id] = count;
    history.prompt(this.#from?.writing?.prompted ?? []);
    history.prompt(this.#prompt);
    return history;
  }

  #reader(index: number): Reader {
    const isReady = (): boolean => !this.#iterated || this.#toTheEnd || this.#unreadCharacters < MOST_UNREAD;
    return {
      get ready() {
        return isReady();
      },
      onText: (text, characters) => this.#post(index, text, characters),
      onFinish: (finishReason) => {
        this.#close(index, finishReason);
        this.#post(index, '', undefined, finishReason);
      },
      onFail: (error) => this.#fail(error),
    };
  }

  #close(index: number, finishReason: FinishReason): void {
    const { stepper, owner } = this.#engine;
    const writing = this.#writings[index]!;
    const overlap = writing.longestOverlap;
    this.#choices[index] = {
      text: writing.text,
      finishReason,
      generated: writing.generated,
      state: encodeState(writing.snapshot(), owner),
      ...(overlap === undefined ? {} : { overlap: { characters: overlap, exact: false } }),
    };
    stepper.close(writing.slot);
    if (this.#choices.every((choice) => choice !== undefined)) this.#end();
  }

  /** Adds to what waits for the reader: at most one event for each completion. */
  #post(
    index: number,
    text: string,
    characters?: readonly CharacterDetail[],
    finishReason?: FinishReason,
  ): void {
    let event = this.#unread.get(index);
    if (event === undefined) {
      event = { text: '', characters: undefined, finishReason: undefined };
      this.#unread.set(index, event);
    }
    event.text += text;
    if (characters !== undefined) {
      event.characters ??= [];
      event.characters.push(...characters);
    }
    event.finishReason = finishReason;
    this.#unreadCharacters += text.length;
    if (this.#waiting.length === 0) return;
    if (!this.#begun) this.#engine.scheduler.yieldSoon();
    this.#begun = true;
    this.#tell();
  }

  readonly #abort = (): void => {
    if (this.#state !== 'running') return;
    const { stepper, scheduler } = this.#engine;
    if (this.#reading !== undefined) {
      // No completion has begun: they stand where the request began.
      scheduler.remove(this.#reading);
      const { slot } = this.#reading;
      this.#reading = undefined;
      const hidden = this.#from?.hidden ?? new Float32Array(stepper.stateLength);
      stepper.write(slot, hidden);
      const snapshot = { hidden, last: this.#from?.last };
      this.#writings = this.#choices.map((_, index) => {
        const own = index === 0 ? slot : stepper.open();
        return new Writing(
          this.#plan,
          own,
          snapshot,
          this.#randomOf(index),
          this.#history(),
          this.#reader(index),
        );
      });
    }
    for (const writing of this.#writings) {
      scheduler.remove(writing);
      writing.finish('aborted');
    }
  };

  #fail(error: unknown): void {
    if (this.#state === 'done') return;
    const { stepper, scheduler } = this.#engine;
    this.#error = error;
    for (const stream of [this.#reading, ...this.#writings]) {
      if (stream === undefined) continue;
      scheduler.remove(stream);
      if (
        stream === this.#reading ||
        this.#choices[this.#writings.indexOf(stream as Writing)] === undefined
      ) {
        stepper.close(stream.slot);
      }
    }
    this.#end();
  }

  #end(): void {
    this.#state = 'done';
    this.#milliseconds = performance.now() - this.#startedAt;
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#tell();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

const whole = (value: number, where: string, least: number, most: number): number => {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw wrong(where, `a whole number from ${least} to ${most}`, String(value));
};

const wrong = (where: string, expected: string, received: string): FolioError =>
  new FolioError('invalid_parameter', `${where}: expected ${expected}, got ${received}.`, {
    where,
    expected,
    received,
  });
