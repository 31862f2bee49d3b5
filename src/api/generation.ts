import { FolioError } from '../errors.ts';
import type { CompletionEvent, CompletionResult, Completions, GenerateOptions } from '../model/model.ts';
import { drawSeed, foldSeed } from '../model/sampling/random.ts';
import type { ModelLease } from '../store/model-cache.ts';
import { BatchQueue } from './batch-queue.ts';
import { deferred } from './deferred.ts';
import type { Generator } from './deps.ts';
import { type GenerationSummary, howEnded } from './generation-summary.ts';
import type { Caller } from './request/auth.ts';
import { type Prompt, promptText, withoutStart } from './request/checks.ts';
import type { ContinuationSigner } from './request/continuation.ts';
import { overTime } from './request/limits.ts';
import type { CommonParameters, Seed } from './request/parameters.ts';
import type { Blend } from './request/resolve-blend.ts';
import { type Timings, timings } from './response/timings.ts';

/** A request that has passed every check. */
export interface CheckedRequest {
  readonly generator: Generator;
  /** Where the request goes on, or may be gone on with. */
  readonly signer?: ContinuationSigner | undefined;
  readonly lease: ModelLease;
  /** What is mixed with the model, which writes the texts then. */
  readonly blend?: Blend | undefined;
  readonly parameters: Omit<CommonParameters, 'seed'>;
  readonly prompts: readonly Prompt[];
  readonly options: GenerateOptions;
  /** The request's, one for all prompts or one each, or the one that the continued state began with. */
  readonly seed: Seed | readonly Seed[] | undefined;
  /** What was not done as the request asks. */
  readonly warnings: readonly string[];
  readonly caller: Caller;
  /** Aborts when the client leaves. */
  readonly client: AbortSignal;
  /** Wall-clock seconds that it may take. */
  readonly seconds: number;
  /** Bytes of memory that its answer may take until it has left, estimated. */
  readonly bytes: number;
  /** When the request came, on `performance`'s clock. */
  readonly began: number;
}

/** An event of one of a request's prompts. */
export interface PromptEvent {
  readonly prompt: number;
  readonly event: CompletionEvent;
}

export interface Outcome {
  /** One a prompt, in their order. */
  readonly results: readonly CompletionResult[];
  readonly timings: Timings;
}

/** Parameters that say how an answer is sent, not what it is. */
const deliveryParameters = new Set(['stream', 'stream_options', 'user']);

/** UTF-16 units made and not taken at which a generation waits for its reader. */
const untakenUnits = 4096;

/**
 * A generation that holds its model and its places until it is closed. Its reader pulls: what is not taken is not made,
 * but for a small part.
 */
export class Generation {
  readonly lease: ModelLease;
  readonly prompts: readonly Prompt[];
  readonly warnings: readonly string[];
  /** One a prompt, as the receipt names them. */
  readonly seeds: readonly Seed[];
  readonly #checked: CheckedRequest;
  readonly #options: GenerateOptions;
  readonly #timeLimit: AbortSignal;
  readonly #stop = new AbortController();
  readonly #releasePlaces: () => void;
  readonly #ended = deferred<GenerationSummary>();
  #firstCharacter: number | undefined;
  #lastTaken: number | undefined;
  #characters = 0;
  #results: readonly CompletionResult[] | undefined;
  #failure: unknown;
  #closed = false;

