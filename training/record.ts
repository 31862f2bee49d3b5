import { isFolioError } from '../src/errors.ts';
import { recordKey } from '../src/store/keys.ts';
import { thisProcess } from '../src/store/process-identity.ts';
import type { Store } from '../src/store/store.ts';
import { encodeRecord, readRecord } from '../src/training-jobs/records.ts';
import { isFinal, type TrainingProgress, type TrainingRecord } from '../src/training-jobs/training-jobs.ts';
import type { TrainingEvent } from './events.ts';
import { lineOf } from './report/progress-line.ts';

const EVERY = 3_000; // milliseconds between two writings
/** Milliseconds after which it is written even where nothing happens: who follows it takes long silence for an end. */
const AT_LEAST_EVERY = 60_000;
const LINES = 40;

/** What is known of a training before its first event. */
export interface RecordStart {
  readonly id: string;
  readonly model: string;
  readonly preset: string;
  /** As it was asked for. */
  readonly from?: string | undefined;
  readonly teachers?: readonly string[] | undefined;
  readonly precision?: TrainingRecord['precision'] | undefined;
  readonly source: string;
}

/**
 * Keeps the record of a training, `trainings/ID.json`, up to date: it receives every event and rewrites the whole record
 * every few seconds, and at once when the state changes. A store that fails for a while does not stop the training.
 */
export class RecordKeeper {
  readonly #store: Store;
  readonly #now: () => Date;
  #record: TrainingRecord;
  #epochs = 0;
  #steps = 0;
  #bestEpoch = 0;
  #written = 0; // when, milliseconds
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;
  #etag: string | undefined;
  readonly #onStop: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param onStop Called when somebody else has marked the training as stopped in its record. */
  constructor(
    store: Store,
    start: RecordStart,
    now: () => Date = () => new Date(),
    onStop: () => void = () => undefined,
  ) {
    this.#store = store;
    this.#now = now;
    this.#onStop = onStop;
    const at = now().toISOString();
    this.#record = {
      id: start.id,
      model: start.model,
      preset: start.preset,
      ...(start.from === undefined ? {} : { from: start.from }),
      ...(start.teachers === undefined ? {} : { teachers: start.teachers }),
      ...(start.precision === undefined ? {} : { precision: start.precision }),
      corpus: { source: start.source },
      state: 'running',
      startedAt: at,
      updatedAt: at,
      history: [],
      samples: [],
      logTail: [],
      owner: thisProcess(),
    };
  }

  get record(): TrainingRecord {
    return this.#record;
  }

  /** Writes the first record, and from then on one a minute at least, until the training is over. */
  begin(): Promise<void> {
    this.#timer = setInterval(() => {
      if (this.#isDue(AT_LEAST_EVERY)) this.#write();
    }, AT_LEAST_EVERY).unref();
    return this.flush();
  }

  update(event: TrainingEvent): void {
    const before = this.#record.state;
    this.#record = { ...this.#record, ...this.#changes(event) };
    if (event.type !== 'step' && event.type !== 'sample') this.log(lineOf(event));
    if (isFinal(this.#record.state)) clearInterval(this.#timer);
    if (this.#record.state === before) this.#writeInTime();
    else this.#write();
  }

  /** Adds to the end of the log. */
  log(text: string | undefined): void {
    if (text === undefined) return;
    const logTail = [...this.#record.logTail, ...text.split('\n')].slice(-LINES);
    this.#record = { ...this.#record, logTail };
    this.#writeInTime();
  }

  /** The training ended with a fault, or was stopped. */
  async fail(state: 'failed' | 'stopped', code: string, message: string): Promise<void> {
    clearInterval(this.#timer);
    this.#record = { ...this.#record, state, failure: { code, message } };
    await this.flush();
  }

  /** Removes the record: nothing was trained, and whoever asked for it has been answered already. */
  async discard(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#store.remove(recordKey(this.#record.id));
  }

  /** Waits until every event so far has been written. @throws what the store threw, if the last writing failed */
  async flush(): Promise<void> {
    this.#write();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #changes(event: TrainingEvent): Partial<TrainingRecord> {
    const { corpus, progress, history, samples } = this.#record;
    switch (event.type) {
      case 'preflight':
        return { corpus: { ...corpus, digest: event.report.digest, characters: event.report.characters } };
      case 'started':
        this.#epochs = event.epochs;
        this.#steps = event.steps;
        for (const one of event.earlier ?? []) this.#record = { ...this.#record, ...this.#changes(one) };
        return {
          preset: event.preset,
          history: this.#record.history,
          samples: this.#record.samples,
          ...(event.parent === undefined ? {} : { parent: event.parent }),
        };
      case 'step':
        return { progress: this.#progress(event, progress) };
      case 'validation':
        if (event.best) this.#bestEpoch = event.epoch;
        return progress ? { progress: { ...progress, validationLoss: event.loss } } : {};
      case 'epoch':
        return {
          history: [
            ...history,
            { epoch: event.epoch, loss: event.loss, validationLoss: event.validationLoss },
          ],
        };
      case 'sample': {
        const { epoch, temperature, text } = event;
        const kept = samples.filter((one) => one.epoch === this.#bestEpoch || one.epoch === epoch);
        return { samples: [...kept, { epoch, temperature, text }] };
      }
      case 'finished':
        return event.bestEpoch === 0 ? {} : { bestEpoch: event.bestEpoch };
      case 'judgement':
        return { judgement: event.message };
      case 'published':
        return { state: 'published', version: event.version };
      case 'rejected':
        return {
          state: 'rejected',
          version: event.version,
          failure: { code: 'rejected_by_gate', message: event.reasons.join(' ') },
        };
      default:
        return {};
    }
  }

  #progress(event: TrainingEvent & { type: 'step' }, before: TrainingProgress | undefined): TrainingProgress {
    return {
      epoch: event.epoch,
      epochs: this.#epochs,
      step: event.step,
      steps: this.#steps,
      loss: event.epochLoss,
      ...(before?.validationLoss === undefined ? {} : { validationLoss: before.validationLoss }),
      charactersPerSecond: event.charactersPerSecond,
      secondsLeft: event.secondsLeft,
    };
  }

  #writeInTime(): void {
    if (this.#isDue(EVERY)) this.#write();
  }

  /** After so many milliseconds, and where the clock was put back meanwhile. */
  #isDue(milliseconds: number): boolean {
    const elapsed = this.#now().getTime() - this.#written;
    return elapsed >= milliseconds || elapsed < 0;
  }

  /** Queues a writing behind the one under way; what is written is what is known when its turn comes. */
  #write(): void {
    this.#written = this.#now().getTime();
    this.#writing = this.#writing.then(async () => {
      this.#record = { ...this.#record, updatedAt: this.#now().toISOString() };
      try {
        await this.#put();
        this.#failure = undefined;
      } catch (error) {
        this.#failure = error;
      }
    });
  }

  /** Only this process writes the record while it runs, unless somebody stops the training there. */
  async #put(): Promise<void> {
    const key = recordKey(this.#record.id);
    try {
      if (this.#etag !== undefined) {
        this.#etag = (await this.#store.replace(key, encodeRecord(this.#record), this.#etag)).etag;
        return;
      }
    } catch (error) {
      if (!isFolioError(error) || error.code !== 'conflict') throw error;
      const stored = await readRecord(this.#store, this.#record.id);
      if (stored?.state === 'stopped' && !isFinal(this.#record.state)) this.#onStop();
    }
    this.#etag = (await this.#store.write(key, encodeRecord(this.#record))).etag;
  }
}
