import type { PublishedImport } from '../import/publish-import.ts';
import type { SentImportOptions } from '../import/publish-import-in-worker.ts';
import type { UnknownRule } from '../model/format/alphabet.ts';
import type { KernelInfo, Precision } from '../model/stepper.ts';
import type { ModelLease } from '../store/model-cache.ts';
import type { ModelReference } from '../store/model-name.ts';
import type { UploadForm, UploadOptions } from '../store/presigned-uploads.ts';
import type { Store } from '../store/store.ts';
import type { TrainingJobs } from '../training-jobs/training-jobs.ts';
import type { LogLine } from './log.ts';
import type { Authorise } from './request/auth.ts';
import type { ContinuationSigner } from './request/continuation.ts';
import type { Admission, Limits, Places } from './request/limits.ts';
import type { UsagePricing } from './response/timings.ts';

/** What generating routes need. */
export interface Generator {
  /** The model that answers when a request names none. */
  readonly defaultModel: ModelReference;
  acquire(reference: ModelReference, precision?: Precision): Promise<ModelLease>;
  readonly admission: Admission;
  /** Of all models that one request may mix. Default: no limit. */
  readonly maximumModelBytes?: number | undefined;
  /** What signs states: asked for only by requests that go on, or that another may go on with. */
  signer(): Promise<ContinuationSigner>;
  /** The code that multiplies here, and the threads that a step may use. */
  readonly kernel?: Pick<KernelInfo, 'build' | 'threads'> | undefined;
  /** How a host with a price per use computes it. */
  readonly pricing?: UsagePricing | undefined;
}

/** How corpora come in: through the server, which starts the training, or by a presigned form, whose arrival does. */
export type CorpusUploads =
  | { readonly kind: 'direct'; readonly maximumBytes: number; readonly places: Places }
  | {
      readonly kind: 'presigned';
      readonly maximumBytes: number;
      presign(corpus: string, options: UploadOptions): Promise<UploadForm>;
    };

/** How models of other libraries come in, handed over so that a host without it has none of the formats' readers. */
export interface ModelImports {
  readonly maximumBytes: number;
  /** Each import holds its file in memory. */
  readonly places: Places;
  /** As `publishImport`, into the host's store. */
  publish(name: string, bytes: Uint8Array, options: SentImportOptions): Promise<PublishedImport>;
}

/** What a host knows of a request beside the request itself. */
export interface HostBindings {
  readonly remoteAddress?: string | undefined;
  /** Of HTTP: `1.1`. */
  readonly httpVersion?: string | undefined;
  /** For its own authorising, such as API Gateway's request context. */
  readonly [more: string]: unknown;
}

/** How requests are read, as the server's settings say. */
export interface RequestDefaults {
  /** Nothing that OpenAI's routes do not know is ignored, and no length is lowered. */
  readonly strict?: boolean | undefined;
  /** What becomes of characters that a model does not know, where a request does not say it. */
  readonly unknown?: UnknownRule | undefined;
  /** One message of a chat, with `{role}` and `{content}`, where the model has no template of its own. */
  readonly chatTemplate?: string | undefined;
}

/** What a host hands to the app; a group that is absent leaves its routes out. */
export interface AppDeps {
  readonly store: Store;
  readonly limits: Limits;
  readonly authorise: Authorise;
  readonly generator?: Generator | undefined;
  readonly requests?: RequestDefaults | undefined;
  readonly trainings?: TrainingJobs | undefined;
  readonly corpora?: CorpusUploads | undefined;
  readonly imports?: ModelImports | undefined;
  /** Origins of the pages that may call from a browser; `*` for all. */
  readonly origins?: readonly string[] | undefined;
  /** False on a host that cannot hold a connection open: live routes then answer once and ask to be called again. */
  readonly live?: boolean | undefined;
  /** Pages for people and the API's description, mounted at the root. */
  readonly pages?: readonly Pages[] | undefined;
  readonly log?: ((line: LogLine) => void) | undefined;
  readonly metrics?: Metrics | undefined;
}

/** What a host counts, as Prometheus reads it. */
export interface Metrics {
  readonly contentType: string;
  render(): Promise<string>;
}

/** What the route of metrics needs. */
export type MetricsDeps = AppDeps & { readonly metrics: Metrics };

/** What routes that run a model need. */
export type GeneratorDeps = AppDeps & { readonly generator: Generator };
/** What routes of imports need: a sample is generated. */
export type ImportDeps = GeneratorDeps & { readonly imports: ModelImports };
/** What routes of trainings need. */
export type TrainingDeps = AppDeps & { readonly trainings: TrainingJobs };
/** What routes of corpora need: an upload starts a training. */
export type CorpusDeps = TrainingDeps & { readonly corpora: CorpusUploads };

/** Adds routes that need no key. */
export interface Pages {
  fetch(request: Request): Response | Promise<Response>;
  readonly paths: readonly string[];
}
