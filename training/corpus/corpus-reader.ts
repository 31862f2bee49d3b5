import { createHash } from 'node:crypto';
import { Cleaner, type Preparation } from './clean.ts';
import type { Resolved } from './sources.ts';
import { Utf8Decoder } from './utf8.ts';

/** Receives a corpus in one pass, in memory that does not grow with it. */
export interface CorpusListener {
  nextFile?(title: string): void;
  /** The bytes as they stand in the file; the array is used again afterwards. */
  bytes?(chunk: Uint8Array): void;
  /** Cleaned code points, of which the first `length` count; the array is used again afterwards. */
  push?(block: Uint32Array, length: number): void;
}

export interface ReadResult {
  readonly source: string;
  /** `sha256:…` over the bytes of all files as read, before any preparation. */
  readonly digest: string;
  readonly bytes: number;
  readonly files: number;
  /** Files that are not text. */
  readonly skipped: readonly string[];
  /** What was changed while cleaning. */
  readonly cleaned: Pick<Cleaner, 'byteOrderMarks' | 'newlines' | 'controls'>;
}

/**
 * Reads a corpus from end to end. Files that do not end with a newline get one before the next begins.
 *
 * @throws FolioError `corpus_invalid` with the offset of the first byte that is not UTF-8
 */
export const readCorpusOnce = async (
  { sources, skipped }: Resolved,
  preparation: Preparation,
  listeners: readonly CorpusListener[],
): Promise<ReadResult> => {
  const cleaner = new Cleaner(preparation);
  const hash = createHash('sha256');
  let block = new Uint32Array(1);
  let bytes = 0;
  const push = (length: number) => {
    const kept = cleaner.clean(block, length);
    for (const listener of listeners) listener.push?.(block, kept);
  };
  for (const source of sources) {
    if (cleaner.unended) {
      block[0] = 10;
      push(1);
    }
    cleaner.nextFile();
    for (const listener of listeners) listener.nextFile?.(source.title);
    const decoder = new Utf8Decoder(source.name);
    for await (const chunk of source.open()) {
      hash.update(chunk);
      bytes += chunk.length;
      for (const listener of listeners) listener.bytes?.(chunk);
      if (block.length < chunk.length) block = new Uint32Array(chunk.length);
      push(decoder.push(chunk, block));
    }
    decoder.end();
  }
  return {
    source: describe(sources.map(({ title }) => title)),
    digest: `sha256:${hash.digest('hex')}`,
    bytes,
    files: sources.length,
    skipped,
    cleaned: cleaner,
  };
};

const describe = ([first = 'nothing', ...rest]: readonly string[]): string =>
  rest.length === 0 ? first : `${first} and ${rest.length} more`;
