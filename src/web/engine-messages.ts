import type { GenerationEvent, GenerationSettings } from './generation.ts';

/** What the page posts to the engine's worker; `id` joins a request and its responses. */
export type WorkerRequest =
  | {
      readonly id: number;
      readonly kind: 'load';
      readonly model: string; // NAME@VERSION
      readonly indexed: boolean; // whether there is an index of its corpus
      readonly url: string; // of its model.json
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly id: number;
      readonly kind: 'generate';
      readonly model: string;
      readonly settings: GenerationSettings;
      readonly from?: Uint8Array;
    }
  | { readonly id: number; readonly kind: 'stop' };

/** What the worker posts back. */
export type WorkerResponse =
  | { readonly id: number; readonly kind: 'event'; readonly event: GenerationEvent }
  | { readonly id: number; readonly kind: 'done'; readonly byteLength?: number }
  | { readonly id: number; readonly kind: 'failed'; readonly message: string };
