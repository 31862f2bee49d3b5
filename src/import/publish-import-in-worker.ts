import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, type ErrorDetails, FolioError } from '../errors.ts';
import type { ImportOptions } from './import-model.ts';
import type { PublishedImport } from './publish-import.ts';

/** Options that can be sent to a thread: without functions. */
export type SentImportOptions = Omit<ImportOptions, 'sibling' | 'hash'>;

/** What an import needs that happens elsewhere. */
export interface ImportWork {
  /** Its location, as `openStore` takes it. */
  readonly store: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly options: SentImportOptions;
}

/** How it ended, where that is no bug. */
export type ImportReply =
  | { readonly published: PublishedImport }
  | {
      readonly fault: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
    };

/** A file that takes less time than a thread's start. Bytes. */
const SMALL = 2 ** 21;

/** The thread's program: of the sources, or of `dist`, seen from a chunk or from an entry. */
const program = ['./import-worker.ts', '../import-worker.js', './import-worker.js']
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(url));

/**
 * `publishImport` in a thread of its own: reading and writing 100 MB take about a second, for which a server's other
 * requests would wait. A small file is imported here. Where Folio was bundled into another program, which has no file for the thread, every file is.
 *
 * @param work Its `bytes` are handed over: nobody else may use them afterwards.
 * @throws FolioError as `publishImport`
 */
export const publishImportInWorker = async (work: ImportWork): Promise<PublishedImport> => {
  if (program === undefined || work.bytes.length < SMALL) return publishHere(work);
  const { buffer, byteLength } = work.bytes;
  const worker = new Worker(program, {
    workerData: work,
    transferList: buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
    name: 'import',
    execArgv: [],
  });
  const reply = await new Promise<ImportReply>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
    worker.once('exit', (code) => reject(new Error(`The thread of an import ended with ${code}.`)));
  });
  if ('published' in reply) return reply.published;
  const { code, message, details } = reply.fault;
  throw new FolioError(code, message, details);
};

const publishHere = async ({ store, name, bytes, options }: ImportWork): Promise<PublishedImport> => {
  const [{ openStore }, { publishImport }] = await Promise.all([
    import('../store/open-store.ts'),
    import('./publish-import.ts'),
  ]);
  return publishImport(await openStore(store), name, bytes, options);
};
