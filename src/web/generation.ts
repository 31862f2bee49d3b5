/** What the page asks for, by the names of the API's simple door; the link, the snippets and both presses read it. */
export interface GenerationSettings {
  readonly prompt: string;
  readonly length: number; // characters
  readonly seed: number;
  readonly n: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number; // 0: no limit
  readonly minP: number;
  readonly typicalP: number; // 1: no limit
  readonly repetitionPenalty: number;
  readonly frequencyPenalty: number;
  readonly copyGuard: number; // characters; 0: none
  readonly stop: string; // empty: none
  readonly unknown: 'error' | 'skip' | 'nearest';
}

export const defaultSettings: GenerationSettings = {
  prompt: 'ROMEO:',
  length: 400,
  seed: 1,
  n: 1,
  temperature: 0.8,
  topP: 0.95,
  topK: 0,
  minP: 0,
  typicalP: 1,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  copyGuard: 0,
  stop: '',
  unknown: 'nearest',
};

export interface Alternative {
  readonly character: string;
  readonly logprob: number; // natural logarithm
}

/** One generated character with what else it might have been, likeliest first. */
export interface GeneratedCharacter extends Alternative {
  readonly top: readonly Alternative[];
}

export type GenerationEvent =
  | { readonly kind: 'letters'; readonly index: number; readonly letters: readonly GeneratedCharacter[] }
  | {
      readonly kind: 'end';
      readonly index: number;
      readonly reason: string;
      /** From which the same press can go on. */
      readonly state?: State;
      readonly overlap?: { readonly characters: number; readonly exact: boolean };
    }
  | {
      readonly kind: 'receipt';
      readonly milliseconds: number; // of generation alone
      readonly replaced: readonly { readonly character: string; readonly by: string }[];
    };

/** The server's is a signed text; the browser's are the model's own bytes. */
export type State = string | Uint8Array;

/** What turns a request into letters: the server, or this browser. */
export interface Backend {
  /** @param from Goes on from this state, with the prompt fed after it */
  generate(request: GenerationSettings, signal: AbortSignal, from?: State): AsyncIterable<GenerationEvent>;
}
