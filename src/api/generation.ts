import { FolioError } from '../errors.ts';
import type { CompletionEvent, CompletionResult, Completions, GenerateOptions } from '../model/model.ts';
import type { HeldModel } from '../store/model-cache.ts';
import { type ModelReference, parseModelReference } from '../store/model-name.ts';
import type { Caller } from './auth.ts';
import type { Continuation } from './continuation.ts';
import type { Generator } from './deps.ts';
import type { FaultList } from './faults.ts';
import type { Limits } from './limits.ts';
import { type Timings, timings } from './meter.ts';
import type { CommonParameters } from './schemas.ts';

/** A prompt as text, or as ids of the alphabet. */
export type Prompt = string | readonly number[];

/** What both generating doors ask for once their own words are translated. */
export interface GenerationRequest {
  readonly model?: string | undefined;
  readonly prompts: readonly Prompt[];
  readonly length: number;
  /** Completions for each prompt. */
  readonly count: number;
  readonly logprobs?: number | undefined;
  readonly scorePrompt: boolean;
  readonly common: CommonParameters;
}

export interface Outcome {
  /** One a prompt, in their order. */
  readonly results: readonly CompletionResult[];
  readonly timings: Timings;
}

/** Opens the model that a request names; the name itself, or what pins it, may be at fault. */
export const openModel = async (
  generator: Generator,
  named: { model?: string | undefined } & Partial<Pick<CommonParameters, 'version' | 'digest' | 'precision'>>,
  continued?: Continuation,
): Promise<HeldModel> => {
  const asked = named.model === undefined ? generator.defaultModel : parseModelReference(named.model);
  const reference = pin(asked, named.version, continued);
  const precision = named.precision ?? continued?.precision;
  if (continued && precision !== continued.precision) {
    throw foreign('precision', continued.precision, String(precision));
  }
  const held = await generator.open(reference, precision);
  const { digest } = held.model.info;
  const expected = named.digest ?? continued?.digest;
  if (expected !== undefined && expected !== digest) {
    held.release();
    throw new FolioError('state_mismatch', `digest: expected ${digest} of ${held.name}@${held.version}.`, {
      where: 'digest',
      expected: digest,
    });
  }
  return held;
};

const foreign = (what: string, of: string, asked: string): FolioError =>
  new FolioError('state_mismatch', `continue_from: it goes on with ${what} ${of}, not ${asked}.`, {
    where: 'continue_from',
    expected: of,
    received: asked,
  });

/** A version by `model: "name@version"`, by `version`, or by what is gone on from: they have to agree. */
const pin = (
  asked: ModelReference,
  version: string | undefined,
  continued?: Continuation,
): ModelReference => {
  if (version !== undefined && asked.version !== undefined && version !== asked.version) {
    throw new FolioError('invalid_parameter', `version: expected ${asked.version}, which \`model\` pins.`, {
      where: 'version',
      expected: asked.version,
      received: version,
    });
  }
  const pinned = version ?? asked.version;
  if (continued === undefined) return pinned === undefined ? asked : { name: asked.name, version: pinned };
  if (continued.model !== asked.name) throw foreign('model', continued.model, asked.name);
  if (pinned !== undefined && pinned !== continued.version)
    throw foreign('version', continued.version, pinned);
  return { name: continued.model, version: continued.version };
};

/** What is too long is told beside what is malformed; so this looks at values that may be of any type. */
export const checkLengths = (
  limits: Limits,
  values: { readonly [where: string]: unknown },
  lengthName: string,
  faults: FaultList,
): void => {
  const length = values[lengthName];
  if (typeof length === 'number' && length > limits.length) {
    faults.add(
      'limit_exceeded',
      lengthName,
      `${lengthName}: expected at most ${limits.length} characters, received ${length}.`,
    );
  }
  for (const where of ['prompt', 'text']) {
    const value = values[where];
    const several = Array.isArray(value) && typeof value[0] !== 'number' ? value : [value];
    for (const [at, one] of several.entries()) {
      if (typeof one !== 'string' && !Array.isArray(one)) continue;
      if (one.length <= limits.prompt) continue;
      const place = several.length > 1 ? `${where}[${at}]` : where;
      faults.add(
        'limit_exceeded',
        place,
        `${place}: expected at most ${limits.prompt} characters, received ${one.length}.`,
      );
    }
  }
};

/** A request that has passed every check, and holds its model and its places until it has run. */
export class Generation {
  readonly held: HeldModel;
  readonly seed: number;
  readonly prompts: readonly string[];
  readonly #options: GenerateOptions;
  readonly #request: GenerationRequest;
  readonly #generator: Generator;
  readonly #runs: readonly Completions[];
  readonly #timeLimit: AbortSignal;
  readonly #stop = new AbortController();
  readonly #leave: () => void;
  readonly #began: number;

