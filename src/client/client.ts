import type * as z from 'zod/mini';
import type { RareInput } from '../api/request/rare-fields.ts';
import type * as requests from '../api/request/requests.ts';
import type * as answers from '../api/response/responses.ts';

export type GenerateRequest = z.input<typeof requests.GenerateRequestSchema> & RareInput;
export type GenerateResponse = z.output<typeof answers.GenerateResponseSchema>;
export type LinesRequest = z.input<typeof requests.LinesRequestSchema> & Omit<RareInput, 'blend'>;
export type LinesResponse = z.output<typeof answers.LinesResponseSchema>;
export type ScoreRequest = z.input<typeof requests.ScoreRequestSchema>;
export type ScoreResponse = z.output<typeof answers.ScoreResponseSchema>;
export type Receipt = GenerateResponse['receipt'];
export type TrainingJob = z.output<typeof answers.TrainingSchema>;
export type ModelSummary = z.output<typeof answers.ModelListSchema>['data'][number];
type UploadAnswer = z.output<typeof answers.UploadResponseSchema>;
type CorpusAnswer = z.output<typeof answers.CorpusResponseSchema>;
type ErrorAnswer = z.output<typeof answers.ErrorResponseSchema>;

export interface ClientOptions {
  /** Where the API is, such as `http://127.0.0.1:3000`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** In place of the global one. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface TrainParameters {
  /** Of the corpus and of the model that it makes. */
  readonly name: string;
  readonly corpus: string | Blob;
  readonly preset?: string;
  /** The model whose weights the training starts from, by name or name@version; `none` for fresh weights. */
  readonly from?: string;
  /** Models of the same text that the training learns from beside it, by name or name@version. */
  readonly teachers?: readonly string[];
  /** Of products while training: `bf16` is faster on processors that have it, and refused on others. Default: `f32`. */
  readonly precision?: 'f32' | 'bf16';
}

/** The text of one generation as it is made. Stopping to read it stops its generation. */
export interface TextStream extends AsyncIterable<string> {
  /** What gives the same text again. */
  readonly receipt: Receipt;
}

/** An error that the API answered with. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** Stable: see docs/api.md. */
  readonly code: string;
  readonly param: string | null;
  /** Every fault of the request. */
  readonly faults: readonly { readonly param: string; readonly code: string; readonly message: string }[];
  /** Seconds after which to try again, where the API says so. */
  readonly retryAfter: number | undefined;

  constructor(status: number, error: ErrorAnswer['error'], retryAfter?: number) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.param = error.param;
    this.faults = error.faults ?? [{ param: error.param ?? '', code: error.code, message: error.message }];
    this.retryAfter = retryAfter;
  }
}

const pollMs = 1000; // between requests for a training's record
const arrivalMs = 60_000; // within which an upload to a bucket becomes a training

/**
 * A client of Folio's own routes, for Node and browsers. For `/v1/completions`, OpenAI's client does.
 *
 * ```ts
 * const folio = new FolioClient({ baseUrl: 'http://127.0.0.1:3000' });
 * const { text, receipt } = await folio.generate({ prompt: 'ROMEO:', length: 200 });
 * ```
 */
export class FolioClient {
  readonly #base: string;
  readonly #key: string | undefined;
  readonly #fetch: typeof fetch;

  constructor({ baseUrl, apiKey, fetch: own }: ClientOptions) {
    this.#base = baseUrl.replace(/\/+$/, '');
    this.#key = apiKey;
    this.#fetch = own ?? ((input, init) => fetch(input, init));
  }

  /** @throws ApiError */
  async generate(parameters: GenerateRequest, options: CallOptions = {}): Promise<GenerateResponse> {
    const response = await this.#post('/generate', parameters, options, 'application/json');
    return (await response.json()) as GenerateResponse;
  }

  /** @throws ApiError */
  async stream(parameters: GenerateRequest, options: CallOptions = {}): Promise<TextStream> {
    const response = await this.#post('/generate', parameters, options, 'text/plain');
    const header = (name: string): string => response.headers.get(`x-folio-${name}`) ?? '';
    const [model = '', version = ''] = header('model').split('@');
    const receipt: Receipt = {
      ...parameters,
      model,
      version,
      digest: header('digest'),
      precision: header('precision') as Receipt['precision'],
      seed: Number.isSafeInteger(Number(header('seed'))) ? Number(header('seed')) : header('seed'),
    };
    return { receipt, [Symbol.asyncIterator]: () => textOf(response) };
  }