  /** @throws FolioError `too_many_requests`, `overloaded`, `limit_exceeded` */
  constructor(checked: CheckedRequest) {
    const { generator, caller, options, prompts, seed } = checked;
    this.lease = checked.lease;
    this.prompts = prompts;
    this.warnings = checked.warnings;
    this.seeds = prompts.map((_, at) => (isSeed(seed) ? seed : seed?.[at]) ?? drawSeed());
    this.#checked = checked;
    this.#timeLimit = AbortSignal.timeout(checked.seconds * 1000);
    const { shutdown } = generator.admission;
    this.#options = {
      ...options,
      signal: AbortSignal.any([checked.client, this.#timeLimit, this.#stop.signal, shutdown]),
    };
    const completions = prompts.length * (options.n ?? 1);
    this.#releasePlaces = generator.admission.enter(caller.id, completions, checked.bytes);
  }

  /** The first prompt's seed, where a request has only one. */
  get seed(): Seed {
    return this.seeds[0] ?? 0;
  }

  /** Resolves when the answer has been taken, has failed, or its reader has left. */
  get ended(): Promise<GenerationSummary> {
    return this.#ended.promise;
  }

  /** Notes the error that ends the answer. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Ends what runs: the reader has left. */
  stop(): void {
    this.#stop.abort();
  }

  /** Ends what runs and gives back model and places; more than one call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.stop();
    this.#releasePlaces();
    this.#checked.blend?.release();
    this.lease.release();
    this.#ended.resolve(this.#summary());
  }

  #summary(): GenerationSummary {
    const results = this.#results;
    const first = this.#firstCharacter;
    return {
      model: this.lease.name,
      characters: results === undefined ? this.#characters : generatedBy(results),
      ...(results && {
        promptCharacters: results.reduce((sum, { promptCharacters }) => sum + promptCharacters, 0),
        cachedCharacters: results.reduce((sum, { cachedCharacters }) => sum + cachedCharacters, 0),
      }),
      ...(first !== undefined && { firstCharacterMilliseconds: first - this.#checked.began }),
      ...(first !== undefined &&
        this.#lastTaken !== undefined && { decodeMilliseconds: this.#lastTaken - first }),
      ...howEnded(this.#failure, results),
    };
  }

  /**
   * Runs to the end, once: yields what has been made since the reader last asked.
   *
   * @throws FolioError `time_limit`, `unavailable` when the server stops, or `interrupted` when the client left
   */
  async *run(): AsyncGenerator<readonly PromptEvent[], Outcome> {
    const { generator, began } = this.#checked;
    const begun = performance.now();
    const queue = new BatchQueue<PromptEvent>(untakenUnits);
    const follow = async (completions: Completions, prompt: number): Promise<CompletionResult> => {
      for await (const event of completions) {
        if (event.text !== '') this.#firstCharacter ??= performance.now();
        this.#characters += event.characters?.length ?? codePoints(event.text);
        const alternatives = event.characters?.reduce((sum, { top }) => sum + 1 + top.length, 0) ?? 0;
        await queue.push({ prompt, event }, event.text.length + 8 * alternatives);
      }
      return completions.result();
    };
    const results = Promise.all(this.#complete(this.#options).map(follow));
    results.then(
      () => queue.end(),
      (error: unknown) => queue.end(error),
    );
    try {
      for (let batch = await queue.take(); batch !== undefined; batch = await queue.take()) yield batch;
      const all = await results;
      if (all.some(({ choices }) => choices.some(({ finishReason }) => finishReason === 'aborted'))) {
        this.#throwIfStopped();
      }
      this.#results = all;
      const first = this.#firstCharacter;
      const now = performance.now();
      this.#lastTaken = now;
      const moments = {
        load: this.lease.loadMilliseconds,
        firstCharacter: first === undefined ? undefined : first - began,
        generation: now - begun,
        whole: now - began,
      };
      const { build: kernel } = this.lease.model.info.kernel;
      return {
        results: all,
        timings: { kernel, ...timings(moments, generatedBy(all), generator.pricing) },
      };
    } catch (error) {
      this.#throwIfStopped();
      throw error;
    } finally {
      this.stop(); // what still runs, where one failed or the reader left
      queue.end();
    }
  }

  /** The prompts as they were read, before anything is generated, with their log-probabilities if those are wanted. */
  async readPrompts(): Promise<readonly CompletionResult[]> {
    const { pattern: _, choices: __, ...options } = this.#options;
    const runs = this.#complete({ ...options, length: 0, n: 1 });
    const scored = await Promise.all(runs.map((completions) => completions.result()));
    this.#throwIfStopped();
    return scored;
  }

  /** What is known before the first character, for clients that read no further than the head. */
  headers(): Record<string, string> {
    const { name, version, model, loadMilliseconds } = this.lease;
    return {
      'x-folio-model': `${name}@${version}`,
      'x-folio-digest': model.info.digest,
      'x-folio-precision': model.info.precision,
      'x-folio-seed': this.#sharedSeed === undefined ? this.seeds.join(',') : String(this.#sharedSeed),
      'server-timing': `load;dur=${loadMilliseconds.toFixed(1)}`,
      ...(this.warnings.length === 0 ? {} : { 'x-folio-warnings': headerText(this.warnings.join(' ')) }),
    };
  }

  /** The request that gives the same text again: everything that took part, defaults and seeds included. */
  receipt(): Record<string, unknown> {
    const { name, version, model } = this.lease;
    const { digest, precision } = model.info;
    const seed = this.#sharedSeed ?? this.seeds;
    const { parameters, blend } = this.#checked;
    const whole = {
      ...parameters,
      ...(blend && { blend: blend.parameter }),
      ...{ model: name, version, digest, precision, seed },
    };
    return Object.fromEntries(
      Object.entries(whole).filter(([key, value]) => value !== undefined && !deliveryParameters.has(key)),
    );
  }

  /** The signed state of one completion, for the client to keep, if the request wants it. */
  continuation(state: Uint8Array, prompt = 0): string | undefined {
    const { signer } = this.#checked;
    if (signer === undefined) return undefined;
    const { name, version, model } = this.lease;
    const { digest, precision } = model.info;
    const seed = foldSeed(this.seeds[prompt] ?? 0);
    return signer.seal({ model: name, version, digest, precision, seed, state });
  }

  /** A prompt as text. */
  promptText(prompt: number): string {
    return promptText(this.lease, this.prompts[prompt] ?? '');
  }

  /** Characters of all prompts, as the model is given them. */
  promptCharacters(): number {
    const { alphabet } = this.lease.model;
    const { unknown = 'error' } = this.#options;
    return this.prompts
      .map((prompt) => withoutStart(this.lease, prompt))
      .reduce<number>(
        (sum, prompt) =>
          sum + (typeof prompt === 'string' ? alphabet.encode(prompt, unknown).ids : prompt).length,
        0,
      );
  }

  /** The seed that all prompts have; undefined where they differ. */
  get #sharedSeed(): Seed | undefined {
    const [first] = this.seeds;
    return this.seeds.every((seed) => seed === first) ? first : undefined;
  }

  #complete(options: GenerateOptions): readonly Completions[] {
    const model = this.#checked.blend?.model ?? this.lease.model;
    return this.prompts.map((prompt, at) =>
      model.complete({
        ...options,
        prompt: withoutStart(this.lease, prompt),
        // The seed that a state began with lets its generator go on; another one starts a new generator.
        seed: foldSeed(this.seeds[at] ?? 0),
      }),
    );
  }

  #throwIfStopped(): void {
    if (this.#timeLimit.aborted) throw overTime();
    if (this.#checked.generator.admission.shutdown.aborted) {
      throw new FolioError('unavailable', 'The server is shutting down; the text is not complete.', {
        retryAfter: 1,
      });
    }
    if (this.#checked.client.aborted) throw new FolioError('interrupted', 'The client left.');
  }
}

const isSeed = (seed: Seed | readonly Seed[] | undefined): seed is Seed =>
  typeof seed === 'number' || typeof seed === 'string';

/** Text that may stand in a header, of the length that clients and proxies accept. */
const headerText = (text: string): string => text.replace(/[^ -~]/g, '?').slice(0, 1000);

const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/** Characters of all completions. */
export const generatedBy = (results: readonly CompletionResult[]): number =>
  results.reduce((sum, { choices }) => sum + choices.reduce((of, { generated }) => of + generated, 0), 0);
