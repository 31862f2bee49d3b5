import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { FolioError, isFolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { badRange, checkRange } from './range.ts';
import type { ReadOptions, Store, StoredEntry, StoredObject } from './store.ts';
import { checkKey, isKey } from './valid-key.ts';

const attempts = 6; // of one request, by the client: 5xx, slow down, connections reset; waits grow and scatter
const bodyAttempts = 4; // the client does not retry what breaks off within a body
const partBytes = 8 << 20; // the size that AWS advises for reading in parallel
const partedFrom = 2 * partBytes; // below, one connection is as fast as several new ones
const contestedAttempts = 10; // 409: another conditional write to the object is under way

/**
 * The store in an S3 bucket, below an optional prefix. Compare-and-swap is S3's own: `If-None-Match: *` creates,
 * `If-Match` replaces. The only file that knows the AWS client for S3.
 */
export class S3Store implements Store {
  readonly location: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  /** @param prefix Empty, or ending in a slash. */
  constructor(client: S3Client, bucket: string, prefix: string) {
    this.location = `s3://${bucket}/${prefix}`.replace(/\/$/, '');
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  /**
   * @param location `s3://BUCKET` or `s3://BUCKET/PREFIX`
   * @throws FolioError `invalid_parameter`
   */
  static at(location: string, config: S3ClientConfig = {}): S3Store {
    const [, bucket, prefix = ''] =
      /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(location) ?? [];
    const folder = prefix.replace(/\/$/, '');
    if (bucket === undefined || (folder !== '' && !isKey(folder))) {
      throw new FolioError('invalid_parameter', `${JSON.stringify(location)} is no place in S3.`, {
        where: 'store',
        expected: 's3://BUCKET or s3://BUCKET/PREFIX',
        received: JSON.stringify(location),
      });
    }
    const { s3Endpoint, awsEndpoint } = readSettings();
    const client = new S3Client({
      maxAttempts: attempts,
      requestHandler: { connectionTimeout: 3_000, socketTimeout: 20_000 },
      forcePathStyle: (s3Endpoint ?? awsEndpoint) !== undefined,
      ...config,
    });
    return new S3Store(client, bucket, folder === '' ? '' : `${folder}/`);
  }

  async read(key: string, options: ReadOptions = {}): Promise<StoredObject | undefined> {
    if (options.range === undefined && (options.expectedBytes ?? 0) >= partedFrom) {
      return this.#readInParts(key, options);
    }
    const object = await this.#get(key, options);
    return object === 'unchanged' ? undefined : object;
  }

  readIfChanged(
    key: string,
    etag: string,
    options: ReadOptions = {},
  ): Promise<StoredObject | undefined | 'unchanged'> {
    return this.#get(key, options, etag);
  }

  async stat(key: string): Promise<StoredEntry | undefined> {
    const place = this.#at(key);
    try {
      const head = await this.#client.send(new HeadObjectCommand(place));
      return { key, size: head.ContentLength ?? 0, modified: head.LastModified ?? new Date(0) };
    } catch (error) {
      if (statusOf(error) !== 404) throw this.#failed('read', key, error);
    }
    // The answer to a HEAD has no body that would distinguish a missing object from a missing bucket.
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }));
    } catch (error) {
      throw this.#failed('read', key, error);
    }
    return undefined;
  }

  async create(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    const result = await this.#put(key, bytes, { IfNoneMatch: '*' });
    if (result !== 'refused') return result;
    throw new FolioError('already_exists', `${key} exists already.`, { where: key });
  }

  async replace(key: string, bytes: Uint8Array, expected: string | null): Promise<{ etag: string }> {
    const result = await this.#put(
      key,
      bytes,
      expected === null ? { IfNoneMatch: '*' } : { IfMatch: expected },
    );
    if (result !== 'refused') return result;
    throw new FolioError('conflict', `${key} was changed by somebody else meanwhile.`, {
      where: key,
      expected: expected === null ? 'no object' : `etag ${expected}`,
    });
  }

  async write(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    const result = await this.#put(key, bytes, {});
    if (result !== 'refused') return result;
    throw new FolioError('conflict', `${key} cannot be written: another object stands in its way.`, {
      where: key,
    });
  }

  async *list(prefix: string): AsyncIterable<StoredEntry> {
    try {
      const pages = paginateListObjectsV2(
        { client: this.#client },
        { Bucket: this.#bucket, Prefix: this.#prefix + prefix },
      );
      for await (const page of pages) {
        for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
          const key = Key.slice(this.#prefix.length);
          if (isKey(key)) yield { key, size: Size, modified: LastModified };
        }
      }
    } catch (error) {
      throw this.#failed('list', prefix, error);
    }
  }

  async remove(key: string): Promise<void> {
    const place = this.#at(key);
    try {
      await this.#client.send(new DeleteObjectCommand(place));
    } catch (error) {
      if (statusOf(error) !== 404 || isNamed(error, 'NoSuchBucket')) throw this.#failed('remove', key, error);
    }
  }

  /** A long object over several connections at once; at once again, whole, if its length is another than expected. */
  async #readInParts(key: string, options: ReadOptions): Promise<StoredObject | undefined> {
    const { expectedBytes = 0, ...plain } = options;
    const starts = Array.from({ length: Math.ceil(expectedBytes / partBytes) }, (_, i) => i * partBytes);
    const parts = await Promise.all(
      starts.map((start) =>
        this.read(key, { ...plain, range: { start, end: start + partBytes } }).catch((error: unknown) => {
          if (isFolioError(error) && error.code === 'invalid_parameter') return undefined; // shorter than expected
          throw error;
        }),
      ),
    );
    const bytes = Buffer.concat(parts.map((part) => part?.bytes ?? new Uint8Array()));
    const etag = parts[0]?.etag;
    const ofOneObject = etag !== undefined && parts.every((part) => part?.etag === etag);
    return ofOneObject && bytes.length === expectedBytes ? { bytes, etag } : this.read(key, plain);
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + checkKey(key) };
  }

  async #get(
    key: string,
    options: ReadOptions,
    etag?: string,
  ): Promise<StoredObject | undefined | 'unchanged'> {
    const { range, signal } = options;
    if (range !== undefined) checkRange(range);
    const command = new GetObjectCommand({
      ...this.#at(key),
      ...(etag === undefined ? {} : { IfNoneMatch: etag }),
      ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }),
    });
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#client.send(command, signal === undefined ? {} : { abortSignal: signal });
        const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
        return { bytes, etag: answer.ETag ?? '' };
      } catch (error) {
        signal?.throwIfAborted();
        const status = statusOf(error);
        if (status === 304) return 'unchanged';
        if (status === 416 && range !== undefined) throw badRange(range, 'a start within the object');
        if (status === 404 && !isNamed(error, 'NoSuchBucket')) return undefined;
        if (error instanceof S3ServiceException || attempt === bodyAttempts)
          throw this.#failed('read', key, error);
      }
    }
  }

  /**
   * @returns 'refused' when the condition did not hold. A refusal that follows a retry may be the echo of this very
   *   write, whose answer was lost: then the object already holds the bytes.
   */
  async #put(
    key: string,
    bytes: Uint8Array,
    condition: { IfMatch?: string; IfNoneMatch?: string },
  ): Promise<{ etag: string } | 'refused'> {
    const command = new PutObjectCommand({
      ...this.#at(key),
      ...condition,
      Body: bytes,
      ContentType: typeOf(key),
    });
    const conditional = Object.keys(condition).length > 0;
    for (let attempt = 1; ; attempt++) {
      try {
        const { ETag } = await this.#client.send(command);
        return { etag: ETag ?? '' };
      } catch (error) {
        const status = statusOf(error);
        const contested = status === 409 && isNamed(error, 'ConditionalRequestConflict');
        if (contested && attempt < contestedAttempts) {
          await delay(Math.random() * 20 * attempt);
          continue;
        }
        const refused = status === 412 || status === 409 || (conditional && isNamed(error, 'NoSuchKey'));
        if (!refused) throw this.#failed('write', key, error);
        const retried = ((error as S3ServiceException).$metadata.attempts ?? 1) > 1;
        const there = retried ? await this.read(key) : undefined;
        if (there !== undefined && Buffer.compare(there.bytes, bytes) === 0) return { etag: there.etag };
        return 'refused';
      }
    }
  }

  #failed(action: string, key: string, cause: unknown): FolioError {
    const status = statusOf(cause);
    const reason = cause instanceof Error ? (codeOf(cause) ?? cause.name) : String(cause);
    const description = status === undefined ? reason : `${reason} (${status})`;
    return new FolioError(
      'store_failed',
      `Could not ${action} ${key || 'objects'} in ${this.location}: ${description}.`,
      {
        where: key,
        received: description,
        cause,
        ...(status === undefined || status >= 500 ? { retryAfter: 1 } : {}),
      },
    );
  }
}

const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;
const codeOf = (error: Error): string | undefined => (error as NodeJS.ErrnoException).code;

const types: Readonly<Record<string, string>> = {
  json: 'application/json',
  txt: 'text/plain; charset=utf-8',
  html: 'text/html; charset=utf-8',
};
const typeOf = (key: string): string =>
  types[/\.([a-z]+)$/.exec(key)?.[1] ?? ''] ?? 'application/octet-stream';
