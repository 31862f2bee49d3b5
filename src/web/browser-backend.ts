import { address, headers } from './api.ts';
import type { WorkerRequest, WorkerResponse } from './engine-messages.ts';
import type { Backend, GenerationEvent, GenerationSettings, State } from './generation.ts';

type Without<Kind, Name extends PropertyKey> = Kind extends unknown ? Omit<Kind, Name> : never;

/** Where a model's files are. */
const modelAddress = (model: string): string =>
  address(`v1/models/${encodeURIComponent(model)}/files/model.json`);

/** Generates in this browser: the server's own kernel on the server's own files, in a worker of its own. */
export class BrowserBackend {
  readonly #tell: (text: string) => void;
  #loaded: { readonly model: string; readonly done: Promise<void> } | undefined;
  readonly #listeners = new Map<number, (report: WorkerResponse) => void>();
  #worker: Worker | undefined;
  #ids = 0;

  /** @param tell Says how far the fetching of a model is. */
  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  of(model: string): Backend {
    return { generate: (request, signal, from) => this.#generate(model, request, signal, from) };
  }

  /** Fetches and compiles, unless that was the last that was loaded; a failure is forgotten. */
  load(model: string): Promise<void> {
    if (this.#loaded?.model === model) return this.#loaded.done;
    const loading = { model, done: this.#fetch(model) };
    this.#loaded = loading;
    loading.done.catch(() => {
      if (this.#loaded === loading) this.#loaded = undefined;
    });
    return loading.done;
  }

  async #fetch(model: string): Promise<void> {
    this.#tell('Fetching the model …');
    for await (const report of this.#ask({
      kind: 'load',
      model,
      url: modelAddress(model),
      headers: headers(),
    })) {
      if (report.kind !== 'done') continue;
      const size = ((report.bytes ?? 0) / 2 ** 20).toFixed(1);
      this.#tell(`The model is here (${size} MB at work) and needs the server no more.`);
    }
  }

  async *#generate(
    model: string,
    request: GenerationSettings,
    signal: AbortSignal,
    from?: State,
  ): AsyncGenerator<GenerationEvent> {
    await this.load(model);
    const state = from instanceof Uint8Array ? { from } : {};
    for await (const report of this.#ask({ kind: 'generate', model, request, ...state }, signal)) {
      if (report.kind === 'event') yield report.event;
    }
  }

  async *#ask(
    order: Without<Exclude<WorkerRequest, { kind: 'stop' }>, 'id'>,
    signal?: AbortSignal,
  ): AsyncGenerator<WorkerResponse> {
    this.#ids += 1;
    const id = this.#ids;
    const waiting: WorkerResponse[] = [];
    let wake: () => void = () => {};
    this.#listeners.set(id, (report) => {
      waiting.push(report);
      wake();
    });
    const stop = () => this.#post({ id, kind: 'stop' });
    signal?.addEventListener('abort', stop);
    try {
      this.#post({ ...order, id });
      for (;;) {
        const report = waiting.shift();
        if (!report) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        if (report.kind === 'failed') throw new Error(report.message);
        yield report;
        if (report.kind === 'done') return;
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      stop();
      this.#listeners.delete(id);
    }
  }

  #post(order: WorkerRequest): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(order);
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
