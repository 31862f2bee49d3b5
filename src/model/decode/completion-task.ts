import type {
  CharacterDetail,
  CompletionEvent,
  CompletionResult,
  Completions,
  FinishReason,
  GenerateOptions,
} from '../model.ts';
import { detailOf } from '../sampling/character-detail.ts';
import { Random } from '../sampling/random.ts';
import { TokenCounts } from '../sampling/token-counts.ts';
import { now } from './clock.ts';
import { type CompletionPlan, planCompletion } from './completion-plan.ts';
import { type CompletionListener, Decoder } from './decoder.ts';
import type { Engine } from './engine.ts';
import { EventQueue } from './event-queue.ts';
import { Prefill } from './prefill.ts';
import { encodeState, type Snapshot } from './state.ts';

/** What is read in a sequence. */
interface Reading {
  readonly slot: number;
  /** Ends it. @returns Where the texts begin, which `slot` is at then */
  stop(): Snapshot;
}

/** One request: one prefill of its prompt, its n completions decoded together. */
export class CompletionTask implements Completions {
  readonly #engine: Engine;
  #plan: CompletionPlan;
  readonly #signal: AbortSignal | undefined;
  readonly #promptDetails: (CharacterDetail | undefined)[] | undefined;
  readonly #choices: (CompletionResult['choices'][number] | undefined)[];
  readonly #events: EventQueue;
  readonly #onAbort: () => void;
  #preparing: Promise<void> | undefined;
  /** What is read before the first character: the prompt, then the texts to choose from. */
  #reading: Reading | undefined;
  #decoders: readonly Decoder[] = [];
  #startedAt: number | undefined;
  #milliseconds = 0;
  #cachedCharacters = 0;
  #isAborted = false;
  /** Whether events are being read, and whether all are wanted even if not. */
  #isRead = false;
  #isWantedWhole = false;

