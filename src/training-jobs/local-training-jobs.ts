import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FolioError } from '../errors.ts';
import { endProcess } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';
import { leastNodeOfTraining } from '../version.ts';
import { checkPrecision } from './bfloat16.ts';
import { isNativeLogLine } from './native-log.ts';
import { RecordPoller } from './record-poller.ts';
import { listRecords, newTrainingId, queuedRecord, readRecord, writeRecord } from './records.ts';
import {
  isFinal,
  type StartTraining,
  type TrainingJobs,
  type TrainingPrecision,
  type TrainingRecord,
} from './training-jobs.ts';

/** The command that trains, to which the training's own arguments are added. */
export type TrainCommand = readonly [program: string, ...arguments_: string[]];

/**
 * Folio's own command line, by the Node that runs this: its source in a checkout whose source this is part of, else its bundle.
 *
 * @throws FolioError `unavailable` where this is part of another program's bundle, or where this Node cannot train
 */
const ownCommand = (): TrainCommand => {
  if (Number.parseInt(process.versions.node, 10) < leastNodeOfTraining) {
    throw new FolioError(
      'unavailable',
      `Training needs Node ${leastNodeOfTraining} or later; this server runs in ${process.version}.`,
    );
  }
  const main = ['../..', '..'] // from src/training-jobs and dist/chunks, and from dist
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .filter((root) => isOwnRoot(root))
    .map((root) => join(root, import.meta.url.endsWith('.ts') ? 'src/cli/main.ts' : 'dist/cli.js'))
    .find((path) => existsSync(path));
  if (main !== undefined) return [process.execPath, main, 'train'];
  throw new FolioError(
    'unavailable',
    'There is no trainer here: Folio is part of another bundle. Install its package, and have your bundler leave it external.',
  );
};

