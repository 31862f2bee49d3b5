import { LRUCache } from 'lru-cache';
import { FolioError } from '../errors.ts';
import type { CopyIndex } from '../model/copy-index.ts';
import { now } from '../model/decode/clock.ts';
import type { Model } from '../model/model.ts';
import type { Precision } from '../model/stepper.ts';
import { CurrentVersions, isVersionFault, type ModelLogLine } from './current-versions.ts';
import { copyIndexFile } from './keys.ts';
import type { ModelReference } from './model-name.ts';
import { quickChecks } from './native-checks.ts';
import type { Store } from './store.ts';
import { type ModelFiles, versionFiles } from './version-files.ts';

/** A model that is held for some work: it is not dropped from memory before `release`. */
export interface ModelLease {
  readonly name: string;
  readonly version: string;
  readonly model: Model;
  /** Milliseconds that the holder waited for the model to load; 0 when it was in memory. */
  readonly loadMilliseconds: number;
  /** The index of the copy guard published beside the model, loaded when first asked for. */
  copyIndex(): Promise<CopyIndex | undefined>;
  /** The bytes of a file published beside the model; undefined where there is none. */
  readFile(file: string): Promise<Uint8Array | undefined>;
  /** Gives the model back; more than once does no harm. */
  release(): void;
}

/** A model in memory. */
export interface LoadedModel {
  readonly name: string;
  readonly version: string;
  readonly precision: Precision;
  readonly bytes: number;
}

export interface ModelCacheOptions {
  readonly store: Store;
  readonly load: (files: ModelFiles, precision: Precision) => Promise<Model>;
  readonly parseCopyIndex: (bytes: Uint8Array) => CopyIndex;
  /** Arithmetic where the caller names none. */
  readonly precision: Precision;
  /** Bytes of models kept; what is held stays beyond it. */
  readonly maximumBytes: number;
  /** Milliseconds for which a pointer is taken to be unchanged. */
  readonly reloadAfter: number;
  /** Milliseconds that a caller waits for a model. Default: as long as the store takes. */
  readonly timeoutMs?: number | undefined;
  readonly log?: ((line: ModelLogLine) => void) | undefined;
  /** Milliseconds on a clock that only goes forward. */
  readonly now?: () => number;
}

/** One version in one precision, from the moment somebody asks for it. */
interface Entry {
  readonly files: ModelFiles;
  readonly model: Promise<Model>;
  /** Once it is there. */
  loaded: Model | undefined;
  copyIndex: Promise<CopyIndex | undefined> | undefined;
  /** Those who wait for it included. */
  holders: number;
  dropped: boolean;
}

/**
 * The models in memory: one load for each model, version and precision, shared by all who ask meanwhile; a failure
 * is forgotten; the least recently used leave when the bytes run out, and are freed when nobody holds them. Which
 * version an unpinned name means is decided by `CurrentVersions`.
 */
export class ModelCache {
  readonly #options: ModelCacheOptions;
  readonly #now: () => number;
  readonly #loaded: LRUCache<string, Entry>;
  readonly #loading = new Map<string, Entry>();
  readonly #current: CurrentVersions;