  private constructor(
    generator: Generator,
    limits: Limits,
    held: HeldModel,
    request: GenerationRequest,
    options: GenerateOptions,
    continued: Continuation | undefined,
    began: number,
    caller: Caller,
    client: AbortSignal,
  ) {
    this.held = held;
    this.#request = request;
    this.#generator = generator;
    this.#began = began;
    this.seed = request.common.seed ?? continued?.seed ?? drawSeed();
    this.#leave = generator.admission.enter(caller.id, request.prompts.length * request.count);
    this.#timeLimit = AbortSignal.timeout(limits.seconds * 1000);
    const signal = AbortSignal.any([client, this.#timeLimit, this.#stop.signal]);
    this.prompts = request.prompts.map((prompt) => textOf(held, prompt));
    // The seed that a state began with lets its generator go on; another one starts a new generator.
    this.#options = { ...options, seed: this.seed, signal };
    try {
      this.#runs = this.prompts.map((prompt) => held.model.complete({ ...this.#options, prompt }));
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  /**
   * Does all that can fail before the first byte is sent.
   *
   * @param request Undefined when its schema found faults: what can still be checked of `body` is.
   * @throws FolioError with every fault of the request
   */
  static async begin(
    generator: Generator,
    limits: Limits,
    request: GenerationRequest | undefined,
    body: unknown,
    faults: FaultList,
    caller: Caller,
    client: AbortSignal,
  ): Promise<Generation> {
    const began = performance.now();
    if (request === undefined) {
      await gatherFromMalformed(generator, body, faults);
      faults.throwIfAny();
      throw new TypeError('A request without a fault was not parsed.');
    }
    const { common } = request;
    const continued = await faults.gather('continue_from', () =>
      common.continue_from === undefined ? undefined : generator.signer.open(common.continue_from),
    );
    const lost = common.continue_from !== undefined && continued === undefined;
    const held = lost
      ? undefined
      : await faults.gather('model', () =>
          openModel(generator, { model: request.model, ...common }, continued),
        );
    try {
      const options = held && (await optionsFor(held, request, continued, faults));
      faults.throwIfAny();
      if (!held || !options) throw new TypeError('A request without a fault has no model.');
      return new Generation(generator, limits, held, request, options, continued, began, caller, client);
    } catch (error) {
      held?.release();
      throw error;
    }
  }

  /** Makes an end: the reader has left. */
  stop(): void {
    this.#stop.abort();
  }

  /**
   * Runs to the end.
   *
   * @param on Hears every event as it happens, with the place of its prompt.
   * @throws FolioError `time_limit`, or `interrupted` when the client left
   */
  async run(on: (prompt: number, event: CompletionEvent) => void = () => {}): Promise<Outcome> {
    const begun = performance.now();
    let first: number | undefined;
    try {
      await Promise.all(
        this.#runs.map(async (run, prompt) => {
          for await (const event of run) {
            if (first === undefined && event.text !== '') first = performance.now();
            on(prompt, event);
          }
        }),
      );
      const results = await Promise.all(this.#runs.map((run) => run.result()));
      this.#throwIfStopped(results);
      const now = performance.now();
      const characters = results.reduce(
        (sum, { choices }) => sum + choices.reduce((of, choice) => of + choice.generated, 0),
        0,
      );
      return {
        results,
        timings: timings(
          {
            load: this.held.loadMilliseconds,
            firstCharacter: first === undefined ? undefined : first - this.#began,
            generation: now - begun,
            whole: now - this.#began,
          },
          characters,
          this.#generator.meter,
        ),
      };
    } catch (error) {
      this.stop();
      this.#throwIfStopped(undefined);
      throw error;
    } finally {
      this.#leave();
      this.held.release();
    }
  }

  /** The prompts' own log-probabilities, for an answer that has to begin with them. */
  async scorePrompts(): Promise<readonly CompletionResult[]> {
    const options = { ...this.#options, length: 0, n: 1, scorePrompt: true };
    return Promise.all(
      this.prompts.map((prompt) => this.held.model.complete({ ...options, prompt }).result()),
    );
  }

  /** What is known before the first character, for clients that read no further than the head. */
  headers(): Record<string, string> {
    const { name, version, model, loadMilliseconds } = this.held;
    return {
      'x-folio-model': `${name}@${version}`,
      'x-folio-digest': model.info.digest,
      'x-folio-seed': String(this.seed),
      'server-timing': `load;dur=${loadMilliseconds.toFixed(1)}`,
    };
  }

  /**
   * The request that gives the same text again: everything that took part, defaults and seed included.
   *
   * @param parameters As the route's schema read them.
   */
  receipt(parameters: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const { name, version, model } = this.held;
    const { digest, precision } = model.info;
    const whole = { ...parameters, model: name, version, digest, precision, seed: this.seed };
    return Object.fromEntries(
      Object.entries(whole).filter(([key, value]) => value !== undefined && !ofDelivery.has(key)),
    );
  }

  /** The signed state of one completion, for the client to keep, if it was asked for. */
  continuation(state: Uint8Array): string | undefined {
    const { continuable, continue_from } = this.#request.common;
    if (!continuable && continue_from === undefined) return undefined;
    const { name, version, model } = this.held;
    const { digest, precision } = model.info;
    return this.#generator.signer.seal({ model: name, version, digest, precision, seed: this.seed, state });
  }

  #throwIfStopped(results: readonly CompletionResult[] | undefined): void {
    const stopped =
      results === undefined ||
      results.some(({ choices }) => choices.some((choice) => choice.finishReason === 'aborted'));
    if (!stopped) return;
    if (this.#timeLimit.aborted) {
      throw new FolioError('time_limit', 'The request took longer than this server allows.', {
        retryAfter: 1,
      });
    }
    throw new FolioError('interrupted', 'The client left.');
  }
}

/** Parameters that say how an answer travels, not what it is. */
const ofDelivery = new Set(['stream', 'stream_options', 'user']);

const drawSeed = (): number => {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1fffff) * 2 ** 32 + low;
};

const textOf = (held: HeldModel, prompt: Prompt): string =>
  typeof prompt === 'string' ? prompt : held.model.alphabet.decode(prompt);

/** Checks what depends on the model, and turns the request's words into the model's. */
const optionsFor = async (
  held: HeldModel,
  request: GenerationRequest,
  continued: Continuation | undefined,
  faults: FaultList,
): Promise<GenerateOptions> => {
  const { common } = request;
  for (const [at, prompt] of request.prompts.entries()) {
    checkPrompt(
      held,
      prompt,
      common.unknown,
      request.prompts.length > 1 ? `prompt[${at}]` : 'prompt',
      faults,
    );
  }
  if (common.allowed !== undefined) checkPrompt(held, common.allowed, 'error', 'allowed', faults);
  const bias = common.logit_bias && Object.entries(common.logit_bias);
  for (const [id] of bias ?? []) {
    if (Number(id) < held.model.vocabularySize) continue;
    faults.add(
      'invalid_parameter',
      `logit_bias.${id}`,
      `logit_bias.${id}: expected the id of a character, 0 to ${held.model.vocabularySize - 1}.`,
    );
  }
  const index =
    common.copy_guard !== undefined || common.overlap
      ? await faults.gather('copy_guard', async () => {
          const found = await held.copyIndex();
          if (found) return found;
          throw new FolioError(
            'model_unsupported',
            `${held.name}@${held.version} was published without an index of its corpus.`,
            { where: common.copy_guard === undefined ? 'overlap' : 'copy_guard' },
          );
        })
      : undefined;
  const { copy_guard: guarded } = common;
  if (index && guarded !== undefined && guarded < index.window) {
    faults.add(
      'invalid_parameter',
      'copy_guard',
      `copy_guard: expected at least ${index.window} characters for this model’s index, received ${guarded}.`,
    );
  }
  const options = {
    length: request.length,
    n: request.count,
    logprobs: request.logprobs,
    scorePrompt: request.scorePrompt,
    temperature: common.temperature,
    topK: common.top_k,
    topP: common.top_p,
    minP: common.min_p,
    typicalP: common.typical_p,
    repetitionPenalty: common.repetition_penalty,
    presencePenalty: common.presence_penalty,
    frequencyPenalty: common.frequency_penalty,
    logitBias: bias && Object.fromEntries(bias.map(([id, value]) => [Number(id), value])),
    allowed: common.allowed,
    stop: typeof common.stop === 'string' ? [common.stop] : common.stop,
    unknown: common.unknown,
    from: continued?.state,
    copyGuard: index && guarded !== undefined ? { index, length: guarded } : undefined,
    overlap: index,
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as GenerateOptions;
};

/** Every character of a prompt that the model does not know is a fault, unless the request says what becomes of it. */
export const checkPrompt = (
  held: HeldModel,
  prompt: Prompt,
  unknown: CommonParameters['unknown'],
  where: string,
  faults: FaultList,
): void => {
  const { alphabet, vocabularySize } = held.model;
  if (typeof prompt !== 'string') {
    const strange = prompt.find((id) => id >= vocabularySize);
    if (strange === undefined) return;
    faults.add(
      'unknown_character',
      where,
      `${where}: expected ids from 0 to ${vocabularySize - 1}, received ${strange}.`,
    );
    return;
  }
  if (unknown !== 'error') return;
  const pieces = alphabet.kind === 'characters' ? prompt : prompt.split(/\s+/).filter(Boolean);
  const strange = [...new Set(pieces)].filter((piece) => alphabet.idOf(piece) === undefined);
  if (strange.length === 0) return;
  const shown = strange.slice(0, 10).map((character) => JSON.stringify(character));
  faults.add(
    'unknown_character',
    where,
    `${where}: ${held.name} does not know ${shown.join(', ')}${strange.length > 10 ? ' and others' : ''}; ` +
      '`unknown` set to "skip" or "nearest" lets it pass.',
  );
};

/** Of a request that its schema refused, says what is wrong with model and prompt as well. */
const gatherFromMalformed = async (generator: Generator, body: unknown, faults: FaultList): Promise<void> => {
  if (typeof body !== 'object' || body === null) return;
  const { model, prompt, unknown } = body as Record<string, unknown>;
  if (model !== undefined && typeof model !== 'string') return;
  const held = await faults.gather('model', () => openModel(generator, { model }));
  if (!held) return;
  if (typeof prompt === 'string' && (unknown === undefined || unknown === 'error')) {
    checkPrompt(held, prompt, 'error', 'prompt', faults);
  }
  held.release();
};