const isOwnRoot = (folder: string): boolean => {
  try {
    return (
      (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name === 'folio'
    );
  } catch {
    return false;
  }
};

const mostWaiting = 16; // models
const tailLines = 40; // of a dead trainer's stderr
const defaultKillAfterMs = 120_000; // that a trainer has to write its last checkpoint
const recordRetriesMs = [500, 2_000, 10_000]; // between attempts to write how a training ended

interface Job {
  readonly record: TrainingRecord;
  readonly request: StartTraining;
  child?: ChildProcess;
  stopped: boolean;
}

export interface LocalTrainingOptions {
  /** Default: Folio's own, where it has one. */
  readonly command?: TrainCommand | undefined;
  /** Called with failures that no caller waits for. */
  readonly log?: (message: string, error: unknown) => void;
  /** Milliseconds that a trainer has to end in once it is asked to. */
  readonly killAfterMs?: number;
}

/**
 * Trainings as child processes of this one, one at a time: each would take every core. A child writes its own record
 * into the store; this class writes only what a child could not: that it waits, was stopped, or died. Nothing that
 * happens to a training or to its record ends this process.
 */
export class LocalTrainingJobs implements TrainingJobs {
  readonly #store: Store;
  readonly #command: TrainCommand | undefined;
  readonly #log: (message: string, error: unknown) => void;
  readonly #killAfterMs: number;
  readonly #queue: Job[] = [];
  /** Models whose training is about to be queued. */
  readonly #starting: string[] = [];
  readonly #poller: RecordPoller;
  #running: { readonly job: Job; readonly ended: Promise<void> } | undefined;
  #closed = false;

  constructor(
    store: Store,
    { command, log = () => undefined, killAfterMs = defaultKillAfterMs }: LocalTrainingOptions = {},
  ) {
    this.#store = store;
    this.#poller = new RecordPoller(store);
    this.#command = command;
    this.#log = log;
    this.#killAfterMs = killAfterMs;
  }

  /** Puts down in their records how the trainings of servers that are gone have ended. Never rejects. */
  async recover(): Promise<void> {
    try {
      for (const record of await this.list()) {
        if (record.failure?.code === 'interrupted') await this.#update(record.id, {});
      }
    } catch (error) {
      this.#log('The records of earlier trainings could not be brought up to date.', error);
    }
  }

  /**
   * Queues a training. Those of the same model that are not over are stopped: the later corpus wins.
   *
   * @throws FolioError `corpus_not_found`, or as `checkCapacity` and `checkPrecision`
   */
  async start(request: StartTraining): Promise<TrainingRecord> {
    this.checkPrecision(request.precision);
    const command = this.#commandWithRoom(request.model);
    this.#starting.push(request.model);
    try {
      return await this.#enqueue(request, command);
    } finally {
      this.#starting.splice(this.#starting.indexOf(request.model), 1);
    }
  }

  checkCapacity(model: string): void {
    this.#commandWithRoom(model);
  }

  checkPrecision(precision: TrainingPrecision | undefined): void {
    checkPrecision(precision);
  }

  /** The trainer. @throws FolioError `unavailable` without one; `overloaded` where too many models wait for it */
  #commandWithRoom(model: string): TrainCommand {
    const command = this.#command ?? ownCommand();
    // A later training of a model replaces the one that waits.
    const waiting = new Set([...this.#queue.map(({ request }) => request.model), ...this.#starting, model]);
    if (waiting.size <= mostWaiting) return command;
    throw new FolioError(
      'overloaded',
      `${mostWaiting} trainings wait already, and they run one after another; try again when some have ended.`,
      { retryAfter: 60 },
    );
  }

  async #enqueue(request: StartTraining, command: TrainCommand): Promise<TrainingRecord> {
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
    await Promise.all(earlier.map((job) => job && this.#stopLogged(job.record.id)));
    this.#next(command);
    return record;
  }

  /** Trainings of this process that run or wait. */
  get counts(): { readonly running: number; readonly queued: number } {
    return { running: this.#running === undefined ? 0 : 1, queued: this.#queue.length };
  }

  list(): Promise<readonly TrainingRecord[]> {
    return listRecords(this.#store);
  }

  get(id: string): Promise<TrainingRecord | undefined> {
    return readRecord(this.#store, id);
  }

  nextRecord(id: string): Promise<TrainingRecord | undefined> {
    return this.#poller.next(id);
  }

  /**
   * Ends a training; one that runs keeps its last checkpoint. One of another process is marked as stopped in its record,
   * which its trainer notices when it writes there next.
   *
   * @throws FolioError `store_failed` where the record cannot be written
   */
  async stop(id: string): Promise<void> {
    const waiting = this.#queue.findIndex((job) => job.record.id === id);
    if (waiting !== -1) this.#queue.splice(waiting, 1);
    else if (this.#running?.job.record.id === id) {
      const { job, ended } = this.#running;
      job.stopped = true;
      job.child?.kill('SIGTERM');
      const timer = setTimeout(() => void this.#kill(job), this.#killAfterMs);
      await ended;
      clearTimeout(timer);
    }
    const record = await this.get(id);
    if (record && !isFinal(record.state)) await this.#update(id, { state: 'stopped' });
  }

  /** Stops everything. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    const waiting = this.#queue.map(({ record }) => record.id);
    const running = this.#running?.job.record.id;
    for (const id of running === undefined ? waiting : [...waiting, running]) await this.#stopLogged(id);
  }

  /** Ends a trainer that does not end by itself, and the process in which it computes, which writes the record. */
  async #kill({ record, child }: Job): Promise<void> {
    const found = await this.get(record.id).catch(() => undefined);
    child?.kill('SIGKILL');
    if (found?.state === 'running' && found.owner) endProcess(found.owner);
  }

  #stopLogged(id: string): Promise<void> {
    return this.stop(id).catch((error: unknown) => this.#log(`Training ${id} could not be stopped.`, error));
  }

  #next(command: TrainCommand): void {
    if (this.#running || this.#closed) return;
    const job = this.#queue.shift();
    if (!job) return;
    const ended = this.#run(job, command)
      .catch((error: unknown) =>
        this.#log(`How training ${job.record.id} ended could not be recorded.`, error),
      )
      .finally(() => {
        this.#running = undefined;
        this.#next(command);
      });
    this.#running = { job, ended };
  }

  async #run(job: Job, command: TrainCommand): Promise<void> {
    const { record } = job;
    const { code, signal, stderr } = await this.#train(job, command);
    if (code === 0) return;
    const logTail = stderr
      .split(/[\r\n]+/)
      .filter((line) => line !== '' && !isNativeLogLine(line))
      .slice(-tailLines);
    const memory = signal === 'SIGKILL' ? ', as a system ends a process that is short of memory' : '';
    const how = code === null ? `by ${signal ?? 'a signal'}${memory}` : `with code ${code}`;
    const ended = `The trainer ended ${how}.`;
    const message = code === null && signal !== null ? ended : (messageIn(logTail.at(-1)) ?? ended);
    const end: Partial<TrainingRecord> = job.stopped
      ? { state: 'stopped', logTail }
      : { state: 'failed', failure: { code: 'trainer_failed', message }, logTail };
    for (const wait of [...recordRetriesMs, undefined]) {
      try {
        await this.#recordEnd(record, end);
        return;
      } catch (error) {
        if (wait === undefined || this.#closed) throw error;
        await delay(wait);
      }
    }
  }

  /** Unless the trainer has recorded its own end. */
  async #recordEnd(queued: TrainingRecord, end: Partial<TrainingRecord>): Promise<void> {
    const found = await this.get(queued.id);
    const isOwn = found !== undefined && isFinal(found.state) && !isLost(found);
    if (isOwn) return;
    const known = found === undefined || found.failure?.code === 'record_damaged' ? queued : found;
    const { failure: _, ...rest } = known;
    await writeRecord(this.#store, { ...rest, ...end, updatedAt: new Date().toISOString() });
  }

  /** Runs the trainer to its end. */
  async #train(
    job: Job,
    [program, ...arguments_]: TrainCommand,
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }> {
    const { request, record } = job;
    let stderr = '';
    try {
      const child = spawn(
        program,
        [
          ...arguments_,
          ...['--corpus', `${this.#store.location.replace(/\/$/, '')}/${request.corpusKey}`],
          ...['--name', request.model],
          ...['--store', this.#store.location],
          ...['--record', record.id],
          ...(request.preset === undefined ? [] : ['--preset', request.preset]),
          ...(request.from === undefined ? [] : ['--from', request.from]),
          ...(request.teachers === undefined ? [] : ['--teacher', ...request.teachers]),
          ...(request.precision === undefined ? [] : ['--precision', request.precision]),
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      job.child = child;
      child.stderr
        .setEncoding('utf8')
        .on('data', (text: string) => {
          stderr = (stderr + text).slice(-16_384);
        })
        .on('error', () => undefined); // the trainer's end is what counts
      const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
      return { code, signal, stderr };
    } catch (error) {
      return { code: null, signal: null, stderr: `${stderr}${error}` };
    }
  }

  async #update(id: string, change: Partial<TrainingRecord>): Promise<void> {
    const record = await this.get(id);
    if (record) await writeRecord(this.#store, { ...record, ...change, updatedAt: new Date().toISOString() });
  }
}

/** What the command line says of an error, without what it puts around the sentence. */
const messageIn = (line: string | undefined): string | undefined =>
  line?.replace(/^error: (.*?)(?: \[[a-z_]+\])?$/, '$1');

/** Final only because nothing was written any more. */
const isLost = ({ failure }: TrainingRecord): boolean =>
  failure?.code === 'interrupted' || failure?.code === 'record_damaged';
