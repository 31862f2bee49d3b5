import { randomBytes } from 'node:crypto';
import { idOfRecord, prefixes, recordKey } from '../store/keys.ts';
import { isModelName } from '../store/model-name.ts';
import { livenessOf, thisProcess } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';
import { timeOfName, timestamp } from '../store/timestamp.ts';
import { isFinal, type StartTraining, type TrainingRecord } from './training-jobs.ts';

/** In order of time; two of one second stay apart. */
export const newTrainingId = (model: string, now: Date = new Date()): string =>
  `${timestamp(now)}-${randomBytes(2).toString('hex')}-${model}`;

/** 20261124T120000Z-0a1b-NAME */
const idPattern = /^\d{8}T\d{6}Z-[0-9a-f]{4}-/;
const isTrainingId = (id: string): boolean => idPattern.test(id) && isModelName(id.replace(idPattern, ''));

/** Milliseconds: a trainer that lives rewrites its record every minute; one that waits for its turn does not, in AWS for a week at most. */
const silentAfter = { running: 10 * 60_000, queued: 8 * 86_400_000 };

export const queuedRecord = (id: string, request: StartTraining, now: Date = new Date()): TrainingRecord => ({
  id,
  model: request.model,
  preset: request.preset ?? 'auto',
  ...(request.from === undefined ? {} : { from: request.from }),
  ...(request.teachers === undefined ? {} : { teachers: request.teachers }),
  ...(request.precision === undefined ? {} : { precision: request.precision }),
  corpus: { source: request.corpusKey },
  state: 'queued',
  startedAt: now.toISOString(),
  updatedAt: now.toISOString(),
  history: [],
  samples: [],
  logTail: [],
  owner: thisProcess(),
});

export const encodeRecord = (record: TrainingRecord): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(record)}\n`);

export const writeRecord = async (store: Store, record: TrainingRecord): Promise<void> => {
  await store.write(recordKey(record.id), encodeRecord(record));
};

/**
 * The record, or undefined where there is none. One whose trainer, or whose server while it was queued, is gone is
 * `failed` as `interrupted`; one that is damaged is `failed` too, until it is written again.
 *
 * @throws FolioError `store_failed`
 */
export const readRecord = async (
  store: Store,
  id: string,
  now: Date = new Date(),
): Promise<TrainingRecord | undefined> => {
  if (!isTrainingId(id)) return undefined;
  const object = await store.read(recordKey(id));
  if (object === undefined) return undefined;
  const record = parseRecord(object.bytes) ?? damagedRecord(id);
  if (isFinal(record.state)) return record;
  const liveness = record.owner ? livenessOf(record.owner) : 'unknown';
  const silent = now.getTime() - Date.parse(record.updatedAt) > silentAfter[record.state];
  const isGone = liveness === 'dead' || (liveness === 'unknown' && silent);
  if (!isGone) return record;
  const what = record.state === 'queued' ? 'server' : 'trainer';
  const message =
    liveness === 'dead'
      ? `The ${what} ended without saying why.`
      : `The ${what} has written nothing since ${record.updatedAt}.`;
  return { ...record, state: 'failed', failure: { code: 'interrupted', message } };
};

const parseRecord = (bytes: Uint8Array): TrainingRecord | undefined => {
  try {
    const record: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const isRecord =
      typeof record === 'object' && record !== null && 'state' in record && 'updatedAt' in record;
    return isRecord ? (record as TrainingRecord) : undefined;
  } catch {
    return undefined;
  }
};

/** What can be said of a training by its id alone. */
const damagedRecord = (id: string): TrainingRecord => {
  const at = (timeOfName(id) ?? new Date(0)).toISOString();
  return {
    id,
    model: id.replace(idPattern, ''),
    preset: 'unknown',
    corpus: { source: 'unknown' },
    state: 'failed',
    startedAt: at,
    updatedAt: at,
    history: [],
    samples: [],
    failure: { code: 'record_damaged', message: 'The record of this training cannot be read.' },
    logTail: [],
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
