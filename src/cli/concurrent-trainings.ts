import type { Store } from '../store/store.ts';
import { listRecords } from '../training-jobs/records.ts';

const RECENT = 60_000; // ms: a running training rewrites its record every few seconds
const NEWEST = 20; // records that are looked at

/**
 * Watches for other trainings of the same model in a store.
 *
 * @returns Called now and then, a line for each that was not reported before
 */
export const concurrentTrainings = (
  store: Store,
  model: string,
  ownId: string,
): (() => Promise<string[]>) => {
  const reported = new Set([ownId]);
  return async () => {
    // A store that does not list does not stop a training.
    const records = await listRecords(store, NEWEST).catch(() => []);
    const others = records.filter(
      (record) =>
        record.model === model &&
        record.state === 'running' &&
        !reported.has(record.id) &&
        Date.now() - Date.parse(record.updatedAt) < RECENT,
    );
    for (const { id } of others) reported.add(id);
    return others.map(
      ({ id, preset, corpus }) =>
        `Another training of ${model} is running: ${id} (${preset}, ${corpus.source}). Each has its own checkpoint; the one that ends last is refused if the other was published meanwhile.`,
    );
  };
};
