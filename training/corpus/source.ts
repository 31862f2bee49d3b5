import { FolioError } from '../../src/errors.ts';

/** One text of a corpus: a file, standard input, the body of a URL or an object of a store. */
export interface Source {
  /** As it was given: a path, a URL without its query, `standard input`. */
  readonly name: string;
  /** For reports: a path from the folder that was given, without the machine's own folders. */
  readonly title: string;
  /** Bytes, where they are known beforehand. */
  readonly size?: number;
  open(): AsyncIterable<Uint8Array>;
}

export const notFound = (place: string, what: string, cause?: unknown, details = ''): FolioError =>
  new FolioError('corpus_not_found', `${what}: ${place}.${details === '' ? '' : ` ${details}.`}`, {
    where: 'corpus',
    received: place,
    cause,
  });

/** The text under the reader's eyes was written to. */
export const changed = (name: string, expected: string, received: string): FolioError =>
  new FolioError('corpus_changed', `${name} was changed while it was being read; try again.`, {
    where: name,
    expected,
    received,
  });
