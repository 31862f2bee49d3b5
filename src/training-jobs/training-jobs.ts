import type { ProcessIdentity } from '../store/process-identity.ts';

/**
 * How a training is started and followed. The trainer itself writes its record into the store, so that a laptop's
 * child process and a Fargate task are followed by the same code; only starting one is the host's business.
 */
export type TrainingState = 'queued' | 'running' | 'published' | 'rejected' | 'failed' | 'stopped';

/** Whether a training is over. */
export const isFinal = (state: TrainingState): state is Exclude<TrainingState, 'queued' | 'running'> =>
  state !== 'queued' && state !== 'running';

/** Of products while training: float32, or bfloat16, of which some processors do twice as many. */
export type TrainingPrecision = 'f32' | 'bf16';

export interface TrainingProgress {
  readonly epoch: number; // 1-based, the one under way
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  readonly loss: number; // nats per character, running mean of the epoch
  readonly validationLoss?: number; // nats per character, whole held-out tail, after the last full epoch
  readonly charactersPerSecond: number;
  readonly secondsLeft: number;
}

export interface TrainingRecord {
  readonly id: string; // sortable: UTC time, then the model's name
  readonly model: string;
  readonly preset: string;
  /** As it was asked for: the model to start from, or `none`. */
  readonly from?: string;
  /** As they were asked for: the models to learn from beside the text. */
  readonly teachers?: readonly string[];
  /** As it was asked for. */
  readonly precision?: TrainingPrecision;
  /** The model whose weights the training started from. */
  readonly parent?: { readonly name?: string; readonly version?: string; readonly digest: string };
  readonly corpus: { readonly source: string; readonly digest?: string; readonly characters?: number };
  readonly state: TrainingState;
  readonly startedAt: string; // ISO 8601
  readonly updatedAt: string;
  readonly progress?: TrainingProgress;
  /** One point an epoch, for the loss curve. */
  readonly history: readonly { epoch: number; loss: number; validationLoss: number }[];
  /** Whose weights are kept, once it is over: the best, not the last. */
  readonly bestEpoch?: number;
  /** What the measurements come to, in one sentence, once they are taken. */
  readonly judgement?: string;
  /** Of the best epoch so far and of the last; newest last. */
  readonly samples: readonly { epoch: number; temperature: number; text: string }[];
  readonly version?: string; // once published or kept as a candidate
  readonly failure?: { readonly code: string; readonly message: string };
  readonly logTail: readonly string[];
  /** The process that writes the record: the server while the training waits, then the trainer. */
  readonly owner?: ProcessIdentity;
}

export interface StartTraining {
  readonly model: string;
  /** Key of the uploaded corpus in the store: `corpora/NAME.txt`. */
  readonly corpusKey: string;
  readonly preset?: string;
  /** NAME or NAME@VERSION of the store to start from; `none` for fresh weights. Default: as the preset says. */
  readonly from?: string;
  /** NAME or NAME@VERSION of the store, to learn from beside the text. */
  readonly teachers?: readonly string[];
  /** Default: f32. */
  readonly precision?: TrainingPrecision;
}

export interface TrainingJobs {
  /**
   * Whether a training of this model could be queued now, before its corpus is taken.
   * @throws FolioError `overloaded`, or `unavailable` where there is no trainer
   */
  checkCapacity(model: string): void;
  /**
   * Whether the processor that trains has it, where that is known beforehand.
   * @throws FolioError `invalid_parameter` where it has not
   */
  checkPrecision(precision: TrainingPrecision | undefined): void;
  /** @throws FolioError as `checkCapacity` and `checkPrecision`, and `corpus_not_found` */
  start(request: StartTraining): Promise<TrainingRecord>;
  /** Newest first. */
  list(): Promise<readonly TrainingRecord[]>;
  get(id: string): Promise<TrainingRecord | undefined>;
  /** The record as it is about a second later; all who wait for it share one read of the store. */
  nextRecord(id: string): Promise<TrainingRecord | undefined>;
  /** Ends a training, whoever runs it; its record is in a final state then. */
  stop(id: string): Promise<void>;
}
