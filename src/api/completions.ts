import { Hono } from 'hono';
import type { CharacterDetail, CompletionEvent, CompletionResult, FinishReason } from '../model/model.ts';
import { folioVersion } from '../version.ts';
import { begin, type Door } from './begin.ts';
import type { Prompt } from './checks.ts';
import { Coalescer, eventStreamHeaders, PushedBody, serverSentEvent } from './coalesce.ts';
import type { AppDeps, Generator } from './deps.ts';
import type { ErrorBody, FaultList } from './faults.ts';
import { type Generation, generatedBy, type Outcome } from './generation.ts';
import { joinLogprobs, type Logprobs, logprobsOf } from './logprobs.ts';
import { type AppEnv, readJson, streamFailures } from './request.ts';
import { type CompletionParameters, CompletionRequest } from './schemas.ts';

interface Choice {
  readonly text: string;
  readonly index: number;
  readonly logprobs: Logprobs | null;
  readonly finish_reason: FinishReason | null;
  readonly continue_from?: string;
  readonly overlap?: { readonly characters: number; readonly exact: boolean };
}

/** OpenAI's completions, to the letter where it applies: https://platform.openai.com/docs/api-reference/completions */
export const completionRoutes = (deps: AppDeps, generator: Generator): Hono<AppEnv> =>
  new Hono<AppEnv>().post('/v1/completions', async (context) => {
    const body = await readJson(context, deps.limits);
    const { parameters, generation } = await begin(deps, generator, door, body, context);
    const completion = new Completion(parameters, generation, streamFailures(deps, context));
    if (parameters.stream) return completion.stream();
    return context.json(await completion.whole(), 200, generation.headers());
  });

/** Faults of parameters that are right each by itself. */
const checkTogether = (body: Readonly<Record<string, unknown>>, faults: FaultList): void => {
  const { best_of: best, n, stream, stream_options: options, suffix } = body;
  if (typeof best === 'number' && best < (typeof n === 'number' ? n : 1)) {
    faults.add('invalid_parameter', 'best_of', `best_of: expected at least n, ${n ?? 1}, received ${best}.`);
  }
  if (typeof best === 'number' && best > (typeof n === 'number' ? n : 1) && stream === true) {
    faults.add('invalid_parameter', 'best_of', 'best_of: expected no more than n with `stream`.');
  }
  if (options !== undefined && options !== null && stream !== true) {
    faults.add('invalid_parameter', 'stream_options', 'stream_options: expected only with `stream`.');
  }
  if (suffix !== undefined && suffix !== null) {
    faults.add(
      'invalid_parameter',
      'suffix',
      'suffix: not supported, because a recurrent model reads in one direction and cannot look at what is to follow.',
    );
  }
};

const promptsOf = ({ prompt }: CompletionParameters): readonly Prompt[] => {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as string[] | number[][]);
};

const door: Door<CompletionParameters> = {
  schema: CompletionRequest,
  lengthName: 'max_tokens',
  checkTogether,
  wish: (parameters) => {
    const { n, best_of: best = n, logprobs, echo } = parameters;
    return {
      prompts: promptsOf(parameters),
      length: parameters.max_tokens,
      count: best,
      // The best are told by their log-probabilities.
      logprobs: logprobs ?? (best > n ? 0 : undefined),
      scorePrompt: echo && logprobs !== undefined,
    };
  },
};

class Completion {
  readonly #parameters: CompletionParameters;
  readonly #generation: Generation;
  readonly #failed: (error: unknown) => ErrorBody;
  readonly #head: { id: string; object: 'text_completion'; created: number; model: string };
  readonly #fingerprint: string;

