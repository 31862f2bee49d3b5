import type { CompletionResult } from '../../model/model.ts';

/** What ended a text that stopped: the stop string, as vLLM names it, or what else there was to end it. */
export const stopReasonOf = ({
  stopReason,
}: Pick<CompletionResult['choices'][number], 'stopReason'>): { readonly stop_reason?: string } => {
  if (stopReason === undefined) return {};
  return { stop_reason: stopReason.by === 'stop' ? stopReason.text : stopReason.by };
};
