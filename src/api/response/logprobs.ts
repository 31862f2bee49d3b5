import type { CharacterDetail } from '../../model/model.ts';

/** OpenAI's log-probabilities of a completion; a token is a character here. */
export interface Logprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[];
  /** Code points before the token in prompt and completion together. */
  readonly text_offset: number[];
}

/**
 * @param details Of each character; undefined where it has none.
 * @param offset Of the first character.
 * @param first The first character, where its detail is undefined.
 */
export const logprobsOf = (
  details: readonly (CharacterDetail | undefined)[],
  offset: number,
  first = '',
): Logprobs => ({
  tokens: details.map((detail) => detail?.character ?? first),
  token_logprobs: details.map((detail) => detail?.logprob ?? null),
  top_logprobs: details.map((detail) =>
    detail === undefined
      ? null
      : Object.fromEntries(
          [...detail.top, { character: detail.character, logprob: detail.logprob }].map(
            ({ character, logprob }) => [character, logprob],
          ),
        ),
  ),
  text_offset: details.map((_, at) => offset + at),
});

export const joinLogprobs = (a: Logprobs, b: Logprobs): Logprobs => ({
  tokens: [...a.tokens, ...b.tokens],
  token_logprobs: [...a.token_logprobs, ...b.token_logprobs],
  top_logprobs: [...a.top_logprobs, ...b.top_logprobs],
  text_offset: [...a.text_offset, ...b.text_offset],
});
