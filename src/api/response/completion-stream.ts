import type { CharacterDetail, CompletionResult } from '../../model/model.ts';
import type { Outcome, PromptEvent } from '../generation.ts';
import { bodyStream } from './body-stream.ts';
import { type Completion, type Usage, usage, usageOf } from './completion.ts';
import type { Choice } from './completion-format.ts';
import { errorBody } from './error-response.ts';
import { toJson } from './json.ts';
import { eventStreamHeaders, serverSentEvent } from './sse.ts';

/**
 * The completion as server-sent events, as it is made: what one turn of the event loop brought, in one event a choice;
 * with log-probabilities, in one event a character.
 *
 * @param requestId Stands in the error that ends a stream.
 */
export const streamCompletion = (completion: Completion, requestId: string): Response => {
  const { generation } = completion;
  const body = bodyStream(eventsOf(completion, requestId), () => generation.close());
  return new Response(body, { headers: { ...eventStreamHeaders, ...generation.headers() } });
};

async function* eventsOf(completion: Completion, requestId: string): AsyncGenerator<string, void> {
  const { generation, wishes } = completion;
  const chunks = new Chunks(completion);
  const run = generation.run();
  try {
    const first = chunks.first();
    if (first !== '') yield first;
    if (wishes.echo) yield* chunks.echoed(await generation.readPrompts());
    for (let step = await run.next(); ; step = await run.next()) {
      if (step.done) {
        yield chunks.ended(step.value);
        return;
      }
      const text = chunks.made(step.value);
      if (text !== '') yield text;
    }
  } catch (error) {
    generation.fail(error);
    yield serverSentEvent(JSON.stringify(errorBody(error, requestId)), 'error');
  } finally {
    await run.return(undefined as never);
    generation.close();
  }
}

/** OpenAI's chunks. */
class Chunks {
  readonly #completion: Completion;
  /** Characters of each choice so far. */
  readonly #made = new Map<number, number>();
  /** Of the usage so far, where every chunk reports it. */
  readonly #promptCharacters: number | undefined;
  #generated = 0;

  constructor(completion: Completion) {
    this.#completion = completion;
    const { streamOptions } = completion.wishes;
    if (streamOptions?.continuous_usage_stats)
      this.#promptCharacters = completion.generation.promptCharacters();
  }

  /** What comes before any text, where the format has such a thing. */
  first(): string {
    const { format, generation, wishes } = this.#completion;
    const { firstChoice } = format;
    if (firstChoice === undefined) return '';
    const choices = generation.prompts.length * wishes.n;
    return Array.from({ length: choices }, (_, index) => this.#event([firstChoice(index)])).join('');
  }

  /** The prompts, before anything is generated. */
  *echoed(scored: readonly CompletionResult[]): Generator<string> {
    const { generation, wishes } = this.#completion;
    for (const prompt of generation.prompts.keys()) {
      const { text, logprobs = null } = this.#completion.echo(prompt, scored[prompt]);
      for (let place = 0; place < wishes.n; place++) {
        yield this.#chunk({ text, index: prompt * wishes.n + place, logprobs, finish_reason: null });
      }
    }
  }

  made(events: readonly PromptEvent[]): string {
    const { n, logprobs } = this.#completion.wishes;
    const byChoice = new Map<number, { text: string; details: CharacterDetail[] }>();
    for (const { prompt, event } of events) {
      const index = prompt * n + event.index;
      const own = byChoice.get(index) ?? { text: '', details: [] };
      own.text += event.text;
      own.details.push(...(event.characters ?? []));
      byChoice.set(index, own);
      this.#generated += event.characters?.length ?? [...event.text].length;
    }
    let chunks = '';
    for (const [index, { text, details }] of byChoice) {
      if (text === '') continue;
      for (const piece of logprobs === undefined ? [{ text, details }] : this.#single(text, details)) {
        const before = this.#made.get(index) ?? 0;
        this.#made.set(index, before + piece.details.length);
        const own = this.#completion.logprobs(Math.floor(index / n), piece.details, before);
        chunks += this.#chunk({ text: piece.text, index, logprobs: own, finish_reason: null });
      }
    }
    return chunks;
  }

  /** A text in pieces of a character each; as it is where characters and text do not agree. */
  #single(text: string, details: readonly CharacterDetail[]): { text: string; details: CharacterDetail[] }[] {
    const { alphabet } = this.#completion.generation.lease.model;
    const pieces = details.map((detail) => ({ text: alphabet.piece(detail.id), details: [detail] }));
    const joined = pieces.map((piece) => piece.text).join('');
    return joined === text ? pieces : [{ text, details: [...details] }];
  }

  /** The reasons of the ends, receipt and timings with the last of them, the usage if it is wanted. */
  ended(outcome: Outcome): string {
    const { n, streamOptions } = this.#completion.wishes;
    const ends = outcome.results.flatMap(({ choices }, prompt) =>
      choices.map((choice, place) => ({
        text: '',
        index: prompt * n + place,
        logprobs: null,
        finish_reason: choice.finishReason,
        ...this.#completion.choiceExtras(choice, prompt),
      })),
    );
    const lastChunks = ends.map((end, at) =>
      this.#chunk(end, at === ends.length - 1 ? this.#completion.extras(outcome) : {}),
    );
    if (streamOptions?.include_usage) lastChunks.push(this.#event([], { usage: usageOf(outcome) }));
    return `${lastChunks.join('')}${serverSentEvent('[DONE]')}`;
  }

  #chunk(choice: Choice, more: object = {}): string {
    return this.#event([this.#completion.format.chunkChoice(choice)], more);
  }

  #event(choices: readonly object[], more: object = {}): string {
    const { format, head } = this.#completion;
    return serverSentEvent(
      toJson({ ...head, object: format.chunkObject, choices, ...this.#usage(), ...more }),
    );
  }

  /** As OpenAI does, a null in every chunk but the last; with `continuous_usage_stats`, the usage so far. */
  #usage(): { usage?: Usage | null } {
    if (this.#promptCharacters !== undefined) {
      return { usage: usage(this.#promptCharacters, this.#generated) };
    }
    return this.#completion.wishes.streamOptions?.include_usage ? { usage: null } : {};
  }
}
