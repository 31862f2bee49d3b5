import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FolioError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import { listRecords, newTrainingId, queuedRecord, readRecord, writeRecord } from './records.ts';
import type { StartTraining, TrainingJobs, TrainingRecord } from './training-jobs.ts';

/** The command that trains, to which the training's own arguments are added. */
export type TrainCommand = readonly [program: string, ...arguments_: string[]];

/** The CLI of this checkout, seen from here or from a bundle in `dist`; an installed package has none. */
const ownCommand = (): TrainCommand | undefined => {
  const main = ['../cli/main.ts', '../src/cli/main.ts', '../cli/main.ts']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path));
  return main === undefined ? undefined : [process.execPath, main, 'train'];
};

const tailLines = 40; // of a dead trainer's stderr

interface Job {
  readonly record: TrainingRecord;
  readonly request: StartTraining;
  child?: ChildProcess;
  stopped: boolean;
}

/**
 * Trainings as child processes of this one, one at a time: each would take every core. A child writes its own record
 * into the store; this class writes only what a child could not: that it waits, was stopped, or died.
 */
export class LocalTrainingJobs implements TrainingJobs {
  readonly #store: Store;
  readonly #command: TrainCommand | undefined;
  readonly #queue: Job[] = [];
  #running: { readonly job: Job; readonly ended: Promise<void> } | undefined;
  #closed = false;

  constructor(store: Store, command: TrainCommand | undefined = ownCommand()) {
    this.#store = store;
    this.#command = command;
  }

  /**
   * Queues a training. Those of the same model that are not over are stopped: the later corpus wins.
   *
   * @throws FolioError `corpus_not_found`; `unavailable` where there is no trainer
   */
  async start(request: StartTraining): Promise<TrainingRecord> {
    if (this.#command === undefined) {
      throw new FolioError(
        'unavailable',
        'Training needs a checkout of Folio: the package alone has no trainer.',
      );
    }
    if ((await this.#store.stat(request.corpusKey)) === undefined) {
      throw new FolioError('corpus_not_found', `There is no corpus ${request.corpusKey}.`, {
        where: 'corpus',
      });
    }
    const record = queuedRecord(newTrainingId(request.model), request);
    await writeRecord(this.#store, record);
    const earlier = [this.#running?.job, ...this.#queue].filter(
      (job) => job?.request.model === request.model,
    );
    this.#queue.push({ record, request, stopped: false });
    await Promise.all(earlier.map((job) => job && this.stop(job.record.id)));
    this.#next(this.#command);
    return record;
  }

  list(): Promise<readonly TrainingRecord[]> {
    return listRecords(this.#store);
  }

  get(id: string): Promise<TrainingRecord | undefined> {
    return readRecord(this.#store, id);
  }

  /** Ends a training; one that runs keeps its last checkpoint. */
  async stop(id: string): Promise<void> {
    const waiting = this.#queue.findIndex((job) => job.record.id === id);
    if (waiting !== -1) {
      const [job] = this.#queue.splice(waiting, 1);
      if (job) await this.#update(id, { state: 'stopped' });
      return;
    }
    if (this.#running?.job.record.id !== id) return;
    const { job, ended } = this.#running;
    job.stopped = true;
    job.child?.kill('SIGTERM');
    await ended;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const waiting = this.#queue.map(({ record }) => record.id);
    const running = this.#running?.job.record.id;
    for (const id of running === undefined ? waiting : [...waiting, running]) await this.stop(id);
  }

  #next(command: TrainCommand): void {
    if (this.#running || this.#closed) return;
    const job = this.#queue.shift();
    if (!job) return;
    const ended = this.#run(job, command).finally(() => {
      this.#running = undefined;
      this.#next(command);
    });
    this.#running = { job, ended };
  }

  async #run(job: Job, command: TrainCommand): Promise<void> {
    const { request, record } = job;
    const [program, ...arguments_] = command;
    const child = spawn(
      program,
      [
        ...arguments_,
        ...['--corpus', `${this.#store.location.replace(/\/$/, '')}/${request.corpusKey}`],
        ...['--name', request.model],
        ...['--store', this.#store.location],
        ...['--record', record.id],
        ...(request.preset === undefined ? [] : ['--preset', request.preset]),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    job.child = child;
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-16_384);
    });
    const [code] = await once(child, 'close').catch((error: unknown) => {
      stderr += String(error);
      return [null];
    });
    if (code === 0) return;
    const now = await this.get(record.id);
    if (now && now.state !== 'queued' && now.state !== 'running') return; // the trainer has recorded its own end
    const logTail = stderr
      .split(/[\r\n]+/)
      .filter(Boolean)
      .slice(-tailLines);
    if (job.stopped) await this.#update(record.id, { state: 'stopped', logTail });
    else {
      const message =
        logTail.at(-1) ?? `The trainer ended with ${code === null ? 'a signal' : `code ${code}`}.`;
      await this.#update(record.id, {
        state: 'failed',
        failure: { code: 'trainer_failed', message },
        logTail,
      });
    }
  }

  async #update(id: string, change: Partial<TrainingRecord>): Promise<void> {
    const record = await readRecord(this.#store, id);
    if (record) await writeRecord(this.#store, { ...record, ...change, updatedAt: new Date().toISOString() });
  }
}
