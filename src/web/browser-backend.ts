import { address, headers } from './api.ts';
import type { Backend, BackendOptions, ModelChoice } from './backend.ts';
import type { WorkerRequest, WorkerResponse } from './engine-messages.ts';
import type { GenerationEvent, GenerationSettings } from './generation.ts';

type DistributiveOmit<Union, Name extends PropertyKey> = Union extends unknown ? Omit<Union, Name> : never;

/** Where a model's files are. */
const modelAddress = (id: string): string => address(`v1/models/${encodeURIComponent(id)}/files/model.json`);

/** Generates in this browser: the server's own kernel on the server's own files, in a worker. */
export class BrowserBackend implements Backend {
  readonly place = 'in this browser';
  readonly #ready: Promise<unknown>;
  #loaded: { readonly model: string; readonly byteLength: Promise<number> } | undefined;
  readonly #listeners = new Map<number, (response: WorkerResponse) => void>();
  #worker: Worker | undefined;
  #lastId = 0;

  /** @param ready Settles when files that are fetched from then on are kept for use without the server */
  constructor(ready: Promise<unknown>) {
    this.#ready = ready;
  }

  /** Fetches and compiles, unless that was the last that was loaded; a failure is forgotten. */
  load({ id, indexed }: ModelChoice): Promise<number> {
    if (this.#loaded?.model === id) return this.#loaded.byteLength;
    const loading = { model: id, byteLength: this.#fetch(id, indexed) };
    this.#loaded = loading;
    loading.byteLength.catch(() => {
      if (this.#loaded === loading) this.#loaded = undefined;
    });
    return loading.byteLength;
  }

  async *generate(
    model: ModelChoice,
    settings: GenerationSettings,
    { signal, from }: BackendOptions,
  ): AsyncGenerator<GenerationEvent> {
    await this.load(model);
    const state = from instanceof Uint8Array ? { from } : {};
    const responses = this.#request({ kind: 'generate', model: model.id, settings, ...state }, signal);
    for await (const response of responses) if (response.kind === 'event') yield response.event;
  }

  async #fetch(model: string, indexed: boolean): Promise<number> {
    await this.#ready;
    const request = { kind: 'load', model, indexed, url: modelAddress(model), headers: headers() } as const;
    for await (const response of this.#request(request)) {
      if (response.kind === 'done') return response.byteLength ?? 0;
    }
    return 0;
  }

  /** Posts a request to the worker. @returns its responses, up to the one that says that it is done */
  async *#request(
    request: DistributiveOmit<Exclude<WorkerRequest, { kind: 'stop' }>, 'id'>,
    signal?: AbortSignal,
  ): AsyncGenerator<WorkerResponse> {
    this.#lastId += 1;
    const id = this.#lastId;
    const waiting: WorkerResponse[] = [];
    let arrived: () => void = () => {};
    this.#listeners.set(id, (response) => {
      waiting.push(response);
      arrived();
    });
    const stop = () => this.#post({ id, kind: 'stop' });
    signal?.addEventListener('abort', stop);
    try {
      this.#post({ ...request, id });
      for (;;) {
        const response = waiting.shift();
        if (!response) {
          await new Promise<void>((resolve) => {
            arrived = resolve;
          });
          continue;
        }
        if (response.kind === 'failed') throw new Error(response.message);
        yield response;
        if (response.kind === 'done') return;
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      stop();
      this.#listeners.delete(id);
    }
  }

  #post(request: WorkerRequest): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
  }

  #start(): Worker {
    const worker = new Worker(address('assets/engine.js'), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<WorkerResponse>) =>
      this.#listeners.get(data.id)?.(data),
    );
    worker.addEventListener('error', () => {
      for (const [id, listener] of this.#listeners) {
        listener({ id, kind: 'failed', message: 'The engine could not be started in this browser.' });
      }
      this.#worker = undefined;
      this.#loaded = undefined;
    });
    return worker;
  }
}
