import type { GenerationEvent, GenerationSettings } from './generation.ts';

/** What the page tells the engine's worker, and what it hears back; `id` joins question and answers. */
export type WorkerRequest =
  | {
      readonly id: number;
      readonly kind: 'load';
      readonly model: string; // NAME@VERSION
      readonly url: string; // of its model.json
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly id: number;
      readonly kind: 'generate';
      readonly model: string;
      readonly request: GenerationSettings;
      readonly from?: Uint8Array;
    }
  | { readonly id: number; readonly kind: 'stop' };

export type WorkerResponse =
  | { readonly id: number; readonly kind: 'event'; readonly event: GenerationEvent }
  | { readonly id: number; readonly kind: 'done'; readonly bytes?: number }
  | { readonly id: number; readonly kind: 'failed'; readonly message: string };