  /** @param failed Hears what goes wrong once the stream has begun, and says what may be told of it. */
  constructor(
    parameters: CompletionParameters,
    generation: Generation,
    failed: (error: unknown) => ErrorBody,
  ) {
    const { name, version, model } = generation.held;
    this.#parameters = parameters;
    this.#generation = generation;
    this.#failed = failed;
    this.#head = {
      id: `cmpl-${crypto.randomUUID().replaceAll('-', '')}`,
      object: 'text_completion',
      created: Math.floor(Date.now() / 1000),
      model: `${name}@${version}`,
    };
    this.#fingerprint = `folio-${folioVersion}-${model.info.precision}-${version}`;
  }

  async whole(): Promise<object> {
    const details = new Map<string, CharacterDetail[]>();
    const outcome = await this.#generation.run((prompt, { index, characters }) => {
      const key = `${prompt}.${index}`;
      const known = details.get(key);
      if (known) known.push(...(characters ?? []));
      else details.set(key, [...(characters ?? [])]);
    });
    const { n } = this.#parameters;
    const choices = outcome.results.flatMap((result, prompt) => {
      const all = result.choices.map((choice, index) => ({
        choice,
        details: details.get(`${prompt}.${index}`) ?? [],
      }));
      const best = all.length > n ? all.toSorted((a, b) => mean(b.details) - mean(a.details)) : all;
      return best.slice(0, n).map((one, place): Choice => {
        const echoed = this.#echo(prompt, result);
        const own = this.#logprobs(one.details, result.promptCharacters);
        return {
          text: echoed.text + one.choice.text,
          index: prompt * n + place,
          logprobs: own && (echoed.logprobs ? joinLogprobs(echoed.logprobs, own) : own),
          finish_reason: one.choice.finishReason,
          ...this.#carried(one.choice),
        };
      });
    });
    return {
      ...this.#head,
      choices,
      usage: usageOf(outcome),
      system_fingerprint: this.#fingerprint,
      ...this.#told(outcome),
    };
  }

  stream(): Response {
    const { n, echo, stream_options: options } = this.#parameters;
    const usage = options?.include_usage === true;
    const body = new PushedBody(() => this.#generation.stop());
    const chunk = (choices: readonly Choice[], more: object = {}): string =>
      serverSentEvent({
        ...this.#head,
        choices,
        ...(usage ? { usage: null } : {}),
        system_fingerprint: this.#fingerprint,
        ...more,
      });
    const made = new Map<number, number>(); // characters of each choice so far, for the offsets
    const write = (events: { prompt: number; event: CompletionEvent }[]): void => {
      const choices = Map.groupBy(events, ({ prompt, event }) => prompt * n + event.index);
      let text = '';
      for (const [index, ofChoice] of choices) {
        const details = ofChoice.flatMap(({ event }) => event.characters ?? []);
        const piece = ofChoice.map(({ event }) => event.text).join('');
        const before = made.get(index) ?? 0;
        made.set(index, before + details.length);
        if (piece === '') continue;
        text += chunk([
          {
            text: piece,
            index,
            logprobs: this.#logprobs(details, this.#promptCharacters(ofChoice[0]?.prompt ?? 0) + before),
            finish_reason: null,
          },
        ]);
      }
      if (text !== '') body.push(text);
    };
    const coalescer = new Coalescer(write);
    const run = async (): Promise<void> => {
      try {
        if (echo) {
          const scored = this.#parameters.logprobs === undefined ? [] : await this.#generation.scorePrompts();
          for (const prompt of this.#generation.prompts.keys()) {
            const { text, logprobs = null } = this.#echo(prompt, scored[prompt]);
            for (let place = 0; place < n; place++) {
              body.push(chunk([{ text, index: prompt * n + place, logprobs, finish_reason: null }]));
            }
          }
        }
        const outcome = await this.#generation.run((prompt, event) => coalescer.push({ prompt, event }));
        coalescer.flush();
        const ends = outcome.results.flatMap((result, prompt) =>
          result.choices.map(
            (choice, place): Choice => ({
              text: '',
              index: prompt * n + place,
              logprobs: null,
              finish_reason: choice.finishReason,
              ...this.#carried(choice),
            }),
          ),
        );
        const last = ends.length - 1;
        for (const [at, end] of ends.entries())
          body.push(chunk([end], at === last ? this.#told(outcome) : {}));
        if (usage) body.push(chunk([], { usage: usageOf(outcome) }));
        body.push(serverSentEvent('[DONE]'));
      } catch (error) {
        coalescer.flush();
        body.push(serverSentEvent(this.#failed(error), 'error'));
      }
      body.end();
    };
    void run();
    return new Response(body.stream, { headers: { ...eventStreamHeaders, ...this.#generation.headers() } });
  }

  #promptCharacters(prompt: number): number {
    return [...(this.#generation.prompts[prompt] ?? '')].length;
  }

  #logprobs(details: readonly CharacterDetail[], offset: number): Logprobs | null {
    return this.#parameters.logprobs === undefined ? null : logprobsOf(details, [], offset);
  }

  /** What stands before the completion when the prompt is to be repeated. */
  #echo(prompt: number, scored: CompletionResult | undefined): { text: string; logprobs?: Logprobs } {
    if (!this.#parameters.echo) return { text: '' };
    const text = this.#generation.prompts[prompt] ?? '';
    if (!scored?.promptDetails) return { text };
    const [replaced] = scored.replaced;
    const first = replaced?.at === 0 && replaced.by !== '' ? replaced.by : [...text][0];
    const [, ...rest] = scored.promptDetails;
    // OpenAI tells nothing of a text's first token.
    return { text, logprobs: logprobsOf([undefined, ...rest], [first ?? ''], 0) };
  }

  #carried(choice: CompletionResult['choices'][number]): Pick<Choice, 'continue_from' | 'overlap'> {
    const token = this.#generation.continuation(choice.state);
    return {
      ...(token === undefined ? {} : { continue_from: token }),
      ...(choice.overlap === undefined ? {} : { overlap: choice.overlap }),
    };
  }

  #told({ results, timings }: Outcome): object {
    const replaced = results.flatMap((result) => result.replaced);
    return {
      receipt: this.#generation.receipt(),
      timings,
      ...(replaced.length === 0 ? {} : { replaced }),
    };
  }
}

const mean = (details: readonly CharacterDetail[]): number =>
  details.length === 0 ? 0 : details.reduce((sum, { logprob }) => sum + logprob, 0) / details.length;

const usageOf = ({ results }: Outcome): object => {
  const prompt = results.reduce((sum, { promptCharacters }) => sum + promptCharacters, 0);
  const completion = generatedBy(results);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
};
