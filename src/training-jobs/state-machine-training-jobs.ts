import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { FolioError } from '../errors.ts';
import { nameOfCorpus } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import { RecordPoller } from './record-poller.ts';
import { listRecords, newTrainingId, queuedRecord, readRecord, writeRecord } from './records.ts';
import { isFinal, type StartTraining, type TrainingJobs, type TrainingRecord } from './training-jobs.ts';

/**
 * Trainings by the state machine that an uploaded corpus starts too (`cdk/retraining-definition.ts`). Their records
 * are in the store, written by the machine and by the trainer itself.
 */
export class StateMachineTrainingJobs implements TrainingJobs {
  readonly #store: Store;
  readonly #machine: string;
  readonly #bucket: string;
  readonly #client = new SFNClient({});
  readonly #poller: RecordPoller;

  /**
   * @param machine ARN of the state machine
   * @param corpora `s3://BUCKET` that the corpora are in
   */
  constructor(store: Store, machine: string, corpora: string) {
    this.#store = store;
    this.#poller = new RecordPoller(store);
    this.#machine = machine;
    this.#bucket = corpora.replace('s3://', '');
  }

  /** The machine has room for every model: a later training of one ends the earlier. */
  checkCapacity(): void {}

  /** Which processor Fargate gives a task is not known before: the trainer refuses what it lacks, and its record says so. */
  checkPrecision(): void {}

  async start(request: StartTraining): Promise<TrainingRecord> {
    const id = newTrainingId(request.model);
    const record = {
      ...queuedRecord(id, request),
      corpus: { source: `s3://${this.#bucket}/${request.corpusKey}` },
    };
    await writeRecord(this.#store, record);
    await this.#begin(id, request).catch(async (error: unknown) => {
      const failure = { code: 'unavailable', message: 'The training could not be started.' };
      await writeRecord(this.#store, { ...record, state: 'failed', failure }).catch(() => undefined);
      throw new FolioError('unavailable', failure.message, { cause: error });
    });
    return record;
  }

  async #begin(id: string, request: StartTraining): Promise<void> {
    await this.#client.send(
      new StartExecutionCommand({
        stateMachineArn: this.#machine,
        // Of 80 characters at most; time and random digits come first, and nothing is looked up by the name.
        name: id.slice(0, 80),
        // In the form of S3's event about an upload, with what only a request can say.
        input: JSON.stringify({
          'detail-type': 'Object Created',
          detail: { bucket: { name: this.#bucket }, object: { key: request.corpusKey } },
          training: id,
          model: request.model,
          ...(request.preset !== undefined && { preset: request.preset }),
          ...(request.from !== undefined && { from: request.from }),
          ...(request.teachers !== undefined && { teachers: request.teachers.join(' ') }),
          ...(request.precision !== undefined && { precision: request.precision }),
        }),
      }),
    );
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

  /** Stops the execution that trains this model: there is one at most, since a later one ends the earlier. */
  async stop(id: string): Promise<void> {
    const record = await readRecord(this.#store, id);
    if (record === undefined) {
      throw new FolioError('not_found', `There is no training ${id}.`, { where: 'id', received: id });
    }
    const { executions = [] } = await this.#client.send(
      new ListExecutionsCommand({ stateMachineArn: this.#machine, statusFilter: 'RUNNING' }),
    );
    for (const { executionArn } of executions) {
      const { input = '{}' } = await this.#client.send(new DescribeExecutionCommand({ executionArn }));
      const event = JSON.parse(input) as { model?: string; detail?: { object?: { key?: string } } };
      const model = event.model ?? nameOfCorpus(event.detail?.object?.key ?? '');
      if (model !== record.model) continue;
      await this.#client.send(
        new StopExecutionCommand({ executionArn, error: 'stopped', cause: 'Somebody asked for it.' }),
      );
    }
    if (!isFinal(record.state)) {
      await writeRecord(this.#store, { ...record, state: 'stopped', updatedAt: new Date().toISOString() });
    }
  }
}
