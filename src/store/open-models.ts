import { openCopyIndex } from '../model/copy-index.ts';
import type { AnyAlphabet } from '../model/format/alphabet-file.ts';
import type { Threads } from '../model/kernel/threads/worker-pool.ts';
import type { Precision } from '../model/stepper.ts';
import type { ModelLogLine } from './current-versions.ts';
import { ModelCache } from './model-cache.ts';
import { openVersion } from './open-version.ts';
import type { Store } from './store.ts';

/** An alphabet in place of what a model carries, and what messages call it. */
export interface GivenAlphabet {
  readonly alphabet: AnyAlphabet;
  readonly alphabetName: string;
}

export interface ModelSettings {
  readonly precision: Precision;
  readonly reloadSeconds: number;
  readonly modelCacheBytes: number;
  /** Of a request, the opening of its model included. */
  readonly timeLimitSeconds?: number;
}

/**
 * The models of a store, loaded when they are asked for and kept as the settings allow.
 *
 * @param threads Advance several streams of a model together. Default: the caller's thread alone.
 * @param log Called with faults that no request reports, since another version is served.
 * @param alphabetOf The alphabet of a model in place of what it carries, by its name.
 */
export const openModels = (
  store: Store,
  settings: ModelSettings,
  threads?: Threads,
  log?: (line: ModelLogLine) => void,
  alphabetOf?: (name: string) => GivenAlphabet | undefined,
): ModelCache =>
  new ModelCache({
    store,
    load: (files, precision) =>
      openVersion(files, { precision, ...(threads && { threads }), ...alphabetOf?.(files.name) }),
    parseCopyIndex: openCopyIndex,
    precision: settings.precision,
    maximumBytes: settings.modelCacheBytes,
    reloadAfter: settings.reloadSeconds * 1000,
    timeoutMs: settings.timeLimitSeconds === undefined ? undefined : settings.timeLimitSeconds * 1000,
    log,
  });
