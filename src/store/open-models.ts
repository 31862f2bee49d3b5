import { openCopyIndex } from '../model/copy-index.ts';
import type { Threads } from '../model/kernel/threads/worker-pool.ts';
import type { Precision } from '../model/stepper.ts';
import { ModelCache } from './model-cache.ts';
import { openVersion } from './open-version.ts';
import type { Store } from './store.ts';

export interface ModelSettings {
  readonly precision: Precision;
  readonly reloadSeconds: number;
  readonly modelCacheBytes: number;
}

/**
 * The models of a store, loaded when they are asked for and kept as the settings allow.
 *
 * @param threads Advance several streams of a model together. Default: the caller's thread alone.
 */
export const openModels = (store: Store, settings: ModelSettings, threads?: Threads): ModelCache =>
  new ModelCache({
    store,
    load: (files, precision) => openVersion(files, { precision, ...(threads && { threads }) }),
    parseCopyIndex: openCopyIndex,
    precision: settings.precision,
    maximumBytes: settings.modelCacheBytes,
    reloadAfter: settings.reloadSeconds * 1000,
  });
