import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../src/cache-folder.ts';
import { FolioError } from '../../src/errors.ts';

/** The corpus of the tutorial that Folio grew out of: Shakespeare, about a megabyte. */
const DEFAULT_CORPUS = 'https://storage.googleapis.com/tfjs-examples/shakespeare.txt';

const PATIENCE = 30_000; // milliseconds

/**
 * The default corpus as a file, fetched the first time and kept for the next.
 *
 * @throws FolioError `corpus_not_found` where it is out of reach, naming `--corpus`
 */
export const defaultCorpus = async (
  address = DEFAULT_CORPUS,
  folder = cacheFolder('corpora'),
): Promise<string> => {
  const file = join(folder, new URL(address).pathname.split('/').at(-1) ?? 'corpus.txt');
  if (existsSync(file)) return file;
  const part = `${file}.${randomUUID()}.part`;
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(PATIENCE) });
    if (!response.ok) throw new Error(`it answers ${response.status} ${response.statusText}`.trimEnd());
    await writeFile(part, await response.bytes());
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    throw new FolioError(
      'corpus_not_found',
      `The default corpus cannot be fetched from ${address} (${reason(cause)}): name a text of your own with --corpus FILE.`,
      { where: '--corpus', expected: 'a file, folder, glob, URL or -', received: 'nothing', cause },
    );
  }
  return file;
};

const reason = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
};
