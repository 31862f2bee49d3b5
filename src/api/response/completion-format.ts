import type { CharacterDetail, ChoiceScore, FinishReason } from '../../model/model.ts';

/** OpenAI's log-probabilities of a completion; a token is a character here. */
export interface Logprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  /** Likeliest first, whatever the characters: maps keep that order, and `toJson` writes it. */
  readonly top_logprobs: (ReadonlyMap<string, number> | null)[];
  /** Code points before the token in prompt and completion together. */
  readonly text_offset: number[];
}

export interface Choice {
  readonly text: string;
  readonly index: number;
  readonly logprobs: Logprobs | null;
  readonly finish_reason: FinishReason | null;
  readonly stop_reason?: string;
  readonly continue_from?: string;
  readonly overlap?: { readonly characters: number; readonly exact: boolean };
  readonly choice_scores?: readonly ChoiceScore[];
}

/** How one of OpenAI's routes words its answers. */
export interface CompletionFormat {
  readonly idPrefix: string;
  /** `object` of a whole answer, and of a chunk of a stream. */
  readonly object: string;
  readonly chunkObject: string;
  readonly choice: (choice: Choice) => object;
  readonly chunkChoice: (choice: Choice) => object;
  /** Whether a character stands among its alternatives even where it is none of the likeliest. */
  readonly listsOwn: boolean;
  /** What a stream says of each choice before its text. */
  readonly firstChoice?: (index: number) => object;
}

/** `text_completion`: https://platform.openai.com/docs/api-reference/completions/object */
export const textFormat: CompletionFormat = {
  idPrefix: 'cmpl',
  object: 'text_completion',
  chunkObject: 'text_completion',
  listsOwn: true,
  choice: (choice) => choice,
  chunkChoice: (choice) => choice,
};

/**
 * @param details Of each character; undefined where it has none.
 * @param offset Of the first character.
 * @param first The first character, where its detail is undefined.
 * @param listsOwn As the format has it.
 */
export const logprobsOf = (
  details: readonly (CharacterDetail | undefined)[],
  offset: number,
  first = '',
  listsOwn = true,
): Logprobs => ({
  tokens: details.map((detail) => detail?.character ?? first),
  token_logprobs: details.map((detail) => detail?.logprob ?? null),
  top_logprobs: details.map((detail) => (detail === undefined ? null : topOf(detail, listsOwn))),
  text_offset: details.map((_, at) => offset + at),
});

/** The alternatives, likeliest first, and the character itself where it is none of them and is wanted. */
const topOf = (
  { top, character, logprob }: CharacterDetail,
  listsOwn: boolean,
): ReadonlyMap<string, number> => {
  const all = new Map(top.map((other) => [other.character, other.logprob]));
  if (listsOwn && !all.has(character)) all.set(character, logprob);
  return all;
};

export const joinLogprobs = (a: Logprobs, b: Logprobs): Logprobs => ({
  tokens: [...a.tokens, ...b.tokens],
  token_logprobs: [...a.token_logprobs, ...b.token_logprobs],
  top_logprobs: [...a.top_logprobs, ...b.top_logprobs],
  text_offset: [...a.text_offset, ...b.text_offset],
});
