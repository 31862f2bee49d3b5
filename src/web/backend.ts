import type { ContinuationState, GenerationEvent, GenerationSettings } from './generation.ts';

/** The model that is chosen on the page. */
export interface ModelChoice {
  readonly id: string; // NAME@VERSION
  /** Whether it was published with an index of its corpus, which shows how much a text quotes. */
  readonly indexed: boolean;
}

export interface BackendOptions {
  /** Ends the generation. */
  readonly signal: AbortSignal;
  /** Continues from this state, with the prompt fed after it. */
  readonly from?: ContinuationState | undefined;
}

/** What generates text: the server, or this browser. */
export interface Backend {
  /** Completes "400 characters …". */
  readonly place: 'on the server' | 'in this browser';
  /** Makes a model ready to generate. @returns the bytes that it takes up here */
  load(model: ModelChoice): Promise<number>;
  /** Loads the model first where that is needed. @throws Error with a message for the visitor */
  generate(
    model: ModelChoice,
    settings: GenerationSettings,
    options: BackendOptions,
  ): AsyncIterable<GenerationEvent>;
}
