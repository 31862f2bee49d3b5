import { isFolioError } from '../errors.ts';
import type { CompletionResult } from '../model/model.ts';

/** What a generation came to, for logs and metrics: neither prompt nor text. */
export interface GenerationSummary {
  readonly model: string;
  /** Of all completions. */
  readonly characters: number;
  /** Absent where the prompts were not read to their end. */
  readonly promptCharacters?: number;
  /** Of these, those that the prefix cache held. */
  readonly cachedCharacters?: number;
  /** From the request; absent when none was made. */
  readonly firstCharacterMilliseconds?: number;
  /** From the first character until the last was taken; of a whole text. */
  readonly decodeMilliseconds?: number;
  /** The reasons why its completions ended, `left` when its reader did not wait for the end, or an error's code. */
  readonly ended: string;
  readonly error?: unknown;
}

/** @param results Absent where the answer did not come to its end. */
export const howEnded = (
  failure: unknown,
  results: readonly CompletionResult[] | undefined,
): Pick<GenerationSummary, 'ended' | 'error'> => {
  if (isFolioError(failure) && failure.code === 'interrupted') return { ended: 'left' };
  if (failure !== undefined) {
    return { ended: isFolioError(failure) ? failure.code : 'internal_error', error: failure };
  }
  const reasons = new Set(results?.flatMap(({ choices }) => choices.map((choice) => choice.finishReason)));
  if (reasons.size === 0 || reasons.has('aborted')) return { ended: 'left' };
  return { ended: [...reasons].sort().join(',') };
};
