import type { CorpusReport } from './corpus/corpus-report.ts';
import type { Lineage } from './lineage.ts';
import type { LineStarts } from './metrics/held-out.ts';

/**
 * The events of a training, in order: `preflight`, `started`, then per epoch many `step`, one `validation`,
 * one `epoch` and some `sample`, with `checkpoint` and `warning` anywhere; `finished` when the weights are final;
 * then `gate`, `judgement`, and last `published` or `rejected`. Plain JSON: the progress bar, `--json`, the record and the report all read these.
 *
 * Losses are nats per character, durations seconds, steps are optimiser steps counted from 1 over the whole run.
 */
export type TrainingEvent =
  | PreflightEvent
  | StartedEvent
  | StepEvent
  | ValidationEvent
  | SampleEvent
  | CheckpointEvent
  | EpochEvent
  | WarningEvent
  | FinishedEvent
  | GateEvent
  | JudgementEvent
  | PublishedEvent
  | RejectedEvent;

/** The corpus has been read and may be trained on. */
export interface PreflightEvent {
  readonly type: 'preflight';
  readonly report: CorpusReport;
}

export interface StartedEvent {
  readonly type: 'started';
  readonly model: string;
  readonly preset: string;
  /** Every setting in force, by its own name: batch, length, learning rate, dropout … */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly corpus: { readonly source: string; readonly digest: string; readonly characters: number };
  /** The model that this one starts from, for a fine-tuning. */
  readonly parent?: Lineage;
  /** The models whose expectations it learns, where it has teachers. */
  readonly teachers?: readonly Lineage[];
  /** Why the preset `auto` chose as it did. */
  readonly why?: string;
  readonly vocabulary: number;
  readonly parameters: number;
  readonly epochs: number;
  readonly steps: number;
  /** Steps already done by the run that this one goes on from. */
  readonly resumedAt?: number;
  /** Losses and samples of that run, up to there. */
  readonly earlier?: readonly (ValidationEvent | EpochEvent | SampleEvent)[];
  readonly tools: Readonly<Record<string, string>>; // folio, tfjs, tensorflow, node
}

/** Several a second at most; steps between two of them are folded into the second. */
export interface StepEvent {
  readonly type: 'step';
  readonly epoch: number; // 1-based, the one under way
  readonly step: number;
  /** Mean over the steps since the last `step` event. */
  readonly loss: number;
  /** Mean over the epoch so far. */
  readonly epochLoss: number;
  readonly learningRate: number;
  /** Global norm before clipping. */
  readonly gradientNorm: number;
  readonly charactersPerSecond: number;
  readonly seconds: number; // since the start of this run
  readonly secondsLeft: number;
}

/** Loss on the whole held-out tail, state carried. */
export interface ValidationEvent {
  readonly type: 'validation';
  readonly epoch: number;
  readonly step: number;
  readonly loss: number;
  /** Whether it is the lowest so far. */
  readonly best: boolean;
}

export interface SampleEvent {
  readonly type: 'sample';
  readonly epoch: number;
  readonly temperature: number;
  readonly text: string;
}

export interface CheckpointEvent {
  readonly type: 'checkpoint';
  readonly step: number;
  readonly key: string;
  readonly bytes: number;
}

/** An epoch is over, its validation done. */
export interface EpochEvent {
  readonly type: 'epoch';
  readonly epoch: number;
  readonly step: number;
  readonly loss: number;
  readonly validationLoss: number;
  readonly seconds: number; // of this epoch
}

export interface WarningEvent {
  readonly type: 'warning';
  /** Stable, for machines: `diverged`, `early_stopping`, `not_resumed` … */
  readonly code: string;
  readonly message: string;
}

export interface FinishedEvent {
  readonly type: 'finished';
  readonly reason: 'completed' | 'stopped_early' | 'interrupted';
  readonly epoch: number;
  readonly step: number;
  /** Of the weights kept: the best, not the last. */
  readonly bestEpoch: number;
  readonly loss: number;
  readonly validationLoss: number;
  readonly seconds: number;
}

/** What the gate found before publishing. */
export interface GateEvent {
  readonly type: 'gate';
  readonly passed: boolean;
  readonly forced: boolean;
  /** Why it passed, or why it did not: a sentence for each check. */
  readonly reasons: readonly string[];
  /** What else was found, which decides nothing. */
  readonly remarks?: readonly string[];
  readonly loss: number;
  /** Of the corpus's trigram model, which a model has to beat. */
  readonly trigramLoss: number;
  /** Of the corpus's n-gram model of order six. (Reports of older versions have `ngramLosses` instead, of plainer models.) */
  readonly ngramLoss: number;
  readonly currentLoss?: number;
  readonly parentLoss?: number;
  readonly lineStarts?: LineStarts;
}

/** What the measurements of the finished model come to. */
export interface JudgementEvent {
  readonly type: 'judgement';
  /** In one sentence. */
  readonly message: string;
}

export interface PublishedEvent {
  readonly type: 'published';
  readonly version: string;
  /** Key prefix in the store: `models/NAME/VERSION`. */
  readonly key: string;
}

/** The gate refused: the model is kept under `candidates/`, the pointer stays. */
export interface RejectedEvent {
  readonly type: 'rejected';
  readonly version: string;
  readonly key: string;
  readonly reasons: readonly string[];
}
