import * as z from 'zod/mini';
import { type ErrorCode, errorCodes, FolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import {
  idOfRecord,
  modelFile,
  modelOfPointer,
  pointerKey,
  prefixes,
  recordKey,
  versionKey,
} from './keys.ts';
import { encodePointer, parsePointer } from './pointer.ts';
import { sliceRange } from './range.ts';
import type { ReadOptions, Store, StoredEntry, StoredObject } from './store.ts';
import { timeOfName } from './timestamp.ts';

const timeoutMs = 60_000; // of one request, a model's weights included

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string(), version: z.string() })) });
const versionsSchema = z.object({
  data: z.array(
    z.object({
      version: z.string(),
      current: z.boolean(),
      fault: z.optional(z.string()),
      published_at: z.string(),
      bytes: z.number(),
      files: z.array(z.string()),
    }),
  ),
});
const trainingsSchema = z.object({
  data: z.array(z.looseObject({ id: z.string(), updated_at: z.string() })),
});
const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

type Version = z.output<typeof versionsSchema>['data'][number];

/**
 * A deployment, or any server of Folio, as a store: its published models and the records of its trainings, read over
 * its API. The pointer of a model can be moved, and versions that are not current removed; new files it does not take:
 * those go to its bucket.
 */
export class HttpStore implements Store {
  readonly location: string;
  readonly #key: string | undefined;

  /** @param location Where the API is, such as `https://abc123.execute-api.eu-central-1.amazonaws.com/v1`. */
  constructor(location: string, key: string | undefined = readSettings().key) {
    this.location = location.replace(/\/+$/, '');
    this.#key = key;
  }

  async read(key: string, options: ReadOptions = {}): Promise<StoredObject | undefined> {
    const whole = await this.#read(key, options);
    if (whole === undefined || options.range === undefined) return whole;
    return { ...whole, bytes: sliceRange(whole.bytes, options.range) };
  }

  async readIfChanged(
    key: string,
    etag: string,
    options: ReadOptions = {},
  ): Promise<StoredObject | undefined | 'unchanged'> {
    const object = await this.read(key, options);
    return object?.etag === etag ? 'unchanged' : object;
  }

  async stat(key: string): Promise<StoredEntry | undefined> {
    for await (const entry of this.list(key)) if (entry.key === key) return entry;
    return undefined;
  }

