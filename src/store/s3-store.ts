import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { FolioError, isFolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { probeConditionalWrites } from './conditional-writes.ts';
import { inParts, MultipartUpload } from './multipart-upload.ts';
import { badRange, checkRange, partBytes, partedFrom, partOf, readInParts } from './range.ts';
import {
  attemptsOf,
  foreignAnswer,
  isForeign,
  isNamed,
  noSuchBucket,
  statusOf,
  storeFailed,
} from './s3-errors.ts';
import { parseS3Location } from './s3-location.ts';
import type { ReadOptions, Store, StoredEntry, StoredObject } from './store.ts';
import { checkKey, isKey } from './valid-key.ts';

const attempts = 4; // of one request, by the client: 5xx, slow down, connections reset; waits grow and scatter
const bodyAttempts = 3; // the client does not retry what breaks off within a body
const stallMs = 20_000; // without a byte of an answer, all attempts and waits together
const uploadBytesPerMs = 250; // the slowest upload that is waited for
const contestedAttempts = 10; // 409: another conditional write to the object is under way

type Condition = { readonly IfMatch: string } | { readonly IfNoneMatch: '*' };

/** Servers other than AWS's that were found to honour conditional writes, by endpoint and bucket. */
const probed = new Map<string, Promise<void>>();

/**
 * The store in an S3 bucket, below an optional prefix. Compare-and-swap is S3's own: `If-None-Match: *` creates,
 * `If-Match` replaces. Every call ends: one that brings no byte for 20 seconds fails. With `s3-errors.ts` the only file
 * that knows the AWS client for S3.
 */
export class S3Store implements Store {
  readonly location: string;
  readonly #client: S3Client;
  /** Reads parts and conditionally: some servers send the whole object's checksum with those. */
  readonly #unchecked: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #singleWriter: boolean;
  readonly #stallMs: number;
  /** Where requests go, once it is known. */
  #endpoint: URL | undefined;

  /** @param prefix Empty, or ending in a slash. */
  private constructor(
    config: S3ClientConfig,
    bucket: string,
    prefix: string,
    options: { readonly singleWriter: boolean; readonly stallMs: number },
  ) {
    this.location = `s3://${bucket}/${prefix}`.replace(/\/$/, '');
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#singleWriter = options.singleWriter;
    this.#stallMs = options.stallMs;
    const { s3Endpoint = readSettings().awsEndpoint } = readSettings();
    const endpoint = typeof config.endpoint === 'string' ? config.endpoint : s3Endpoint;
    if (endpoint !== undefined && URL.canParse(endpoint)) this.#endpoint = new URL(endpoint);
    this.#client = this.#connect(config);
    const { requestHandler, credentials, region } = this.#client.config;
    this.#unchecked = this.#connect({
      ...config,
      ...{ requestHandler, credentials, region, responseChecksumValidation: 'WHEN_REQUIRED' },
    });
  }

  /**
   * @param location `s3://BUCKET` or `s3://BUCKET/PREFIX`
   * @param options.stallMs Milliseconds after which a call that brings nothing fails.
   * @throws FolioError `invalid_parameter`
   */
  static at(
    location: string,
    config: S3ClientConfig = {},
    options: { readonly stallMs?: number; readonly singleWriter?: boolean } = {},
  ): S3Store {
    const { bucket, prefix } = parseS3Location(location);
    return new S3Store(
      {
        maxAttempts: attempts,
        requestHandler: { connectionTimeout: 3_000, socketTimeout: 8_000 },
        ...config,
      },
      bucket,
      prefix,
      { stallMs, singleWriter: readSettings().singleWriter, ...options },
    );
  }

  async read(key: string, options: ReadOptions = {}): Promise<StoredObject | undefined> {
    if (options.range === undefined && (options.expectedBytes ?? 0) >= partedFrom) {
      return readInParts(this, key, options);
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
      const head = await this.#within((abortSignal) =>
        this.#client.send(new HeadObjectCommand(place), { abortSignal }),
      );
      if (head.ETag === undefined) throw foreignAnswer(head.$metadata.httpStatusCode);
      return { key, size: head.ContentLength ?? 0, modified: head.LastModified ?? new Date(0) };
    } catch (error) {
      if (statusOf(error) !== 404) throw this.#failed('read', key, error);
    }
    // The answer to a HEAD has no body that would distinguish a missing object from a missing bucket. A list of this key
    // does, and is allowed to roles that may list below some prefixes alone; HeadBucket is not.
    try {
      const list = new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: place.Key, MaxKeys: 1 });
      await this.#within((abortSignal) => this.#client.send(list, { abortSignal }));
    } catch (error) {
      throw this.#failed('read', key, statusOf(error) === 404 ? noSuchBucket() : error);
    }
    return undefined;
  }

  async create(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    const result = await this.#putIf(key, bytes, { IfNoneMatch: '*' });
    if (result !== 'refused') return result;
    throw new FolioError('already_exists', `${key} exists already.`, { where: key });
  }

  async replace(key: string, bytes: Uint8Array, expected: string | null): Promise<{ etag: string }> {
    const condition = expected === null ? ({ IfNoneMatch: '*' } as const) : { IfMatch: expected };
    const result = await this.#putIf(key, bytes, condition);
    if (result !== 'refused') return result;
    throw new FolioError('conflict', `${key} was changed by somebody else meanwhile.`, {
      where: key,
      expected: expected === null ? 'no object' : `etag ${expected}`,
    });
  }

  async write(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    const result = await this.#put(this.#at(key), bytes);
    if (result !== 'refused') return result;
    throw new FolioError('conflict', `${key} cannot be written: another object stands in its way.`, {
      where: key,
    });
  }

  /** In parts of 8 MiB, each as `write` sends an object; the parts are nothing until all are there. */
  async writeStream(key: string, chunks: AsyncIterable<Uint8Array>): Promise<{ etag: string; size: number }> {
    const place = this.#at(key);
    const upload = new MultipartUpload(place, typeOf(key), (bytes, send) =>
      this.#within((abortSignal) => send(this.#client, abortSignal), { milliseconds: this.#timeFor(bytes) }),
    );
    let size = 0;
    try {
      for await (const part of inParts(chunks, partBytes)) {
        size += part.length;
        if (size < partBytes) return { ...(await this.write(key, part)), size };
        await upload.send(part);
      }
      if (size === 0) return { ...(await this.write(key, new Uint8Array())), size };
      return { etag: await upload.complete(), size };
    } catch (error) {
      await upload.abort();
      throw this.#failed('write', key, error);
    }
  }

  async *list(prefix: string): AsyncIterable<StoredEntry> {
    const input = { Bucket: this.#bucket, Prefix: this.#prefix + prefix };
    const pages = paginateListObjectsV2({ client: this.#client }, input)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { value: page, done } = await this.#within(() => pages.next());
        if (done) return;
        if (page.Name === undefined && page.KeyCount === undefined && page.IsTruncated === undefined) {
          throw foreignAnswer(page.$metadata.httpStatusCode);
        }
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
      await this.#within((abortSignal) => this.#client.send(new DeleteObjectCommand(place), { abortSignal }));
    } catch (error) {
      if (statusOf(error) === 404 && !isForeign(error) && !isNamed(error, 'NoSuchBucket')) return;
      throw this.#failed('remove', key, error);
    }
  }

  /** Milliseconds that are waited for a call that sends so many bytes. */
  #timeFor(bytes: number): number {
    return this.#stallMs + bytes / uploadBytesPerMs;
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + checkKey(key) };
  }

  /**
   * A client that asks servers other than AWS's with the bucket in the path, however their address was found: few of
   * them answer to a name below their own.
   */
  #connect(config: S3ClientConfig): S3Client {
    const client = new S3Client(config);
    const toPath =
      (next: (input: unknown) => unknown, context: object) =>
      (input: unknown): unknown => {
        const { url } = (context as { endpointV2?: { url: URL } }).endpointV2 ?? {};
        if (url !== undefined && !isAws(url) && url.hostname.startsWith(`${this.#bucket}.`)) {
          url.hostname = url.hostname.slice(this.#bucket.length + 1);
          url.pathname = `/${this.#bucket}${url.pathname}`.replace(/\/$/, '');
        }
        this.#endpoint = url;
        return next(input);
      };
    client.middlewareStack.addRelativeTo(toPath as never, {
      name: 'folioPathStyle',
      relation: 'after',
      toMiddleware: 'endpointV2Middleware',
    });
    return client;
  }

  /**
   * Fails where nothing comes for too long; the client's own time limits begin anew with each of its attempts.
   *
   * @param work Calls `progress` when something came.
   */
  async #within<Result>(
    work: (signal: AbortSignal, progress: () => void) => Promise<Result>,
    options: { readonly milliseconds?: number; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Result> {
    const { milliseconds = this.#stallMs, signal } = options;
    const stalled = new AbortController();
    const timer = setTimeout(() => stalled.abort(), milliseconds);
    const both = signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]);
    let giveUp: () => void = () => undefined;
    const given = new Promise<never>((_, reject) => {
      giveUp = () => {
        const seconds = milliseconds / 1000;
        reject(signal?.aborted ? signal.reason : new Error(`no answer within ${seconds} seconds`));
      };
    });
    both.addEventListener('abort', giveUp, { once: true });
    try {
      both.throwIfAborted();
      return await Promise.race([work(both, () => timer.refresh()), given]);
    } finally {
      clearTimeout(timer);
      both.removeEventListener('abort', giveUp);
    }
  }

  async #get(
    key: string,
    { range, signal }: ReadOptions,
    etag?: string,
  ): Promise<StoredObject | undefined | 'unchanged'> {
    if (range !== undefined) checkRange(range);
    const place = this.#at(key);
    const client = range === undefined && etag === undefined ? this.#client : this.#unchecked;
    const command = () =>
      new GetObjectCommand({
        ...place,
        ...(etag === undefined ? {} : { IfNoneMatch: etag }),
        ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }),
      });
    signal?.throwIfAborted();
    try {
      return await this.#within(
        async (abortSignal, progress) => {
          for (let attempt = 1; ; attempt++) {
            const answer = await client.send(command(), { abortSignal });
            progress();
            if (answer.ETag === undefined) throw foreignAnswer(answer.$metadata.httpStatusCode);
            try {
              const bytes = await collect(answer, progress);
              return {
                bytes:
                  range === undefined
                    ? bytes
                    : partOf(
                        { contentRange: answer.ContentRange, status: answer.$metadata.httpStatusCode },
                        bytes,
                        range,
                      ),
                etag: answer.ETag,
              };
            } catch (error) {
              if (isFolioError(error) || abortSignal.aborted || attempt === bodyAttempts) throw error;
            }
          }
        },
        { signal },
      );
    } catch (error) {
      signal?.throwIfAborted();
      if (isFolioError(error)) throw error;
      const status = statusOf(error);
      if (status === 304) return 'unchanged';
      if (status === 416 && range !== undefined) throw badRange(range, 'a start within the object');
      if (status === 404 && !isForeign(error) && !isNamed(error, 'NoSuchBucket')) return undefined;
      throw this.#failed('read', key, error);
    }
  }

  /** @returns 'refused' when the condition did not hold */
  async #putIf(key: string, bytes: Uint8Array, condition: Condition): Promise<{ etag: string } | 'refused'> {
    const place = this.#at(key);
    if (this.#singleWriter) {
      const found = (await this.read(key))?.etag;
      const holds = 'IfMatch' in condition ? found === condition.IfMatch : found === undefined;
      return holds ? this.#put(place, bytes) : 'refused';
    }
    await this.#probe(key);
    return this.#put(place, bytes, condition);
  }

  /** Before the first conditional write: does the server honour it? @throws FolioError `store_unsafe` */
  async #probe(key: string): Promise<void> {
    if (this.#endpoint === undefined) await this.stat(key).catch(() => undefined);
    const endpoint = this.#endpoint;
    if (endpoint === undefined || isAws(endpoint)) return;
    const server = `${endpoint.host}/${this.#bucket}`;
    const before = probed.get(server);
    if (before !== undefined) return before;
    const { Key: full } = this.#at(key);
    // Beside the object, where this writer may write; by its name, no object of a store.
    const scratch = `${full.slice(0, full.lastIndexOf('/') + 1)}.folio-probe-${randomUUID()}`;
    const place = { Bucket: this.#bucket, Key: scratch };
    const probing = probeConditionalWrites(
      async (content, condition) => {
        const result = await this.#put(place, new TextEncoder().encode(content), condition);
        return result === 'refused' ? undefined : result.etag;
      },
      async () => {
        await this.#within((abortSignal) =>
          this.#client.send(new DeleteObjectCommand(place), { abortSignal }),
        );
      },
      endpoint.host,
    );
    probed.set(server, probing);
    // A server that cannot be reached is asked again.
    probing.catch((error: unknown) => {
      if (!isFolioError(error) || error.code !== 'store_unsafe') probed.delete(server);
    });
    return probing;
  }

  /**
   * @returns 'refused' when the condition did not hold. A refusal that follows a retry may be the echo of this very
   *   write, whose answer was lost: then the object already holds the bytes.
   */
  async #put(
    place: { readonly Bucket: string; readonly Key: string },
    bytes: Uint8Array,
    condition?: Condition,
  ): Promise<{ etag: string } | 'refused'> {
    const key = place.Key.slice(this.#prefix.length);
    const command = () =>
      new PutObjectCommand({ ...place, ...condition, Body: bytes, ContentType: typeOf(key) });
    const milliseconds = this.#timeFor(bytes.length);
    for (let attempt = 1; ; attempt++) {
      try {
        const { ETag, $metadata } = await this.#within(
          (abortSignal) => this.#client.send(command(), { abortSignal }),
          { milliseconds },
        );
        if (ETag === undefined) throw foreignAnswer($metadata.httpStatusCode);
        return { etag: ETag };
      } catch (error) {
        const status = statusOf(error);
        const contested = status === 409 && isNamed(error, 'ConditionalRequestConflict');
        if (contested && attempt < contestedAttempts) {
          await delay(Math.random() * 20 * attempt);
          continue;
        }
        const isRefusal =
          !isForeign(error) &&
          (status === 412 || status === 409 || (condition !== undefined && isNamed(error, 'NoSuchKey')));
        if (!isRefusal) throw this.#failed('write', key, error);
        const there = attemptsOf(error) > 1 ? await this.read(key) : undefined;
        if (there !== undefined && Buffer.compare(there.bytes, bytes) === 0) return { etag: there.etag };
        return 'refused';
      }
    }
  }

  #failed(action: string, key: string, cause: unknown): FolioError {
    return isFolioError(cause) ? cause : storeFailed(action, key, this.location, cause);
  }
}

const isAws = ({ hostname }: URL): boolean => /\.amazonaws\.com(\.cn)?$|\.api\.aws$/.test(hostname);

/** The bytes of an answer; the client compares them with the object's checksum where it has one. */
async function collect({ Body }: GetObjectCommandOutput, progress: () => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (Body ?? []) as AsyncIterable<Uint8Array>) {
    progress();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

const types: Readonly<Record<string, string>> = {
  json: 'application/json',
  txt: 'text/plain; charset=utf-8',
  html: 'text/html; charset=utf-8',
};
const typeOf = (key: string): string =>
  types[/\.([a-z]+)$/.exec(key)?.[1] ?? ''] ?? 'application/octet-stream';
