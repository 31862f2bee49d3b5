import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../store/store.ts';
import { readRecord } from './records.ts';
import type { TrainingRecord } from './training-jobs.ts';

const pollMs = 1000; // between reads of a record that its trainer rewrites

/** Reads records again and again for those who follow a training: however many they are, each is read once a second. */
export class RecordPoller {
  readonly #store: Store;
  readonly #waiting = new Map<string, Promise<TrainingRecord | undefined>>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws FolioError `store_failed` */
  next(id: string): Promise<TrainingRecord | undefined> {
    const waiting = this.#waiting.get(id);
    if (waiting) return waiting;
    const next = delay(pollMs)
      .then(() => readRecord(this.#store, id))
      .finally(() => this.#waiting.delete(id));
    this.#waiting.set(id, next);
    return next;
  }
}
