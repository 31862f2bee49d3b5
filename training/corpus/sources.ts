import { createReadStream } from 'node:fs';
import { type FileHandle, glob, open, readdir, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { isFolioError } from '../../src/errors.ts';
import { changed, notFound, type Source } from './source.ts';
import { notText } from './text-decoder.ts';

const CHUNK = 256 * 1024; // bytes

/**
 * The texts that a corpus given on the command line stands for, in order: files, folders (their text files by path,
 * hidden ones left out), globs, `-` for standard input, http(s) URLs, and objects or folders at `s3://BUCKET/KEY`.
 *
 * @param encoding Of the texts, as `encodingLabel` gives it.
 * @throws FolioError `corpus_not_found`
 */
export const resolveSources = async (given: readonly string[], encoding = 'utf-8'): Promise<Resolved> => {
  const resolved = await Promise.all(given.map((place) => resolve(place, encoding)));
  return {
    sources: resolved.flatMap(({ sources }) => sources),
    skipped: resolved.flatMap(({ skipped }) => skipped),
  };
};

export interface Resolved {
  readonly sources: readonly Source[];
  /** Files in folders and globs that are not text. */
  readonly skipped: readonly Skipped[];
}

/** A file that was left out. */
export interface Skipped {
  readonly title: string;
  /** `a PDF file: take its text out …` */
  readonly reason: string;
}

const resolve = async (place: string, encoding: string): Promise<Resolved> => {
  if (place === '-')
    return only({ name: 'standard input', title: 'standard input', open: () => chunks(process.stdin) });
  if (/^https?:\/\//.test(place)) return only(fromUrl(place));
  if (place.startsWith('s3://')) {
    const { storeSources } = await import('./store-source.ts');
    const sources = await storeSources(place);
    if (sources.length === 0) throw notFound(place, 'There is no such object or folder');
    return { sources, skipped: [] };
  }
  const found = await stat(place).catch(() => undefined);
  if (found?.isDirectory()) {
    return fromFiles(place, await filesBelow(place), place, encoding);
  }
  // A pipe, such as `<(command)` or /dev/stdin, can be read once and says no size: as standard input.
  if (found?.isFIFO() || found?.isCharacterDevice() || found?.isSocket()) {
    return only({ name: basename(place), title: place, open: () => chunks(createReadStream(place)) });
  }
  if (found) return only(fromFile(place, basename(place), found.size));
  if (/[*?[{]|[!+@]\(/.test(place)) return fromFiles('', await filesMatching(place), place, encoding);
  throw notFound(place, 'There is no such file or folder');
};

/** Paths from the folder, in order; hidden files and folders are left out, links to folders not followed. */
const filesBelow = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
  const visible = paths
    .map((path) => relative(folder, path))
    .filter((path) => !path.split(sep).some((part) => part.startsWith('.')));
  return regularFiles(visible.sort(), folder);
};

const filesMatching = async (pattern: string): Promise<string[]> =>
  regularFiles((await Array.fromAsync(glob(pattern))).sort());

/** Those that are files, or links to files. */
const regularFiles = async (paths: readonly string[], folder = ''): Promise<string[]> => {
  const found = await Promise.all(
    paths.map((path) =>
      stat(join(folder, path)).then(
        (file) => file.isFile(),
        () => false,
      ),
    ),
  );
  return paths.filter((_, at) => found[at]);
};

const only = (source: Source): Resolved => ({ sources: [source], skipped: [] });

const START = 65_536; // bytes that show what a file is

/** Of files that were not named one by one, those that are text. */
const fromFiles = async (
  folder: string,
  files: readonly string[],
  place: string,
  encoding: string,
): Promise<Resolved> => {
  const sources: Source[] = [];
  const skipped: Skipped[] = [];
  for (const title of files) {
    const path = join(folder, title);
    await using handle = await openFile(path);
    const { bytesRead, buffer } = await handle.read(new Uint8Array(START), 0, START, 0);
    const reason =
      notText(buffer.subarray(0, bytesRead), encoding) ?? binary(buffer.subarray(0, bytesRead), encoding);
    if (reason !== undefined) skipped.push({ title, reason });
    else sources.push(fromFile(path, title, (await handle.stat()).size));
  }
  if (sources.length === 0) {
    const shown = skipped.slice(0, 3).map(({ title, reason }) => `${title} is ${reason}`);
    throw notFound(place, 'No text file is there', undefined, shown.join('; '));
  }
  return { sources, skipped };
};

/** No zero byte near the start, as git has it; UTF-16 and UTF-32 have many. */
const binary = (start: Uint8Array, encoding: string): string | undefined =>
  !/^utf-(16|32)/.test(encoding) && start.subarray(0, 8192).includes(0)
    ? 'a file with zero bytes'
    : undefined;

const fromFile = (path: string, title: string, size: number): Source => ({
  name: path,
  title,
  size,
  async *open() {
    await using handle = await openFile(path);
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

const openFile = (path: string): Promise<FileHandle> =>
  open(path).catch((cause: unknown) => {
    throw notFound(path, 'The file cannot be opened', cause);
  });

const fromUrl = (url: string): Source => {
  const name = url.replace(/[?#].*$/, '').replace(/\/\/[^/@]*@/, '//');
  return {
    name,
    title: name,
    async *open() {
      try {
        const response = await fetch(url);
        if (!response.ok || response.body === null)
          throw notFound(name, `The address answers ${response.status} ${response.statusText}`.trimEnd());
        yield* chunks(response.body);
      } catch (error) {
        throw isFolioError(error) ? error : notFound(name, 'The address cannot be read to its end', error);
      }
    },
  };
};

async function* chunks(stream: AsyncIterable<unknown>): AsyncIterable<Uint8Array> {
  for await (const chunk of stream) yield chunk as Uint8Array;
}
