import { request as askByHttp, type IncomingMessage } from 'node:http';
import { Agent, request as askByHttps } from 'node:https';
import { sign } from 'aws4';
import { readSettings } from '../settings.ts';
import type { S3Store } from './s3-store.ts';
import type { ReadOptions, Store, StoredEntry, StoredObject } from './store.ts';
import { checkKey } from './valid-key.ts';

/** Milliseconds without a byte after which the plain way is given up. */
const idleMs = 3_000;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: Uint8Array;
}

/**
 * The store in an S3 bucket for a host that reads, and must start fast: an object is asked for by one signed GET, without
 * AWS's client, which takes longer to load than a model. Everything else, and every answer but a plain one, is the
 * business of `S3Store`, which is loaded then: it asks again, and has the retries and the errors.
 *
 * Credentials are those of the environment, as Lambda gives them.
 */
export class S3Reader implements Store {
  readonly location: string;
  readonly #region: string;
  readonly #address: URL;
  readonly #agent: Agent | undefined;
  readonly #openWhole: () => Promise<S3Store>;
  #whole: Promise<S3Store> | undefined;

  private constructor(location: string, region: string, address: URL, openWhole: () => Promise<S3Store>) {
    this.location = location.replace(/\/$/, '');
    this.#region = region;
    this.#address = address;
    this.#agent = address.protocol === 'https:' ? new Agent({ keepAlive: true }) : undefined;
    this.#openWhole = openWhole;
  }

  /**
   * @param location `s3://BUCKET` or `s3://BUCKET/PREFIX`
   * @returns an `S3Store` where the address of the bucket does not follow from its name
   */
  static async at(location: string): Promise<Store> {
    const openWhole = async () => (await import('./s3-store.ts')).S3Store.at(location);
    const { awsRegion, awsEndpoint, s3Endpoint = awsEndpoint } = readSettings();
    const address = addressOf(location, awsRegion, s3Endpoint);
    return awsRegion === undefined || address === undefined
      ? openWhole()
      : new S3Reader(location, awsRegion, address, openWhole);
  }

  async read(key: string, options: ReadOptions = {}): Promise<StoredObject | undefined> {
    // Part by part, or in several parts at once.
    if (options.range !== undefined || (options.expectedBytes ?? 0) >= 16 << 20) {
      return (await this.#store()).read(key, options);
    }
    const answer = await this.#ask(key, {}, options.signal);
    if (isMissing(answer)) return undefined;
    return objectOf(answer) ?? (await this.#store()).read(key, options);
  }

  async readIfChanged(
    key: string,
    etag: string,
    options: ReadOptions = {},
  ): Promise<StoredObject | undefined | 'unchanged'> {
    const answer =
      options.range === undefined
        ? await this.#ask(key, { 'if-none-match': etag }, options.signal)
        : undefined;
    if (answer?.status === 304) return 'unchanged';
    if (isMissing(answer)) return undefined;
    return objectOf(answer) ?? (await this.#store()).readIfChanged(key, etag, options);
  }

  async stat(key: string): Promise<StoredEntry | undefined> {
    return (await this.#store()).stat(key);
  }

  async create(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    return (await this.#store()).create(key, bytes);
  }

  async replace(key: string, bytes: Uint8Array, expected: string | null): Promise<{ etag: string }> {
    return (await this.#store()).replace(key, bytes, expected);
  }

  async write(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    return (await this.#store()).write(key, bytes);
  }

  async writeStream(...given: Parameters<Store['writeStream']>): ReturnType<Store['writeStream']> {
    return (await this.#store()).writeStream(...given);
  }

  async *list(prefix: string): AsyncIterable<StoredEntry> {
    yield* (await this.#store()).list(prefix);
  }

  async remove(key: string): Promise<void> {
    return (await this.#store()).remove(key);
  }

  #store(): Promise<S3Store> {
    this.#whole ??= this.#openWhole();
    return this.#whole;
  }

  /** @returns undefined where no whole answer came */
  async #ask(
    key: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Answer | undefined> {
    const path = this.#address.pathname + checkKey(key).split('/').map(encodeURIComponent).join('/');
    signal?.throwIfAborted();
    const answer = await this.#get(path, headers, signal).catch(() => undefined);
    signal?.throwIfAborted();
    return answer;
  }

  #get(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const { host, hostname, port, protocol } = this.#address;
    const signed = sign({
      ...{ service: 's3', region: this.#region, method: 'GET', host, path },
      headers: { ...headers },
    });
    const ask = protocol === 'https:' ? askByHttps : askByHttp;
    return new Promise((resolve, reject) => {
      const request = ask({
        ...{ hostname, port, path, method: 'GET', timeout: idleMs },
        headers: signed.headers as Record<string, string>,
        ...(this.#agent && { agent: this.#agent }),
        ...(signal && { signal }),
      });
      request.once('timeout', () => request.destroy(new Error('S3 sent nothing for too long.')));
      request.once('error', reject);
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          if (!response.complete) reject(new Error('S3 broke off its answer.'));
          const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes });
        });
      });
      request.end();
    });
  }
}

/**
 * Where the objects of a place in S3 are asked for; undefined where that does not follow from bucket and region.
 *
 * @param endpoint Of a server other than AWS's.
 */
export const addressOf = (
  location: string,
  region: string | undefined,
  endpoint?: string,
): URL | undefined => {
  const [, bucket, prefix] = /^s3:\/\/([a-z0-9-]{3,63})(?:\/(.+?))?\/?$/.exec(location) ?? [];
  if (bucket === undefined || region === undefined) return undefined;
  const path = prefix === undefined ? '' : `${prefix}/`;
  if (endpoint !== undefined) return new URL(`${endpoint.replace(/\/$/, '')}/${bucket}/${path}`);
  if (!/^(?:af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov)-[a-z]+-\d$/.test(region)) return undefined;
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return new URL(`https://${bucket}.s3.${region}.${suffix}/${path}`);
};

const objectOf = (answer: Answer | undefined): StoredObject | undefined => {
  const etag = answer?.headers.etag;
  return answer?.status === 200 && etag !== undefined ? { bytes: answer.bytes, etag } : undefined;
};

/** S3's own word that there is no such object, and no other fault that is answered by 404. */
const isMissing = (answer: Answer | undefined): boolean =>
  answer?.status === 404 && /<Code>NoSuchKey<\/Code>/.test(Buffer.from(answer.bytes).toString());
