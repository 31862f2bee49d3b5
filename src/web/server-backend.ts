import { call } from './api.ts';
import type { Backend, BackendOptions, ModelChoice } from './backend.ts';
import { completionBody } from './completion-body.ts';
import { readEvents } from './event-stream.ts';
import type { GeneratedCharacter, GenerationEvent, GenerationSettings } from './generation.ts';

interface Chunk {
  readonly error?: { readonly message: string };
  readonly choices?: readonly {
    readonly index: number;
    readonly text: string;
    readonly finish_reason: string | null;
    readonly stop_reason?: string;
    readonly continue_from?: string;
    readonly overlap?: { readonly characters: number; readonly exact: boolean };
    readonly choice_scores?: readonly { readonly text: string; readonly probability: number }[];
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

const charactersOf = (choice: Choice): GeneratedCharacter[] =>
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
    const characters = charactersOf(choice);
    if (characters.length > 0) yield { kind: 'characters', index: choice.index, characters };
    if (choice.finish_reason !== null) {
      yield {
        kind: 'end',
        index: choice.index,
        reason: choice.finish_reason,
        ...(choice.stop_reason === undefined ? {} : { stopReason: choice.stop_reason }),
        ...(choice.continue_from === undefined ? {} : { state: choice.continue_from }),
        ...(choice.overlap === undefined ? {} : { overlap: choice.overlap }),
        ...(choice.choice_scores === undefined ? {} : { choiceScores: choice.choice_scores }),
      };
    }
  }
  if (chunk.timings) {
    yield { kind: 'receipt', milliseconds: chunk.timings.generation_ms, replaced: chunk.replaced ?? [] };
  }
}

/** Generates on the server, by the same API that everybody else calls. */
export class ServerBackend implements Backend {
  readonly place = 'on the server';

  /** The server loads by itself. */
  load(): Promise<number> {
    return Promise.resolve(0);
  }

  async *generate(
    { id, indexed }: ModelChoice,
    settings: GenerationSettings,
    { signal, from }: BackendOptions,
  ): AsyncGenerator<GenerationEvent> {
    const response = await call('v1/completions', {
      method: 'POST',
      signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...completionBody(id, settings),
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
  }
}
