/**
 * Where models, corpora, checkpoints and records of trainings are kept: objects of bytes under slash-separated keys.
 * A folder and an S3 bucket keep this contract alike (`test/store.cases.ts`), reader and writer may be on two
 * machines, and a reader never meets half an object.
 */
export interface StoredObject {
  readonly bytes: Uint8Array;
  /** Changes whenever the object's bytes do. */
  readonly etag: string;
}

export interface StoredEntry {
  readonly key: string;
  readonly size: number; // bytes
  readonly modified: Date;
}

export interface ReadOptions {
  /** Bytes `start` (inclusive) to `end` (exclusive). */
  readonly range?: { readonly start: number; readonly end: number };
  /** About how long the object is: a long one may be read faster in several parts at once. */
  readonly expectedBytes?: number;
  readonly signal?: AbortSignal;
}

export interface Store {
  /** For people and logs: a folder's path or `s3://bucket/prefix`. */
  readonly location: string;

  /** The object, or undefined where there is none. */
  read(key: string, options?: ReadOptions): Promise<StoredObject | undefined>;

  /** As `read`, or 'unchanged' when the object still has this etag. */
  readIfChanged(
    key: string,
    etag: string,
    options?: ReadOptions,
  ): Promise<StoredObject | undefined | 'unchanged'>;

  /** Size and time of one object, or undefined where there is none. */
  stat(key: string): Promise<StoredEntry | undefined>;

  /** Writes an object that must not exist yet. @throws FolioError `already_exists` */
  create(key: string, bytes: Uint8Array): Promise<{ etag: string }>;

  /**
   * Compare-and-swap: writes only if the object still has this etag, or, for null, if there is none.
   * @throws FolioError `conflict`, and the object is untouched
   */
  replace(key: string, bytes: Uint8Array, expected: string | null): Promise<{ etag: string }>;

  /** Writes whatever was there: for records with one writer, never for a pointer. */
  write(key: string, bytes: Uint8Array): Promise<{ etag: string }>;

  /**
   * As `write`, of bytes as they come: no reader meets a part of them, and memory holds a few megabytes at most. A
   * FolioError of `chunks` is passed on, and the object is what it was.
   */
  writeStream(key: string, chunks: AsyncIterable<Uint8Array>): Promise<{ etag: string; size: number }>;

  /** Every object whose key starts with the prefix, in order of key. */
  list(prefix: string): AsyncIterable<StoredEntry>;

  /** Removes the object; no error where there is none. */
  remove(key: string): Promise<void>;

  /**
   * Removes what killed writers left below a prefix that is no object; absent where nothing can be left.
   *
   * @param prefix Empty, or ending in a slash.
   * @returns what it was, for people
   */
  removeLeftovers?(prefix: string): Promise<readonly string[]>;
}
