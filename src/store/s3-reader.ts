import { request as askByHttp, type IncomingMessage } from 'node:http';
import { Agent, request as askByHttps } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { sign } from 'aws4';
import { FolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { badRange, checkRange, partedFrom, partOf, readInParts } from './range.ts';
import { type AwsError, foreignAnswer, isForeign, isNamed, statusOf, storeFailed } from './s3-errors.ts';
import { parseS3Location } from './s3-location.ts';
import type { ReadOptions, Store, StoredEntry, StoredObject } from './store.ts';
import { checkKey, isKey } from './valid-key.ts';
import { elementsOf, textOf } from './xml.ts';

const attempts = 4; // of one request: 5xx, slow down, connections reset, bodies broken off; waits grow and scatter
const firstWaitMs = 100;
const idleMs = 3_000; // of the first attempt, without a byte; the second has twice as long, and so on
const stallMs = 20_000; // without a byte of an answer, all attempts and waits together

/** In the words of AWS's client, by which `s3-errors.ts` names the remedy. */
const noCredentials = 'Could not load credentials from the environment';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: Uint8Array;
}

/**
 * The store in an S3 bucket for a host that reads, and must start fast: by signed GETs, without AWS's client, which takes
 * longer to load than a model and is the larger part of a function. It keeps the reading half of the store's contract as
 * `S3Store` does, errors and patience included (`test/s3/s3-reader.test.ts` compares them), and writes nothing.
 *
 * Credentials are those of the environment, as Lambda gives them.
 */
export class S3Reader implements Store {
  readonly location: string;
  readonly #region: string;
  /** Of the store: a key is put after it. */
  readonly #address: URL;
  readonly #prefix: string;
  readonly #agent: Agent | undefined;
  readonly #idleMs: number;
  readonly #stallMs: number;

  /**
   * @param location `s3://BUCKET` or `s3://BUCKET/PREFIX`
   * @param options.idleMs Milliseconds without a byte after which a request is made again; the second time twice as many, and so on.
   * @param options.stallMs Milliseconds after which a call that brings nothing fails.
   * @throws FolioError `invalid_parameter` for what is no place in S3, or where no region is set
   */
  constructor(location: string, options: { readonly idleMs?: number; readonly stallMs?: number } = {}) {
    const { awsRegion, awsEndpoint, s3Endpoint = awsEndpoint } = readSettings();
    const { bucket, prefix } = parseS3Location(location);
    if (awsRegion === undefined) {
      throw new FolioError('invalid_parameter', 'AWS_REGION is not set: expected the region of the bucket.', {
        where: 'AWS_REGION',
        expected: 'the name of a region',
      });
    }
    this.location = `s3://${bucket}/${prefix}`.replace(/\/$/, '');
    this.#region = awsRegion;
    this.#address = addressOf(bucket, awsRegion, s3Endpoint);
    this.#prefix = prefix;
    this.#agent = this.#address.protocol === 'https:' ? new Agent({ keepAlive: true }) : undefined;
    this.#idleMs = options.idleMs ?? idleMs;
    this.#stallMs = options.stallMs ?? stallMs;
  }

  async read(key: string, options: ReadOptions = {}): Promise<StoredObject | undefined> {
    if (options.range === undefined && (options.expectedBytes ?? 0) >= partedFrom) {
      return readInParts(this, key, options);
    }
    const object = await this.#read(key, options);
    return object === 'unchanged' ? undefined : object;
  }

  readIfChanged(
    key: string,
    etag: string,
    options: ReadOptions = {},
  ): Promise<StoredObject | undefined | 'unchanged'> {
    return this.#read(key, options, etag);
  }

  async stat(key: string): Promise<StoredEntry | undefined> {
    checkKey(key);
    for await (const entry of this.list(key)) return entry.key === key ? entry : undefined;
    return undefined;
  }