  /** Whole lines of a model of lines. @throws ApiError */
  async lines(parameters: LinesRequest, options: CallOptions = {}): Promise<LinesResponse> {
    const response = await this.#post('/v1/lines', parameters, options, 'application/json');
    return (await response.json()) as LinesResponse;
  }

  /** @throws ApiError */
  async score(parameters: ScoreRequest, options: CallOptions = {}): Promise<ScoreResponse> {
    const response = await this.#post('/v1/score', parameters, options, 'application/json');
    return (await response.json()) as ScoreResponse;
  }

  /** @throws ApiError */
  async models(options: CallOptions = {}): Promise<readonly ModelSummary[]> {
    const response = await this.#call('/v1/models', { ...options });
    return ((await response.json()) as { data: ModelSummary[] }).data;
  }

  /**
   * Uploads a corpus and follows its training: yields it whenever it has moved, and last when it is over.
   *
   * @throws ApiError
   */
  async *train(
    parameters: TrainParameters,
    options: CallOptions = {},
  ): AsyncGenerator<TrainingJob, TrainingJob> {
    const id = await this.#upload(parameters, options);
    let seenAt: string | undefined; // updated_at of the last record
    for (;;) {
      const response = await this.#call(`/v1/trainings/${encodeURIComponent(id)}`, { ...options });
      const training = (await response.json()) as TrainingJob;
      if (training.updated_at !== seenAt) yield training;
      seenAt = training.updated_at;
      if (training.state !== 'queued' && training.state !== 'running') return training;
      await pause(pollMs, options.signal);
    }
  }

  /** @returns the id of the training that the corpus starts */
  async #upload({ name, corpus, ...rest }: TrainParameters, options: CallOptions): Promise<string> {
    const file = typeof corpus === 'string' ? new Blob([corpus]) : corpus;
    const path = `/v1/corpora/${encodeURIComponent(name)}`;
    const form = await this.#post(path, { bytes: file.size, ...rest }, options, 'application/json');
    const { upload } = (await form.json()) as UploadAnswer;
    if (upload.kind === 'direct') {
      const init = { method: 'POST', body: file, headers: { 'content-type': 'text/plain' }, ...options };
      return ((await (await this.#call(upload.url, init)).json()) as CorpusAnswer).training.id;
    }
    const before = new Set((await this.#trainings(options)).map(({ id }) => id));
    const formData = new FormData();
    for (const [field, value] of Object.entries(upload.fields)) formData.append(field, value);
    formData.append('file', file);
    const response = await this.#fetch(upload.url, { method: 'POST', body: formData, ...options });
    if (!response.ok) {
      throw new ApiError(response.status, {
        message: `The bucket refused the corpus: ${response.status} ${response.statusText}`.trimEnd(),
        type: 'invalid_request_error',
        param: 'corpus',
        code: 'upload_refused',
      });
    }
    const until = Date.now() + arrivalMs;
    for (;;) {
      const trainings = await this.#trainings(options);
      const started = trainings.find(({ id, model }) => model === name && !before.has(id));
      if (started) return started.id;
      if (Date.now() > until) {
        throw new ApiError(504, {
          message: 'The corpus was uploaded, but no training of it has begun yet.',
          type: 'server_error',
          param: null,
          code: 'not_started',
        });
      }
      await pause(pollMs, options.signal);
    }
  }

  async #trainings(options: CallOptions): Promise<readonly TrainingJob[]> {
    const response = await this.#call('/v1/trainings', { ...options });
    return ((await response.json()) as { data: TrainingJob[] }).data;
  }

  #post(path: string, body: object, options: CallOptions, accept: string): Promise<Response> {
    const headers = { 'content-type': 'application/json', accept };
    return this.#call(path, { method: 'POST', body: JSON.stringify(body), headers, ...options });
  }

  async #call(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#key !== undefined) headers.set('authorization', `Bearer ${this.#key}`);
    const response = await this.#fetch(this.#base + path, { ...init, headers });
    if (response.ok) return response;
    const answer = (await response.json().catch(() => undefined)) as Partial<ErrorAnswer> | undefined;
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
    throw new ApiError(
      response.status,
      answer?.error ?? {
        message: `The server answered ${response.status}.`,
        type: 'server_error',
        param: null,
        code: 'unknown',
      },
      Number.isNaN(retryAfter) ? undefined : retryAfter,
    );
  }
}

async function* textOf(response: Response): AsyncGenerator<string> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

const pause = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
