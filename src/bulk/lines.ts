import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { FolioError } from '../errors.ts';
import { openStore } from '../store/open-store.ts';

const chunkBytes = 8 << 20; // of an object in S3, read a range at a time

/**
 * The bytes of an input in order, never all at once.
 *
 * @param source `-` for standard input, a file, or `s3://BUCKET/KEY`.
 * @throws FolioError `not_found`, `store_failed`
 */
export async function* readSource(source: string): AsyncIterable<Uint8Array> {
  if (source === '-') yield* process.stdin;
  else if (source.startsWith('s3://')) yield* readObject(source);
  else {
    const found = await stat(source).catch(() => undefined);
    if (!found || found.isDirectory()) throw noInput(source);
    yield* createReadStream(source, { highWaterMark: 1 << 16 });
  }
}

async function* readObject(source: string): AsyncIterable<Uint8Array> {
  const slash = source.lastIndexOf('/');
  const store = await openStore(source.slice(0, slash));
  const key = source.slice(slash + 1);
  const entry = await store.stat(key);
  if (entry === undefined) throw noInput(source);
  const { size } = entry;
  let etag: string | undefined;
  for (let start = 0; start < size; start += chunkBytes) {
    const object = await store.read(key, { range: { start, end: Math.min(size, start + chunkBytes) } });
    if (object === undefined || (etag !== undefined && object.etag !== etag)) {
      throw new FolioError('conflict', `${source} was changed while it was read.`, { where: source });
    }
    etag = object.etag;
    yield object.bytes;
  }
}

/** Lines of UTF-8, separated by newlines alone; the last may lack its own. Empty lines are left out. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line.trim() !== '');
  }
  rest += decoder.decode();
  if (rest.trim() !== '') yield rest;
}

const noInput = (source: string): FolioError =>
  new FolioError('not_found', `There is no file ${source}.`, { where: 'input', received: source });
