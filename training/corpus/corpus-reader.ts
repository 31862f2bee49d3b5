import { createHash } from 'node:crypto';
import { FolioError, isFolioError } from '../../src/errors.ts';
import { Cleaner, type Preparation } from './clean.ts';
import type { Resolved, Skipped } from './sources.ts';
import { CorpusDecoder } from './text-decoder.ts';

/** Receives a corpus in one pass, in memory that does not grow with it. */
export interface CorpusListener {
  nextFile?(title: string): void;
  /** The text in UTF-8; the array is used again afterwards. */
  bytes?(chunk: Uint8Array): void;
  /** Cleaned code points, of which the first `length` count; the array is used again afterwards. */
  push?(block: Uint32Array, length: number): void;
}

export interface ReadResult {
  readonly source: string;
  /** `sha256:…` over the bytes of all files as read, before any preparation. */
  readonly digest: string;
  readonly bytes: number;
  /** Of the files: a label of the Encoding Standard, or `cesu-8`. */
  readonly encoding: string;
  readonly files: number;
  /** Files that are not text. */
  readonly skipped: readonly Skipped[];
  /** What was changed while cleaning. */
  readonly cleaned: Pick<Cleaner, 'byteOrderMarks' | 'newlines' | 'controls'>;
}

export interface CorpusReadOptions {
  readonly preparation: Preparation;
  /** As `encodingLabel` gives it. Default `utf-8`. */
  readonly encoding?: string;
}

/**
 * Reads a corpus from end to end. Files that do not end with a newline get one before the next begins.
 *
 * @throws FolioError `corpus_invalid` with the first fault of every file that is not of the encoding
 */
export const readCorpusOnce = async (
  { sources, skipped }: Resolved,
  { preparation, encoding = 'utf-8' }: CorpusReadOptions,
  listeners: readonly CorpusListener[],
): Promise<ReadResult> => {
  const cleaner = new Cleaner(preparation);
  const hash = createHash('sha256');
  let block = new Uint32Array(1);
  let bytes = 0;
  const faults: FolioError[] = [];
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
    const decoder = new CorpusDecoder(source.name, encoding);
    try {
      for await (const chunk of source.open()) {
        hash.update(chunk);
        bytes += chunk.length;
        const text = decoder.push(chunk);
        const utf8 = encoding === 'utf-8' ? chunk : Buffer.from(text);
        for (const listener of listeners) listener.bytes?.(utf8);
        if (block.length < text.length) block = new Uint32Array(text.length);
        push(codePoints(text, block));
      }
      decoder.end();
    } catch (error) {
      if (!isFolioError(error) || error.code !== 'corpus_invalid') throw error;
      faults.push(error);
    }
  }
  if (faults.length > 0) throw together(faults);
  return {
    source: describe(sources.map(({ title }) => title)),
    digest: `sha256:${hash.digest('hex')}`,
    bytes,
    encoding,
    files: sources.length,
    skipped,
    cleaned: cleaner,
  };
};

/** @returns how many code points were written to `block` */
const codePoints = (text: string, block: Uint32Array): number => {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.codePointAt(at)!;
    if (code > 0xffff) at++;
    block[count++] = code;
  }
  return count;
};

const MOST_SHOWN = 10;

/** The faults of several files as one. */
const together = (faults: readonly FolioError[]): FolioError => {
  if (faults.length === 1) return faults[0]!;
  const shown = faults.slice(0, MOST_SHOWN).map(({ message }) => `  ${message}`);
  const rest = faults.length > MOST_SHOWN ? [`  and ${faults.length - MOST_SHOWN} more`] : [];
  return new FolioError(
    'corpus_invalid',
    [`${faults.length} files cannot be read as text:`, ...shown, ...rest].join('\n'),
    { where: 'corpus' },
  );
};

const describe = ([first = 'nothing', ...rest]: readonly string[]): string =>
  rest.length === 0 ? first : `${first} and ${rest.length} more`;
