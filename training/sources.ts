import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { FolioError } from '../src/errors.ts';

/** One text of a corpus: a file, standard input, the body of a URL or an object of a store. */
export interface Source {
  /** As it may be shown: a path as given, a URL without its query, `standard input`. */
  readonly name: string;
  /** Bytes, where they are known beforehand. */
  readonly size?: number;
  open(): AsyncIterable<Uint8Array>;
}

const CHUNK = 256 * 1024; // bytes

/**
 * The texts that a corpus given on the command line stands for, in order: files, folders (their text files by path,
 * hidden ones left out), globs, `-` for standard input, http(s) URLs, and objects or folders at `s3://BUCKET/KEY`.
 *
 * @throws FolioError `corpus_not_found`
 */
export const resolveSources = async (given: readonly string[]): Promise<Source[]> => {
  const sources: Source[] = [];
  for (const place of given) sources.push(...(await resolve(place)));
  return sources;
};

const resolve = async (place: string): Promise<Source[]> => {
  if (place === '-') return [{ name: 'standard input', open: () => chunks(process.stdin) }];
  if (/^https?:\/\//.test(place)) return [fromUrl(place)];
  if (place.startsWith('s3://')) {
    const { storeSources } = await import('./store-source.ts');
    const objects = await storeSources(place);
    if (objects.length === 0) throw notFound(place, 'There is no such object or folder');
    return objects;
  }
  const found = await stat(place).catch(() => undefined);
  if (found?.isDirectory()) {
    const files = await glob('**/*', { cwd: place, dot: false, onlyFiles: true });
    return fromFiles(
      files.sort().map((file) => join(place, file)),
      place,
    );
  }
  if (found) return [fromFile(place, found.size)];
  if (isDynamicPattern(place)) return fromFiles((await glob(place, { onlyFiles: true })).sort(), place);
  throw notFound(place, 'There is no such file or folder');
};

/** Of files that were not named one by one, those that are text: no zero byte near the start, as git has it. */
const fromFiles = async (files: readonly string[], place: string): Promise<Source[]> => {
  const sources: Source[] = [];
  for (const file of files) {
    await using handle = await open(file);
    const { bytesRead, buffer } = await handle.read(new Uint8Array(8192), 0, 8192, 0);
    if (buffer.subarray(0, bytesRead).includes(0)) continue;
    sources.push(fromFile(file, (await handle.stat()).size));
  }
  if (sources.length === 0) throw notFound(place, 'No text file is there');
  return sources;
};

const fromFile = (path: string, size: number): Source => ({
  name: path,
  size,
  async *open() {
    await using handle = await open(path);
    const before = await handle.stat();
    let bytes = 0;
    for await (const chunk of chunks(
      createReadStream('', { fd: handle, autoClose: false, highWaterMark: CHUNK }),
    )) {
      bytes += chunk.length;
      yield chunk;
    }
    const after = await handle.stat();
    if (bytes !== before.size || after.size !== before.size || after.mtimeMs !== before.mtimeMs)
      throw changed(path, `${before.size} bytes`, `${after.size} bytes, ${bytes} of them read`);
  },
});

const fromUrl = (url: string): Source => {
  const name = url.replace(/[?#].*$/, '').replace(/\/\/[^/@]*@/, '//');
  return {
    name,
    async *open() {
      const response = await fetch(url).catch((cause: unknown) => {
        throw notFound(name, 'The address cannot be reached', cause);
      });
      if (!response.ok || response.body === null)
        throw notFound(name, `The address answers ${response.status} ${response.statusText}`.trimEnd());
      yield* chunks(response.body);
    },
  };
};

async function* chunks(stream: AsyncIterable<unknown>): AsyncIterable<Uint8Array> {
  for await (const chunk of stream) yield chunk as Uint8Array;
}

const notFound = (place: string, what: string, cause?: unknown): FolioError =>
  new FolioError('corpus_not_found', `${what}: ${place}.`, { where: 'corpus', received: place, cause });

/** The text under the reader's eyes was written to. */
export const changed = (name: string, expected: string, received: string): FolioError =>
  new FolioError('corpus_changed', `${name} was changed while it was being read; try again.`, {
    where: name,
    expected,
    received,
  });