  /**
   * Of a version only the sum of its files' sizes is known: `model.json` has it, the others 0 bytes. Of all models at once,
   * the current versions' `model.json` alone is listed.
   */
  async *list(prefix: string): AsyncIterable<StoredEntry> {
    if (prefix.startsWith(prefixes.trainings)) {
      const { data } = trainingsSchema.parse(await this.#json('v1/trainings', { data: [] }));
      const entries = data.map(({ id, updated_at }) => ({
        key: recordKey(id),
        size: 0,
        modified: new Date(updated_at),
      }));
      yield* entries.filter(({ key }) => key.startsWith(prefix));
    }
    if (!prefix.startsWith(prefixes.models)) return;
    const [name, ...rest] = prefix.slice(prefixes.models.length).split('/');
    if (name !== undefined && rest.length > 0) {
      for (const version of await this.#versions(name)) {
        for (const entry of entriesOf(name, version)) if (entry.key.startsWith(prefix)) yield entry;
      }
      return;
    }
    for (const { id, version } of modelsSchema.parse(await this.#json('v1/models', { data: [] })).data) {
      const modified = timeOfName(version) ?? new Date(0);
      const entries = [
        { key: pointerKey(id), size: encodePointer(version).length, modified },
        { key: versionKey(id, version, modelFile), size: 0, modified },
      ];
      yield* entries.filter(({ key }) => key.startsWith(prefix));
    }
  }

  create(key: string): Promise<never> {
    return Promise.reject(this.#refuses(key));
  }

  write(key: string): Promise<never> {
    return Promise.reject(this.#refuses(key));
  }

  writeStream(key: string): Promise<never> {
    return Promise.reject(this.#refuses(key));
  }

  async replace(key: string, bytes: Uint8Array, expected: string | null): Promise<{ etag: string }> {
    const name = modelOfPointer(key);
    if (name === undefined || expected === null) throw this.#refuses(key);
    const version = parsePointer(bytes, key);
    await this.#call(`v1/models/${encodeURIComponent(name)}/activate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ version, expected }),
    });
    return { etag: version };
  }

  /** A version goes whole, with its `model.json`. */
  async remove(key: string): Promise<void> {
    const { name, version, file } = versionOf(key) ?? {};
    if (name === undefined || version === undefined) throw this.#refuses(key);
    if (file !== modelFile) return;
    await this.#find(`v1/models/${encodeURIComponent(`${name}@${version}`)}`, { method: 'DELETE' });
  }

  async #read(key: string, { signal }: ReadOptions): Promise<StoredObject | undefined> {
    const name = modelOfPointer(key);
    if (name !== undefined) {
      const current = (await this.#versions(name)).find((version) => version.current);
      // A pointer that is damaged there is damaged here: whoever activates a version mends it.
      const bytes = (version: Version) =>
        version.fault === undefined ? encodePointer(version.version) : new Uint8Array();
      return current && { bytes: bytes(current), etag: current.version };
    }
    const training = idOfRecord(key);
    if (training !== undefined) {
      const found = await this.#json(`v1/trainings/${encodeURIComponent(training)}`, undefined);
      const bytes =
        found === undefined ? undefined : new TextEncoder().encode(JSON.stringify(camelCase(found)));
      return bytes && { bytes, etag: new TextDecoder().decode(bytes) };
    }
    const { name: model, version, file } = versionOf(key) ?? {};
    if (file === undefined) return undefined;
    const path = `v1/models/${encodeURIComponent(`${model}@${version}`)}/files/${encodeURIComponent(file)}`;
    const response = await this.#find(path, signal === undefined ? {} : { signal });
    return response && { bytes: new Uint8Array(await response.arrayBuffer()), etag: key };
  }

  async #versions(name: string): Promise<readonly Version[]> {
    const found = await this.#json(`v1/models/${encodeURIComponent(name)}/versions`, { data: [] });
    return versionsSchema.parse(found).data;
  }

  async #json(path: string, missing: unknown): Promise<unknown> {
    const response = await this.#find(path);
    return response === undefined ? missing : response.json();
  }

  /** The answer, or undefined where there is no such thing. */
  async #find(path: string, init: RequestInit = {}): Promise<Response | undefined> {
    try {
      return await this.#call(path, init);
    } catch (error) {
      if (error instanceof FolioError && errorCodes[error.code].status === 404) return undefined;
      throw error;
    }
  }

  /** @throws FolioError with the code of the answer, `store_failed` where there is none */
  async #call(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#key !== undefined) headers.set('authorization', `Bearer ${this.#key}`);
    const response = await fetch(`${this.location}/${path}`, {
      ...init,
      headers,
      signal: init.signal ?? AbortSignal.timeout(timeoutMs),
    }).catch((cause: unknown) => {
      throw new FolioError('store_failed', `${this.location} cannot be reached.`, { where: 'store', cause });
    });
    if (response.ok) return response;
    const { data } = errorSchema.safeParse(await response.json().catch(() => undefined));
    const code = data?.error.code as ErrorCode | undefined;
    const { status } = response;
    const hint = status === 401 || status === 403 ? ' FOLIO_KEY is the key that is sent.' : '';
    throw new FolioError(
      code !== undefined && code in errorCodes ? code : status === 404 ? 'not_found' : 'store_failed',
      `${data?.error.message ?? `${this.location} answered ${status}.`}${hint}`,
      { where: 'store', received: String(status) },
    );
  }

  #refuses(key: string): FolioError {
    return new FolioError(
      'invalid_parameter',
      `${this.location} takes no files (${key}): publish to its bucket, s3://BUCKET, or upload a corpus.`,
      { where: 'store', expected: 'a folder or s3://BUCKET/PREFIX', received: this.location },
    );
  }
}

const entriesOf = (
  name: string,
  { version, current, published_at, bytes, files }: Version,
): StoredEntry[] => {
  const modified = new Date(published_at);
  return [
    ...files.map((file) => ({
      key: versionKey(name, version, file),
      size: file === modelFile ? bytes : 0,
      modified,
    })),
    ...(current ? [{ key: pointerKey(name), size: encodePointer(version).length, modified }] : []),
  ];
};

/** What a key names, where that is a file of a version. */
const versionOf = (key: string): { name: string; version: string; file: string } | undefined => {
  const [, name, version, file] = /^models\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(key) ?? [];
  return name === undefined || version === undefined || file === undefined
    ? undefined
    : { name, version, file };
};

/** The API's `updated_at` is a record's `updatedAt`. */
const camelCase = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(camelCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camelCase(inner),
    ]),
  );
};
