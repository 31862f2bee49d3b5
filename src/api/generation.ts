import { FolioError } from '../errors.ts';
import type { CompletionEvent, CompletionResult, Completions, GenerateOptions } from '../model/model.ts';
import { drawSeed } from '../model/sampling/random.ts';
import type { ModelLease } from '../store/model-cache.ts';
import type { Generator } from './deps.ts';
import type { Caller } from './request/auth.ts';
import { overTime } from './request/limits.ts';
import type { CommonParameters } from './request/requests.ts';
import { type Timings, timings } from './response/timings.ts';

/** A request that has passed every check. */
export interface CheckedRequest {
  readonly generator: Generator;
  readonly lease: ModelLease;
  readonly parameters: CommonParameters;
  readonly prompts: readonly string[];
  readonly options: GenerateOptions;
  /** The request's, or the one that the continued state began with. */
  readonly seed: number | undefined;
  readonly caller: Caller;
  /** Aborts when the client leaves. */
  readonly client: AbortSignal;
  /** Wall-clock seconds that it may take. */
  readonly seconds: number;
  /** When the request came, on `performance`'s clock. */
  readonly began: number;
}

export interface Outcome {
  /** One a prompt, in their order. */
  readonly results: readonly CompletionResult[];
  readonly timings: Timings;
}

/** Parameters that say how an answer is sent, not what it is. */
const deliveryParameters = new Set(['stream', 'stream_options', 'user']);

/** A generation that holds its model and its places until it has run. */
export class Generation {
  readonly lease: ModelLease;
  readonly prompts: readonly string[];
  readonly seed: number;
  readonly #checked: CheckedRequest;
  readonly #options: GenerateOptions;
  readonly #timeLimit: AbortSignal;
  readonly #stop = new AbortController();
  readonly #releasePlaces: () => void;

  /** @throws FolioError `too_many_requests`, `overloaded`, `limit_exceeded` */
  constructor(checked: CheckedRequest) {
    const { generator, caller, options } = checked;
    this.lease = checked.lease;
    this.prompts = checked.prompts;
    this.seed = checked.seed ?? drawSeed();
    this.#checked = checked;
    this.#timeLimit = AbortSignal.timeout(checked.seconds * 1000);
    this.#options = {
      ...options,
      // The seed that a state began with lets its generator go on; another one starts a new generator.
      seed: this.seed,
      signal: AbortSignal.any([checked.client, this.#timeLimit, this.#stop.signal]),
    };
    this.#releasePlaces = generator.admission.enter(caller.id, this.prompts.length * (options.n ?? 1));
  }

  /** Ends it: the reader has left. */
  stop(): void {
    this.#stop.abort();
  }

  /**
   * Runs to the end, once.
   *
   * @param on Is called with every event as it happens, and the place of its prompt.
   * @param echo Is called first, with the prompts and their log-probabilities if the request wants them.
   * @throws FolioError `time_limit`, or `interrupted` when the client left
   */
  async run(
    on: (prompt: number, event: CompletionEvent) => void = () => {},
    echo?: (scored: readonly CompletionResult[]) => void,
  ): Promise<Outcome> {
    const { generator, began } = this.#checked;
    const begun = performance.now();
    let first: number | undefined;
    const follow = async (run: Completions, prompt: number): Promise<CompletionResult> => {
      for await (const event of run) {
        if (event.text !== '') first ??= performance.now();
        on(prompt, event);
      }
      return run.result();
    };
    try {
      echo?.(await this.#readPrompts());
      const results = await Promise.all(this.#complete(this.#options).map(follow));
      this.#throwIfStopped();
      const now = performance.now();
      const moments = {
        load: this.lease.loadMilliseconds,
        firstCharacter: first === undefined ? undefined : first - began,
        generation: now - begun,
        whole: now - began,
      };
      return { results, timings: timings(moments, generatedBy(results), generator.pricing) };
    } catch (error) {
      this.#throwIfStopped();
      this.stop(); // the others of the request
      throw error;
    } finally {
      this.#releasePlaces();
      this.lease.release();
    }
  }

  /** What is known before the first character, for clients that read no further than the head. */
  headers(): Record<string, string> {
    const { name, version, model, loadMilliseconds } = this.lease;
    return {
      'x-folio-model': `${name}@${version}`,
      'x-folio-digest': model.info.digest,
      'x-folio-precision': model.info.precision,
      'x-folio-seed': String(this.seed),
      'server-timing': `load;dur=${loadMilliseconds.toFixed(1)}`,
    };
  }

  /** The request that gives the same text again: everything that took part, defaults and seed included. */
  receipt(): Record<string, unknown> {
    const { name, version, model } = this.lease;
    const { digest, precision } = model.info;
    const whole = { ...this.#checked.parameters, model: name, version, digest, precision, seed: this.seed };
    return Object.fromEntries(
      Object.entries(whole).filter(([key, value]) => value !== undefined && !deliveryParameters.has(key)),
    );
  }

  /** The signed state of one completion, for the client to keep, if the request wants it. */
  continuation(state: Uint8Array): string | undefined {
    const { parameters, generator } = this.#checked;
    if (!parameters.continuable && parameters.continue_from === undefined) return undefined;
    const { name, version, model } = this.lease;
    const { digest, precision } = model.info;
    return generator.signer.seal({ model: name, version, digest, precision, seed: this.seed, state });
  }

  /** The prompts as they were read, before anything is generated. */
  #readPrompts(): Promise<readonly CompletionResult[]> {
    const runs = this.#complete({ ...this.#options, length: 0, n: 1 });
    return Promise.all(runs.map((run) => run.result()));
  }

  #complete(options: GenerateOptions): readonly Completions[] {
    return this.prompts.map((prompt) => this.lease.model.complete({ ...options, prompt }));
  }

  #throwIfStopped(): void {
    if (this.#timeLimit.aborted) throw overTime();
    if (this.#options.signal?.aborted) throw new FolioError('interrupted', 'The client left.');
  }
}

/** Characters of all completions. */
export const generatedBy = (results: readonly CompletionResult[]): number =>
  results.reduce((sum, { choices }) => sum + choices.reduce((of, { generated }) => of + generated, 0), 0);
