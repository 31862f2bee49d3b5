import { call } from './api.ts';
import { completionBody } from './completion-body.ts';
import { readEvents } from './event-stream.ts';
import type {
  Backend,
  GeneratedCharacter,
  GenerationEvent,
  GenerationSettings,
  State,
} from './generation.ts';

interface Chunk {
  readonly error?: { readonly message: string };
  readonly choices?: readonly {
    readonly index: number;
    readonly text: string;
    readonly finish_reason: string | null;
    readonly continue_from?: string;
    readonly overlap?: { readonly characters: number; readonly exact: boolean };
    readonly logprobs?: {
      readonly tokens: readonly string[];
      readonly token_logprobs: readonly (number | null)[];
      readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
    } | null;
  }[];
  readonly timings?: { readonly generation_ms: number };
  readonly replaced?: readonly { readonly character: string; readonly by: string }[];
}

type Choice = NonNullable<Chunk['choices']>[number];

const lettersOf = (choice: Choice): GeneratedCharacter[] =>
  (choice.logprobs?.tokens ?? []).map((character, at) => ({
    character,
    logprob: choice.logprobs?.token_logprobs[at] ?? 0,
    top: Object.entries(choice.logprobs?.top_logprobs[at] ?? {})
      .map(([other, of]) => ({ character: other, logprob: of }))
      .toSorted((a, b) => b.logprob - a.logprob),
  }));

function* eventsOf(chunk: Chunk): Generator<GenerationEvent> {
  if (chunk.error) throw new Error(chunk.error.message);
  for (const choice of chunk.choices ?? []) {
    const letters = lettersOf(choice);
    if (letters.length > 0) yield { kind: 'letters', index: choice.index, letters };
    if (choice.finish_reason !== null) {
      yield {
        kind: 'end',
        index: choice.index,
        reason: choice.finish_reason,
        ...(choice.continue_from === undefined ? {} : { state: choice.continue_from }),
        ...(choice.overlap === undefined ? {} : { overlap: choice.overlap }),
      };
    }
  }
  if (chunk.timings) {
    yield { kind: 'receipt', milliseconds: chunk.timings.generation_ms, replaced: chunk.replaced ?? [] };
  }
}

/**
 * Generates on the server, by the same API that everybody else calls.
 *
 * @param indexed Whether the model can tell how much of a text it quotes
 */
export const serverBackend = (model: string, indexed: boolean): Backend => ({
  async *generate(request: GenerationSettings, signal: AbortSignal, from?: State) {
    const response = await call('v1/completions', {
      method: 'POST',
      signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...completionBody(model, request),
        stream: true,
        logprobs: 5,
        precision: 'int8',
        continuable: true,
        ...(indexed ? { overlap: true } : {}),
        ...(typeof from === 'string' ? { continue_from: from } : {}),
      }),
    });
    for await (const { data } of readEvents(response)) {
      if (data === '[DONE]') return;
      yield* eventsOf(JSON.parse(data) as Chunk);
    }
  },
});
