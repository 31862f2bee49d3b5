import type { CompletionEvent, CompletionResult } from '../../model/model.ts';
import type { Outcome } from '../generation.ts';
import { type Choice, type Completion, usageOf } from './completion.ts';
import type { ErrorBody } from './error-response.ts';
import { Coalescer, eventStreamHeaders, PushedBody, serverSentEvent } from './sse.ts';

interface PromptEvent {
  readonly prompt: number;
  readonly event: CompletionEvent;
}

/**
 * The completion as server-sent events, as it is made: what one turn of the event loop brought, in one event a choice.
 *
 * @param failed Logs what goes wrong once the stream has begun, and returns the error that its reader gets.
 */
export const streamCompletion = (completion: Completion, failed: (error: unknown) => ErrorBody): Response => {
  const { generation } = completion;
  const body = new PushedBody(() => generation.stop());
  const chunks = new Chunks(completion);
  const coalescer = new Coalescer<PromptEvent>((pieces) => body.push(chunks.made(pieces)));
  const { echo } = completion.parameters;
  generation
    .run(
      (prompt, event) => coalescer.push({ prompt, event }),
      echo ? (scored) => body.push(chunks.echoed(scored)) : undefined,
    )
    .then(
      (outcome) => {
        coalescer.flush();
        body.push(chunks.ended(outcome));
      },
      (error: unknown) => {
        coalescer.flush();
        body.push(serverSentEvent(failed(error), 'error'));
      },
    )
    .finally(() => body.end());
  return new Response(body.stream, { headers: { ...eventStreamHeaders, ...generation.headers() } });
};

/** OpenAI's chunks. */
class Chunks {
  readonly #completion: Completion;
  /** Characters of each choice so far. */
  readonly #made = new Map<number, number>();

  constructor(completion: Completion) {
    this.#completion = completion;
  }

  /** The prompts, before anything is generated. */
  echoed(scored: readonly CompletionResult[]): string {
    const { parameters, generation } = this.#completion;
    const places = Array.from({ length: parameters.n }, (_, place) => place);
    return generation.prompts
      .flatMap((_, prompt) => {
        const { text, logprobs = null } = this.#completion.echo(prompt, scored[prompt]);
        return places.map((place) =>
          this.#chunk([{ text, index: prompt * parameters.n + place, logprobs, finish_reason: null }]),
        );
      })
      .join('');
  }

  made(pieces: readonly PromptEvent[]): string {
    const { n } = this.#completion.parameters;
    let text = '';
    for (const [index, own] of Map.groupBy(pieces, ({ prompt, event }) => prompt * n + event.index)) {
      const piece = own.map(({ event }) => event.text).join('');
      if (piece === '') continue;
      const details = own.flatMap(({ event }) => event.characters ?? []);
      const before = this.#made.get(index) ?? 0;
      this.#made.set(index, before + details.length);
      const logprobs = this.#completion.logprobs(Math.floor(index / n), details, before);
      text += this.#chunk([{ text: piece, index, logprobs, finish_reason: null }]);
    }
    return text;
  }

  /** The reasons of the ends, receipt and timings with the last of them, the usage if it is wanted. */
  ended(outcome: Outcome): string {
    const { n } = this.#completion.parameters;
    const ends = outcome.results.flatMap(({ choices }, prompt) =>
      choices.map((choice, place) => ({
        text: '',
        index: prompt * n + place,
        logprobs: null,
        finish_reason: choice.finishReason,
        ...this.#completion.choiceExtras(choice),
      })),
    );
    const lastChunks = ends.map((end, at) =>
      this.#chunk([end], at === ends.length - 1 ? this.#completion.extras(outcome) : {}),
    );
    if (this.#wantsUsage) lastChunks.push(this.#chunk([], { usage: usageOf(outcome) }));
    return `${lastChunks.join('')}${serverSentEvent('[DONE]')}`;
  }

  get #wantsUsage(): boolean {
    return this.#completion.parameters.stream_options?.include_usage === true;
  }

  #chunk(choices: readonly Choice[], more: object = {}): string {
    const usage = this.#wantsUsage ? { usage: null } : {};
    return serverSentEvent({ ...this.#completion.head, choices, ...usage, ...more });
  }
}
