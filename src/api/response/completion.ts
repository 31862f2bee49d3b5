import type { CharacterDetail, CompletionResult } from '../../model/model.ts';
import { folioVersion } from '../../version.ts';
import { type Generation, generatedBy, type Outcome } from '../generation.ts';
import { startId, startToken } from '../request/checks.ts';
import {
  type Choice,
  type CompletionFormat,
  joinLogprobs,
  type Logprobs,
  logprobsOf,
} from './completion-format.ts';
import { stopReasonOf } from './stop-reason.ts';

type ChoiceResult = CompletionResult['choices'][number];

/** What a request wants of its answer. */
export interface CompletionWishes {
  /** Choices a prompt; the model may make more, of which the best stay. */
  readonly n: number;
  readonly stream: boolean;
  readonly streamOptions?:
    | { readonly include_usage?: boolean | undefined; readonly continuous_usage_stats?: boolean | undefined }
    | undefined;
  readonly logprobs: number | undefined;
  readonly echo: boolean;
}

/** What OpenAI's answers are made of, whole or in chunks. */
export class Completion {
  readonly generation: Generation;
  readonly format: CompletionFormat;
  readonly wishes: CompletionWishes;
  /** What every answer and chunk repeats. */
  readonly head: {
    readonly id: string;
    readonly created: number;
    readonly model: string;
    readonly system_fingerprint: string;
  };

  constructor(generation: Generation, format: CompletionFormat, wishes: CompletionWishes) {
    const { name, version, model } = generation.lease;
    this.generation = generation;
    this.format = format;
    this.wishes = wishes;
    this.head = {
      id: `${format.idPrefix}-${crypto.randomUUID().replaceAll('-', '')}`,
      created: Math.floor(Date.now() / 1000),
      model: `${name}@${version}`,
      system_fingerprint: `folio-${folioVersion}-${model.info.precision}-${version}`,
    };
  }

  async whole(): Promise<object> {
    const details = new Map<string, CharacterDetail[]>();
    const run = this.generation.run();
    let step = await run.next();
    for (; !step.done; step = await run.next()) {
      for (const { prompt, event } of step.value) {
        if (event.characters === undefined) continue;
        const key = `${prompt}.${event.index}`;
        const all = details.get(key) ?? [];
        all.push(...event.characters);
        details.set(key, all);
      }
    }
    const outcome = step.value;
    const { n } = this.wishes;
    const { format } = this;
    const choices = outcome.results.flatMap((result, prompt) => {
      const all = result.choices.map((choice, index) => ({
        choice,
        details: details.get(`${prompt}.${index}`) ?? [],
      }));
      const best = all.length > n ? all.toSorted((a, b) => mean(b.details) - mean(a.details)) : all;
      const echo = this.echo(prompt, result);
      return best.slice(0, n).map((one, place) => {
        const own = this.logprobs(prompt, one.details, 0);
        return format.choice({
          text: echo.text + one.choice.text,
          index: prompt * n + place,
          logprobs: own && (echo.logprobs ? joinLogprobs(echo.logprobs, own) : own),
          finish_reason: one.choice.finishReason,
          ...this.choiceExtras(one.choice, prompt),
        });
      });
    });
    return {
      ...this.head,
      object: format.object,
      choices,
      usage: usageOf(outcome),
      ...this.extras(outcome),
    };
  }

  /** @param before Characters of the completion that came before these. */
  logprobs(prompt: number, details: readonly CharacterDetail[], before: number): Logprobs | null {
    if (this.wishes.logprobs === undefined) return null;
    const offset = [...this.generation.promptText(prompt)].length + before;
    return logprobsOf(details, offset, '', this.format.listsOwn);
  }

  /** What stands before the completion when the prompt is to be repeated. */
  echo(prompt: number, scored: CompletionResult | undefined): { text: string; logprobs?: Logprobs } {
    if (!this.wishes.echo) return { text: '' };
    const text = this.generation.promptText(prompt);
    if (!scored?.promptDetails) return { text };
    const [replaced] = scored.replaced;
    const first = replaced?.at === 0 && replaced.by !== '' ? replaced.by : [...text][0];
    const logprobs = logprobsOf(scored.promptDetails, 0, first);
    const ids = this.generation.prompts[prompt];
    if (typeof ids !== 'object' || ids[0] !== startId(this.generation.lease)) return { text, logprobs };
    // The id for the beginning of a text is a token of the prompt, though none of the text.
    const start = { tokens: [startToken], token_logprobs: [null], top_logprobs: [null], text_offset: [0] };
    return { text, logprobs: joinLogprobs(start, logprobs) };
  }

  /** What a choice has in addition once it is complete. */
  choiceExtras(
    choice: ChoiceResult,
    prompt: number,
  ): Pick<Choice, 'stop_reason' | 'continue_from' | 'overlap' | 'choice_scores'> {
    const token = this.generation.continuation(choice.state, prompt);
    return {
      ...stopReasonOf(choice),
      ...(token === undefined ? {} : { continue_from: token }),
      ...(choice.overlap === undefined ? {} : { overlap: choice.overlap }),
      ...(choice.choiceScores === undefined ? {} : { choice_scores: choice.choiceScores }),
    };
  }

  /** What an answer has besides its choices. */
  extras({ results, timings }: Outcome): object {
    const replaced = results.flatMap((result) => result.replaced);
    const { warnings } = this.generation;
    return {
      receipt: this.generation.receipt(),
      timings,
      ...(replaced.length === 0 ? {} : { replaced }),
      ...(warnings.length === 0 ? {} : { warnings }),
    };
  }
}

const mean = (details: readonly CharacterDetail[]): number =>
  details.length === 0 ? 0 : details.reduce((sum, { logprob }) => sum + logprob, 0) / details.length;

export const usageOf = ({ results }: Outcome): Usage => {
  const prompt = results.reduce((sum, { promptCharacters }) => sum + promptCharacters, 0);
  const cached = results.reduce((sum, { cachedCharacters }) => sum + cachedCharacters, 0);
  return { ...usage(prompt, generatedBy(results)), prompt_tokens_details: { cached_tokens: cached } };
};

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** At the end alone: of the prompts' characters, those that the prefix cache held. */
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
}

export const usage = (prompt: number, completion: number): Usage => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
});
