import { FolioError } from '../errors.ts';
import { alphabetFiles, isWebPage } from './format/alphabet-file.ts';
import { sha256 } from './format/sha256.ts';
import { digestsFile, VersionDigests } from './format/version-digests.ts';
import type { Model } from './model.ts';
import { type OpenOptions, openModel } from './open-model.ts';

export interface FetchOptions extends OpenOptions {
  /** Fetches each file. Default: the host's `fetch`. */
  readonly fetch?: (url: URL) => Promise<Response>;
}

const digestsLimit = 2 ** 20; // bytes

/**
 * Opens a model over HTTP: in a page, in a worker, in Node. Where `digests.json` is beside it, as with every version that
 * Folio publishes, all files are checked against it.
 *
 * @param location Of the folder, or of its `model.json`.
 * @throws FolioError as `openModel`; `model_damaged` for other bytes than were published; `unavailable` when a file cannot be fetched
 */
export const fetchModel = (
  location: string | URL,
  { fetch = globalThis.fetch, ...options }: FetchOptions = {},
): Promise<Model> => {
  const base = new URL(location, globalThis.location?.href);
  if (!base.pathname.endsWith('.json') && !base.pathname.endsWith('/')) base.pathname += '/';
  const get = (file: string, limit: number): Promise<Uint8Array | undefined> => {
    const url = file === 'model.json' && base.pathname.endsWith('.json') ? base : new URL(file, base);
    url.search ||= base.search;
    const optional = file === digestsFile || alphabetFiles.some((name) => name === file);
    return fetchFile(url, limit, optional, fetch);
  };
  let digests: Promise<VersionDigests | undefined> | undefined;
  return openModel(async (file, limit) => {
    digests ??= get(digestsFile, digestsLimit).then((bytes) =>
      bytes === undefined || isWebPage(bytes)
        ? undefined
        : VersionDigests.parse(bytes, base.href, { sha256: options.hash ?? sha256 }),
    );
    const [bytes, published] = await Promise.all([get(file, limit), digests]);
    if (bytes !== undefined || file === 'model.json') published?.check(base.href, file, bytes);
    if (bytes === undefined && file === 'model.json') throw notThere(base);
    return bytes;
  }, options);
};

const notThere = ({ href }: URL): FolioError =>
  new FolioError('model_not_found', `There is no model at ${href}: its model.json was not found.`, {
    where: 'model',
    expected: 'the address of a model.json, or of its folder',
    received: href,
  });

const fetchFile = async (
  url: URL,
  limit: number,
  optional: boolean,
  fetch: NonNullable<FetchOptions['fetch']>,
): Promise<Uint8Array | undefined> => {
  const failed = (why: string, cause?: unknown): FolioError =>
    new FolioError('unavailable', `${url.href} cannot be fetched: ${why}.`, { where: url.href, cause });
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw failed('no answer', error);
  }
  if (response.status === 404 || response.status === 410) return undefined;
  // Buckets that may not be listed answer so for what is not there.
  if (response.status === 403 && optional) return undefined;
  if (!response.ok) throw failed(`status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader(); // Safari's streams cannot be iterated
  for (let read = await reader?.read(); read?.value; read = await reader?.read()) {
    length += read.value.length;
    if (length > limit) {
      await reader?.cancel();
      throw failed(`more than the ${limit} bytes that it should have`);
    }
    chunks.push(read.value);
  }
  if (chunks.length === 1) return chunks[0];
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
};
