import type { CharacterDetail, CompletionResult, FinishReason } from '../../model/model.ts';
import { folioVersion } from '../../version.ts';
import { type Generation, generatedBy, type Outcome } from '../generation.ts';
import type { CompletionParameters } from '../request/requests.ts';
import { joinLogprobs, type Logprobs, logprobsOf } from './logprobs.ts';

export interface Choice {
  readonly text: string;
  readonly index: number;
  readonly logprobs: Logprobs | null;
  readonly finish_reason: FinishReason | null;
  readonly continue_from?: string;
  readonly overlap?: { readonly characters: number; readonly exact: boolean };
}

type ChoiceResult = CompletionResult['choices'][number];

/** What OpenAI's answers are made of, whole or in chunks. */
export class Completion {
  readonly parameters: CompletionParameters;
  readonly generation: Generation;
  /** What every chunk repeats. */
  readonly head: {
    readonly id: string;
    readonly object: 'text_completion';
    readonly created: number;
    readonly model: string;
    readonly system_fingerprint: string;
  };

  constructor(parameters: CompletionParameters, generation: Generation) {
    const { name, version, model } = generation.lease;
    this.parameters = parameters;
    this.generation = generation;
    this.head = {
      id: `cmpl-${crypto.randomUUID().replaceAll('-', '')}`,
      object: 'text_completion',
      created: Math.floor(Date.now() / 1000),
      model: `${name}@${version}`,
      system_fingerprint: `folio-${folioVersion}-${model.info.precision}-${version}`,
    };
  }

  async whole(): Promise<object> {
    const details = new Map<string, CharacterDetail[]>();
    const outcome = await this.generation.run((prompt, { index, characters = [] }) => {
      const key = `${prompt}.${index}`;
      details.set(key, [...(details.get(key) ?? []), ...characters]);
    });
    const { n } = this.parameters;
    const choices = outcome.results.flatMap((result, prompt) => {
      const all = result.choices.map((choice, index) => ({
        choice,
        details: details.get(`${prompt}.${index}`) ?? [],
      }));
      const best = all.length > n ? all.toSorted((a, b) => mean(b.details) - mean(a.details)) : all;
      const echo = this.echo(prompt, result);
      return best.slice(0, n).map((one, place): Choice => {
        const own = this.logprobs(prompt, one.details, 0);
        return {
          text: echo.text + one.choice.text,
          index: prompt * n + place,
          logprobs: own && (echo.logprobs ? joinLogprobs(echo.logprobs, own) : own),
          finish_reason: one.choice.finishReason,
          ...this.choiceExtras(one.choice),
        };
      });
    });
    return { ...this.head, choices, usage: usageOf(outcome), ...this.extras(outcome) };
  }

  /** @param before Characters of the completion that came before these. */
  logprobs(prompt: number, details: readonly CharacterDetail[], before: number): Logprobs | null {
    if (this.parameters.logprobs === undefined) return null;
    return logprobsOf(details, [...this.#prompt(prompt)].length + before);
  }

  /** What stands before the completion when the prompt is to be repeated. */
  echo(prompt: number, scored: CompletionResult | undefined): { text: string; logprobs?: Logprobs } {
    if (!this.parameters.echo) return { text: '' };
    const text = this.#prompt(prompt);
    if (!scored?.promptDetails) return { text };
    // As in OpenAI's answers, a text's first token has no log-probability.
    const details = scored.promptDetails.map((detail, at) => (at === 0 ? undefined : detail));
    const [replaced] = scored.replaced;
    const first = replaced?.at === 0 && replaced.by !== '' ? replaced.by : [...text][0];
    return { text, logprobs: logprobsOf(details, 0, first) };
  }

  /** What a choice has in addition once it is complete. */
  choiceExtras(choice: ChoiceResult): Pick<Choice, 'continue_from' | 'overlap'> {
    const token = this.generation.continuation(choice.state);
    return {
      ...(token === undefined ? {} : { continue_from: token }),
      ...(choice.overlap === undefined ? {} : { overlap: choice.overlap }),
    };
  }

  /** What an answer has besides its choices. */
  extras({ results, timings }: Outcome): object {
    const replaced = results.flatMap((result) => result.replaced);
    return {
      receipt: this.generation.receipt(),
      timings,
      ...(replaced.length === 0 ? {} : { replaced }),
    };
  }

  #prompt(prompt: number): string {
    return this.generation.prompts[prompt] ?? '';
  }
}

const mean = (details: readonly CharacterDetail[]): number =>
  details.length === 0 ? 0 : details.reduce((sum, { logprob }) => sum + logprob, 0) / details.length;

export const usageOf = ({ results }: Outcome): object => {
  const prompt = results.reduce((sum, { promptCharacters }) => sum + promptCharacters, 0);
  const completion = generatedBy(results);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
};