  /** @throws FolioError for options that cannot be met */
  constructor(engine: Engine, options: GenerateOptions) {
    this.#engine = engine;
    this.#plan = planCompletion(engine, options);
    this.#signal = options.signal;
    this.#promptDetails = options.scorePrompt ? this.#plan.prompt.map(() => undefined) : undefined;
    this.#choices = new Array(this.#plan.n).fill(undefined);
    this.#events = new EventQueue(
      () => engine.scheduler.resume(),
      () => engine.scheduler.yieldSoon(),
    );
    this.#onAbort = () => this.#abort();
  }

  async result(): Promise<CompletionResult> {
    this.#isWantedWhole = true;
    this.#start();
    this.#engine.scheduler.resume();
    await this.#events.settled();
    const { prompt, replaced, decoding } = this.#plan;
    return {
      seed: decoding.seed,
      promptCharacters: prompt.length,
      cachedCharacters: this.#cachedCharacters,
      replaced,
      ...(this.#promptDetails === undefined ? {} : { promptDetails: this.#promptDetails }),
      choices: this.#choices.map((choice) => choice!),
      milliseconds: this.#milliseconds,
    };
  }

  [Symbol.asyncIterator](): AsyncIterator<CompletionEvent, undefined> {
    return {
      next: () => {
        this.#isRead = true;
        this.#start();
        return this.#events.next();
      },
      return: () => {
        if (!this.#isWantedWhole) this.#abort();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #start(): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = now();
    if (this.#plan.unprepared === undefined) this.#startPrefill();
    else void this.#startPrepared();
    if (this.#signal?.aborted) this.#abort();
    else this.#signal?.addEventListener('abort', this.#onAbort);
  }

  async #startPrepared(): Promise<void> {
    try {
      await this.prepare();
      this.#startPrefill();
      if (this.#isAborted) this.#abort();
    } catch (error) {
      this.#fail(error);
    }
  }

  prepare(): Promise<void> {
    this.#preparing ??= this.#prepare();
    return this.#preparing;
  }

  async #prepare(): Promise<void> {
    const { unprepared } = this.#plan;
    if (unprepared === undefined) return;
    const { constrain } = await import('./constraints.ts');
    this.#plan = await constrain(this.#engine, this.#plan, unprepared);
  }

  /** The text's last character before the prompt, not fed yet. */
  get #before(): number | undefined {
    const { from } = this.#plan;
    return from === undefined ? this.#engine.start : from.last;
  }

  /** Feeds what comes before the first new character. */
  #startPrefill(): void {
    const { stepper, scheduler, prefixes, alphabet } = this.#engine;
    const { prompt, from, decoding } = this.#plan;
    const ids = this.#before === undefined ? prompt : [this.#before, ...prompt];
    if (ids.length === 0) {
      // Nothing has been read and nothing is known of how texts begin: all characters are equally likely.
      const slot = stepper.open();
      if (from !== undefined) stepper.write(slot, from.hidden);
      const snapshot = { hidden: stepper.read(slot), last: undefined };
      this.#startDecoding(new Float32Array(stepper.vocabulary), snapshot, slot);
      return;
    }
    const details = this.#promptDetails;
    const lead = ids.length - prompt.length;
    const recordDetail = (at: number, logits: Float32Array): void => {
      details![at + 1 - lead] = detailOf(logits, ids[at + 1]!, decoding.logprobs ?? 0, alphabet);
    };
    const prefill = new Prefill({
      stepper,
      ids,
      ...(from === undefined ? {} : { from: from.hidden }),
      cache: from === undefined && details === undefined ? prefixes : undefined,
      onLogits: details && recordDetail,
      onEnd: (logits, snapshot, slot) => {
        this.#reading = undefined;
        this.#startDecoding(logits, snapshot, slot);
      },
      onFail: (error) => this.#fail(error),
    });
    const { slot, cached } = prefill;
    this.#cachedCharacters = Math.max(0, cached - lead);
    this.#reading = {
      slot,
      stop: () => {
        scheduler.remove(prefill);
        const hidden = from?.hidden ?? new Float32Array(stepper.stateLength);
        stepper.write(slot, hidden);
        return { hidden, last: this.#before };
      },
    };
    scheduler.add(prefill);
  }

  /** Decodes on from the sequence that has read the prompt, and from its logits [vocabulary]. */
  #startDecoding(view: Float32Array, snapshot: Snapshot, slot: number): void {
    // Opening slots may move the kernel's memory.
    const logits = view.slice();
    const choices = this.#plan.constraints?.choices;
    if (choices === undefined) {
      this.#decode(logits, snapshot, slot);
      return;
    }
    this.#reading = {
      slot,
      stop: () => {
        choices.stop();
        return snapshot;
      },
    };
    choices.score(
      logits,
      snapshot,
      () => {
        this.#reading = undefined;
        this.#decode(logits, snapshot, slot);
      },
      (error) => this.#fail(error),
    );
  }

  #decode(logits: Float32Array, snapshot: Snapshot, slot: number): void {
    this.#fork(snapshot, slot);
    for (const decoder of this.#decoders) {
      if (this.#plan.decoding.length === 0) decoder.finish('length');
      else if (decoder.isComplete) decoder.finish('stop', { by: 'pattern' });
      else if (decoder.take(logits)) this.#engine.scheduler.add(decoder);
    }
  }

  /** Splits a sequence into n. */
  #fork(snapshot: Snapshot, slot: number): void {
    const { stepper } = this.#engine;
    const state = stepper.read(slot);
    this.#decoders = this.#choices.map((_, index) => {
      const own = index === 0 ? slot : stepper.open();
      if (index > 0) stepper.write(own, state);
      const random = this.#randomFor(index);
      const constraint = this.#plan.constraints?.constrainText(random);
      const counts = this.#counts();
      const listener = this.#listener(index);
      return new Decoder(this.#plan.decoding, own, snapshot, random, counts, listener, constraint);
    });
  }

  /** The generator of one completion: the state's own goes on unless another seed is given. */
  #randomFor(index: number): Random {
    const { from, decoding } = this.#plan;
    const state = from?.decoder;
    if (state === undefined || state.seed !== decoding.seed) return Random.fromSeed(decoding.seed, index);
    return index === 0 ? Random.fromState(state.random) : Random.fromSeed(state.random[0]!, index);
  }

  #counts(): TokenCounts {
    const { from, prompt, constraints } = this.#plan;
    const counts = new TokenCounts(this.#engine.stepper.vocabulary, constraints?.dry?.copy());
    for (const [id, count] of from?.decoder?.generated ?? []) counts.generated[id] = count;
    counts.prompt(from?.decoder?.prompted ?? []);
    counts.prompt(prompt);
    return counts;
  }

  #listener(index: number): CompletionListener {
    const isReady = (): boolean => !this.#isRead || this.#isWantedWhole || !this.#events.isFull;
    return {
      get isReady() {
        return isReady();
      },
      onText: (text, characters) => this.#events.post(index, text, characters),
      onFinish: (reason) => {
        this.#close(index, reason);
        this.#events.post(index, '', undefined, reason);
        if (this.#choices.every((choice) => choice !== undefined)) this.#end();
      },
      onFail: (error) => this.#fail(error),
    };
  }

  #close(index: number, finishReason: FinishReason): void {
    const { stepper, owner } = this.#engine;
    const decoder = this.#decoders[index]!;
    const overlap = decoder.longestOverlap;
    const choiceScores = this.#plan.constraints?.choices?.scores;
    const snapshot = decoder.snapshot();
    let state: Uint8Array | undefined;
    this.#choices[index] = {
      text: decoder.text,
      finishReason,
      ...(decoder.stopReason === undefined ? {} : { stopReason: decoder.stopReason }),
      generated: decoder.generated,
      // A first character does not wait for it, nor for the model's digest.
      get state() {
        state ??= encodeState(snapshot(), owner);
        return state;
      },
      ...(overlap === undefined ? {} : { overlap: { characters: overlap, exact: false } }),
      ...(choiceScores === undefined ? {} : { choiceScores }),
    };
    stepper.close(decoder.slot);
  }

  #abort(): void {
    if (this.#startedAt === undefined || this.#events.hasEnded) return;
    this.#isAborted = true;
    if (this.#plan.unprepared !== undefined) return; // in a moment
    const reading = this.#reading;
    this.#reading = undefined;
    if (reading !== undefined) this.#fork(reading.stop(), reading.slot); // nothing is written yet
    for (const decoder of this.#decoders) {
      this.#engine.scheduler.remove(decoder);
      decoder.finish('aborted');
    }
  }

  #fail(error: unknown): void {
    if (this.#events.hasEnded) return;
    const { stepper, scheduler } = this.#engine;
    const reading = this.#reading;
    this.#reading = undefined;
    reading?.stop();
    if (reading !== undefined) stepper.close(reading.slot);
    for (const [index, decoder] of this.#decoders.entries()) {
      if (this.#choices[index] !== undefined) continue;
      scheduler.remove(decoder);
      stepper.close(decoder.slot);
    }
    this.#end(error);
  }

  #end(error?: unknown): void {
    this.#milliseconds = now() - this.#startedAt!;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#events.end(error);
  }
}
