import { LRUCache } from 'lru-cache';
import { FolioError } from '../errors.ts';
import type { CopyIndex } from '../model/copy-index.ts';
import type { Model } from '../model/model.ts';
import type { Precision } from '../model/stepper.ts';
import { copyIndexFile, pointerKey } from './keys.ts';
import type { ModelReference } from './model-name.ts';
import { type ModelFiles, versionFiles } from './open-version.ts';
import { parsePointer } from './pointer.ts';
import type { Store } from './store.ts';

/** A model that is held for some work: it is not dropped from memory before `release`. */
export interface ModelLease {
  readonly name: string;
  readonly version: string;
  readonly model: Model;
  /** Milliseconds that the holder waited for the model to load; 0 when it was in memory. */
  readonly loadMilliseconds: number;
  /** The index of the copy guard published beside the model, loaded when first asked for. */
  copyIndex(): Promise<CopyIndex | undefined>;
  /** Gives the model back; more than once does no harm. */
  release(): void;
}

export interface ModelCacheOptions {
  readonly store: Store;
  readonly load: (files: ModelFiles, precision: Precision) => Promise<Model>;
  readonly parseCopyIndex: (bytes: Uint8Array) => CopyIndex;
  /** Arithmetic where the asker names none. */
  readonly precision: Precision;
  /** Bytes of models kept; what is held stays beyond it. */
  readonly maximumBytes: number;
  /** Milliseconds for which a pointer is taken to be unchanged. */
  readonly reloadAfter: number;
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

interface KnownPointer {
  readonly version: string;
  readonly etag: string;
  readonly checkedAt: number;
}

const retryPointerAfter = 1_000; // ms, when the store did not answer and the last known version goes on serving

/**
 * The models in memory: one load for each model, version and precision, shared by all who ask meanwhile; a failure
 * is forgotten; the least recently used leave when the bytes run out, and are freed when nobody holds them. A new
 * current version is noticed within `reloadAfter`.
 */
export class ModelCache {
  readonly #options: ModelCacheOptions;
  readonly #now: () => number;
  readonly #loaded: LRUCache<string, Entry>;
  readonly #loading = new Map<string, Entry>();
  readonly #pointers = new Map<string, KnownPointer>();
  readonly #checking = new Map<string, Promise<KnownPointer>>();

  constructor(options: ModelCacheOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#loaded = new LRUCache({
      maxSize: options.maximumBytes,
      sizeCalculation: ({ loaded }) => Math.max(1, loaded?.info.byteLength ?? 0),
      dispose: drop,
    });
  }

  /**
   * Holds a model: the current version, or the one that the reference pins.
   *
   * @throws FolioError `model_not_found`, `store_failed`, `model_invalid`, `model_unsupported`
   */
  async acquire(
    reference: ModelReference,
    precision: Precision = this.#options.precision,
  ): Promise<ModelLease> {
    const { name } = reference;
    const began = this.#now();
    const version = reference.version ?? (await this.#pointer(name)).version;
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
      return { name, version, model, loadMilliseconds, copyIndex: () => this.#copyIndex(entry), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Drops every model; those held are freed when they are released. */
  clear(): void {
    this.#loaded.clear();
    this.#pointers.clear();
  }

  async #pointer(name: string): Promise<KnownPointer> {
    const known = this.#pointers.get(name);
    if (known && this.#now() - known.checkedAt < this.#options.reloadAfter) return known;
    return shared(this.#checking, name, async () => {
      try {
        const pointer = await this.#readPointer(name, known);
        this.#pointers.set(name, pointer);
        return pointer;
      } catch (error) {
        if (!known || !(error instanceof FolioError) || error.code !== 'store_failed') {
          this.#pointers.delete(name);
          throw error;
        }
        const { reloadAfter } = this.#options;
        const checkedAt = this.#now() - Math.max(0, reloadAfter - retryPointerAfter);
        this.#pointers.set(name, { ...known, checkedAt });
        return known;
      }
    });
  }

  async #readPointer(name: string, known: KnownPointer | undefined): Promise<KnownPointer> {
    const { store } = this.#options;
    const key = pointerKey(name);
    const checkedAt = this.#now();
    const object = known ? await store.readIfChanged(key, known.etag) : await store.read(key);
    if (known && object === 'unchanged') return { ...known, checkedAt };
    if (object === undefined || object === 'unchanged') {
      throw new FolioError('model_not_found', `There is no model ${name}.`, {
        where: 'model',
        received: name,
      });
    }
    return { version: parsePointer(object.bytes, key), etag: object.etag, checkedAt };
  }

  #load(key: string, name: string, version: string, precision: Precision): Entry {
    const files = versionFiles(this.#options.store, name, version);
    const model = this.#options.load(files, precision).then(
      (loaded) => {
        entry.loaded = loaded;
        this.#loading.delete(key);
        this.#loaded.set(key, entry);
        if (!this.#loaded.has(key)) drop(entry); // larger than the whole cache: its last holder frees it
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

/** Concurrent callers share one run of the work; what it came to is not kept. */
function shared<Result>(
  running: Map<string, Promise<Result>>,
  key: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const under = running.get(key);
  if (under) return under;
  const run = work().finally(() => running.delete(key));
  running.set(key, run);
  return run;
}