  constructor(options: ModelCacheOptions) {
    this.#options = options;
    this.#now = options.now ?? now;
    this.#loaded = new LRUCache({
      maxSize: options.maximumBytes,
      sizeCalculation: ({ loaded }) => Math.max(1, loaded?.info.byteLength ?? 0),
      dispose: drop,
    });
    this.#current = new CurrentVersions({
      store: options.store,
      reloadAfter: options.reloadAfter,
      now: this.#now,
      log: (line) => options.log?.(line),
      open: async (name, version, precision) => {
        const { release } = await this.#lease(name, version, precision, this.#now());
        release();
      },
    });
  }

  /**
   * Holds a model: the current version, or the one that the reference pins. While the store does not answer, or holds
   * a current version that cannot be opened, the last version that could be goes on.
   *
   * @throws FolioError `model_not_found`, `store_failed`, `time_limit`, `unavailable` where no version can be opened;
   * for a pinned version `model_damaged`, `model_invalid`, `model_unsupported`
   */
  acquire(reference: ModelReference, precision: Precision = this.#options.precision): Promise<ModelLease> {
    const acquiring = this.#acquire(reference, precision);
    const { timeoutMs } = this.#options;
    if (timeoutMs === undefined) return acquiring;
    return within(acquiring, timeoutMs, reference.name, (lease) => lease.release());
  }

  async #acquire({ name, version }: ModelReference, precision: Precision): Promise<ModelLease> {
    const began = this.#now();
    if (version !== undefined) return this.#lease(name, version, precision, began);
    const current = await this.#current.version(name, precision);
    try {
      return await this.#lease(name, current, precision, began);
    } catch (error) {
      if (!isVersionFault(error)) throw error;
      const other = await this.#current.fallback(name, current, precision, error);
      return this.#lease(name, other, precision, began);
    }
  }

  async #lease(name: string, version: string, precision: Precision, began: number): Promise<ModelLease> {
    const key = `${name}@${version} ${precision}`;
    const inMemory = this.#loaded.get(key);
    const entry = inMemory ?? this.#loading.get(key) ?? this.#load(key, name, version, precision);
    entry.holders++;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      entry.holders--;
      disposeIfUnused(entry);
    };
    try {
      const model = await entry.model;
      const loadMilliseconds = inMemory ? 0 : this.#now() - began;
      return {
        ...{ name, version, model, loadMilliseconds, release },
        copyIndex: () => this.#copyIndex(entry),
        readFile: (file) => entry.files.read(file),
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The models in memory, the most recently used first. */
  loaded(): readonly LoadedModel[] {
    return [...this.#loaded.values()].flatMap(({ files, loaded }) =>
      loaded === undefined
        ? []
        : [
            {
              name: files.name,
              version: files.version,
              precision: loaded.info.precision,
              bytes: loaded.info.byteLength,
            },
          ],
    );
  }

  /** Drops every model; those held are freed when they are released. */
  clear(): void {
    this.#loaded.clear();
    this.#current.clear();
  }

  #load(key: string, name: string, version: string, precision: Precision): Entry {
    const files = versionFiles(this.#options.store, name, version, quickChecks);
    const model = this.#options.load(files, precision).then(
      (loaded) => {
        entry.loaded = loaded;
        this.#loading.delete(key);
        this.#loaded.set(key, entry);
        if (!this.#loaded.has(key)) drop(entry); // larger than the whole cache: its last holder frees it
        void this.#noteUnverified(files);
        return loaded;
      },
      (error: unknown) => {
        this.#loading.delete(key);
        throw error;
      },
    );
    const entry: Entry = {
      files,
      model,
      loaded: undefined,
      copyIndex: undefined,
      holders: 0,
      dropped: false,
    };
    this.#loading.set(key, entry);
    return entry;
  }

  async #noteUnverified({ name, version, digests }: ModelFiles): Promise<void> {
    if ((await digests().catch(() => null)) !== undefined) return;
    this.#options.log?.({
      level: 'info',
      model: `${name}@${version}`,
      message: `${name}@${version} was published without digests: damage to its files cannot be found.`,
    });
  }

  #copyIndex(entry: Entry): Promise<CopyIndex | undefined> {
    entry.copyIndex ??= entry.files.read(copyIndexFile).then(
      (bytes) => bytes && this.#options.parseCopyIndex(bytes),
      (error: unknown) => {
        entry.copyIndex = undefined;
        throw error;
      },
    );
    return entry.copyIndex;
  }
}

/** The entry has left the cache: its model is freed now, or by whoever holds it last. */
function drop(entry: Entry): void {
  entry.dropped = true;
  disposeIfUnused(entry);
}

function disposeIfUnused(entry: Entry): void {
  if (entry.dropped && entry.holders === 0) entry.loaded?.dispose();
}

/** @param unwanted Takes what comes after the time is over. @throws FolioError `time_limit` */
function within<Result>(
  work: Promise<Result>,
  timeoutMs: number,
  name: string,
  unwanted: (result: Result) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(
        new FolioError('time_limit', `${name} could not be opened within ${timeoutMs / 1000} seconds.`, {
          where: 'model',
          retryAfter: 1,
        }),
      );
    }, timeoutMs);
    work
      .then(
        (result) => (late ? unwanted(result) : resolve(result)),
        (error: unknown) => reject(error),
      )
      .finally(() => clearTimeout(timer));
  });
}