  async *list(prefix: string): AsyncIterable<StoredEntry> {
    for (let token: string | undefined = ''; token !== undefined; ) {
      const query = new URLSearchParams({ 'list-type': '2', prefix: this.#prefix + prefix });
      if (token !== '') query.set('continuation-token', token);
      const path = `${this.#address.pathname.replace(/(?<=.)\/$/, '')}?${query}`.replaceAll('+', '%20');
      const { status, bytes } = await this.#answerTo(path, {}).catch((error: unknown) => {
        throw storeFailed('list', prefix, this.location, error);
      });
      const page = Buffer.from(bytes).toString();
      if (!page.includes('<ListBucketResult')) {
        throw storeFailed('list', prefix, this.location, foreignAnswer(status));
      }
      for (const object of elementsOf(page, 'Contents')) {
        const key = textOf(object, 'Key')?.slice(this.#prefix.length) ?? '';
        const modified = new Date(textOf(object, 'LastModified') ?? 0);
        if (isKey(key)) yield { key, size: Number(textOf(object, 'Size') ?? 0), modified };
      }
      token = textOf(page, 'IsTruncated') === 'true' ? textOf(page, 'NextContinuationToken') : undefined;
    }
  }

  create(key: string): Promise<never> {
    return Promise.reject(this.#refusal('write', key));
  }

  replace(key: string): Promise<never> {
    return Promise.reject(this.#refusal('write', key));
  }

  write(key: string): Promise<never> {
    return Promise.reject(this.#refusal('write', key));
  }

  writeStream(key: string): Promise<never> {
    return Promise.reject(this.#refusal('write', key));
  }

  remove(key: string): Promise<never> {
    return Promise.reject(this.#refusal('remove', key));
  }

  #refusal(action: string, key: string): FolioError {
    return storeFailed(action, key, this.location, new Error('this host only reads'));
  }

  async #read(
    key: string,
    { range, signal }: ReadOptions,
    etag?: string,
  ): Promise<StoredObject | undefined | 'unchanged'> {
    if (range !== undefined) checkRange(range);
    const path =
      this.#address.pathname + (this.#prefix + checkKey(key)).split('/').map(encodeURIComponent).join('/');
    const headers = {
      ...(etag !== undefined && { 'if-none-match': etag }),
      ...(range !== undefined && { range: `bytes=${range.start}-${range.end - 1}` }),
    };
    try {
      const { status, headers: received, bytes } = await this.#answerTo(path, headers, signal);
      if (received.etag === undefined) throw foreignAnswer(status);
      const about = { contentRange: received['content-range'], status };
      return { bytes: range === undefined ? bytes : partOf(about, bytes, range), etag: received.etag };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof FolioError) throw error;
      const status = statusOf(error);
      if (status === 304) return 'unchanged';
      if (status === 416 && range !== undefined) throw badRange(range, 'a start within the object');
      if (status === 404 && !isForeign(error) && !isNamed(error, 'NoSuchBucket')) return undefined;
      throw storeFailed('read', key, this.location, error);
    }
  }

  /**
   * Asks until there is an answer that asking again would not change.
   *
   * @throws what the last attempt ended with: an `AwsError` for an answer without success
   */
  async #answerTo(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<Answer> {
    let lastByte = performance.now();
    const left = () => this.#stallMs - (performance.now() - lastByte);
    const progress = () => {
      lastByte = performance.now();
    };
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      try {
        const answer = await this.#ask(path, headers, {
          signal,
          progress,
          timeout: Math.min(attempt * this.#idleMs, left()),
        });
        if (answer.status < 200 || answer.status > 299) throw errorOf(answer, attempt);
        return answer;
      } catch (error) {
        signal?.throwIfAborted();
        const wait = Math.random() * firstWaitMs * 2 ** attempt;
        if (!isPassing(error) || attempt === attempts || wait >= left()) throw error;
        await delay(wait, undefined, signal && { signal });
      }
    }
  }

  #sign(host: string, path: string, headers: Readonly<Record<string, string>>): Record<string, string> {
    const signed = sign({
      ...{ service: 's3', region: this.#region, method: 'GET', host, path },
      headers: { ...headers },
    }).headers as Record<string, string>;
    if (signed.Authorization?.includes('Credential=undefined/')) throw new Error(noCredentials);
    return signed;
  }

  /** One attempt. */
  #ask(
    path: string,
    headers: Readonly<Record<string, string>>,
    options: { signal: AbortSignal | undefined; progress: () => void; timeout: number },
  ): Promise<Answer> {
    const { host, hostname, port, protocol } = this.#address;
    const signed = this.#sign(host, path, headers);
    const ask = protocol === 'https:' ? askByHttps : askByHttp;
    const { signal, progress, timeout } = options;
    return new Promise((resolve, reject) => {
      const request = ask({
        ...{ hostname, port, path, method: 'GET', timeout },
        headers: signed,
        ...(this.#agent && { agent: this.#agent }),
        ...(signal && { signal }),
      });
      request.once('timeout', () => request.destroy(new Error(`no answer within ${timeout / 1000} seconds`)));
      request.once('error', reject);
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => {
          progress();
          chunks.push(chunk);
        });
        response.once('error', reject);
        response.once('end', () => {
          if (!response.complete) reject(new Error('the answer broke off'));
          const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes });
        });
      });
      request.end();
    });
  }
}

/** Where AWS answers, by the beginning of a region's name. */
const domains: readonly (readonly [RegExp, string])[] = [
  [/^cn-/, 'amazonaws.com.cn'],
  [/^eusc-/, 'amazonaws.eu'],
  [/^us-iso-/, 'c2s.ic.gov'],
  [/^us-isob-/, 'sc2s.sgov.gov'],
  [/^us-isof-/, 'csp.hci.ic.gov'],
  [/^eu-isoe-/, 'cloud.adc-e.uk'],
];

/**
 * The address of a bucket. One with a dot is asked in the path, since no certificate has its name.
 *
 * @param endpoint Of a server other than AWS's, which is asked in the path too.
 */
export const addressOf = (bucket: string, region: string, endpoint?: string): URL => {
  if (endpoint !== undefined) return new URL(`${endpoint.replace(/\/$/, '')}/${bucket}/`);
  const domain = domains.find(([begins]) => begins.test(region))?.[1] ?? 'amazonaws.com';
  const server = `s3.${region}.${domain}`;
  return new URL(bucket.includes('.') ? `https://${server}/${bucket}/` : `https://${bucket}.${server}/`);
};

/** As AWS's client would have thrown it. */
const errorOf = ({ status, headers, bytes }: Answer, attempts: number): AwsError => {
  const body = Buffer.from(bytes.subarray(0, 10_000)).toString();
  const name = textOf(body, 'Code') ?? 'Unknown';
  const type = headers['content-type'];
  return Object.assign(new Error(textOf(body, 'Message') ?? name), {
    name,
    $metadata: { httpStatusCode: status, attempts },
    $response: { headers: { 'content-type': type } },
  });
};

/** Whether the same request may be answered otherwise. */
const isPassing = (error: unknown): boolean => {
  if (error instanceof Error && error.message === noCredentials) return false;
  const status = statusOf(error);
  return status === undefined || status === 429 || (status >= 500 && status !== 501);
};
