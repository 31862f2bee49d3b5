import { randomBytes } from 'node:crypto';
import { FolioError } from '../errors.ts';
import { idOfRecord, prefixes, recordKey } from '../store/keys.ts';
import { isModelName } from '../store/model-name.ts';
import type { Store } from '../store/store.ts';
import { timestamp } from '../store/timestamp.ts';
import type { StartTraining, TrainingRecord } from './training-jobs.ts';

/** In order of time; two of one second stay apart. */
export const newTrainingId = (model: string, now: Date = new Date()): string =>
  `${timestamp(now)}-${randomBytes(2).toString('hex')}-${model}`;

/** 20261124T120000Z-0a1b-NAME */
const idPattern = /^\d{8}T\d{6}Z-[0-9a-f]{4}-/;
const isTrainingId = (id: string): boolean => idPattern.test(id) && isModelName(id.replace(idPattern, ''));

const silentAfter = 10 * 60_000; // ms: a trainer that lives rewrites its record every few seconds

export const queuedRecord = (id: string, request: StartTraining, now: Date = new Date()): TrainingRecord => ({
  id,
  model: request.model,
  preset: request.preset ?? 'standard',
  corpus: { source: request.corpusKey },
  state: 'queued',
  startedAt: now.toISOString(),
  updatedAt: now.toISOString(),
  history: [],
  samples: [],
  logTail: [],
});

export const writeRecord = async (store: Store, record: TrainingRecord): Promise<void> => {
  await store.write(recordKey(record.id), new TextEncoder().encode(`${JSON.stringify(record)}\n`));
};

/** The record, or undefined where there is none. The trainer of one that is no longer rewritten is gone. */
export const readRecord = async (
  store: Store,
  id: string,
  now: Date = new Date(),
): Promise<TrainingRecord | undefined> => {
  if (!isTrainingId(id)) return undefined;
  const object = await store.read(recordKey(id));
  if (object === undefined) return undefined;
  let record: TrainingRecord;
  try {
    record = JSON.parse(new TextDecoder().decode(object.bytes)) as TrainingRecord;
  } catch (cause) {
    throw new FolioError('store_failed', `The record of training ${id} cannot be read.`, {
      where: id,
      cause,
    });
  }
  const silent = now.getTime() - Date.parse(record.updatedAt) > silentAfter;
  if (record.state !== 'running' || !silent) return record;
  return {
    ...record,
    state: 'failed',
    failure: { code: 'interrupted', message: `The trainer has written nothing since ${record.updatedAt}.` },
  };
};

/** Records of trainings, newest first: one object each, rewritten by the trainer while it trains. */
export const listRecords = async (store: Store, limit = 100): Promise<readonly TrainingRecord[]> => {
  const ids: string[] = [];
  for await (const { key } of store.list(prefixes.trainings)) {
    const id = idOfRecord(key);
    if (id !== undefined && isTrainingId(id)) ids.push(id);
  }
  const newest = ids.sort().reverse().slice(0, limit);
  const records = await Promise.all(newest.map((id) => readRecord(store, id)));
  return records.filter((record) => record !== undefined);
};
