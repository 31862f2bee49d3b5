import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, truncate } from 'node:fs/promises';
import { FolioError, isFolioError } from '../errors.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';

/** Where the results of a bulk job go, in the order of the rows. */
export interface BulkOutput {
  /** Rows whose results stand already, from the first on. */
  readonly done: number;
  write(line: string): Promise<void>;
  /** The last results reach their place. */
  end(): Promise<void>;
}

/** What must be the same for a job to go on where it stopped. */
export type JobDescription = Readonly<Record<string, unknown>>;

export const toStandardOutput = (write: (text: string) => Promise<void>): BulkOutput => ({
  done: 0,
  write: (line) => write(`${line}\n`),
  end: async () => undefined,
});

/**
 * Results as lines of one file. With `resume`, whole lines that stand there are kept and half a line is cut off.
 *
 * @throws FolioError `already_exists` without `resume`
 */
export async function toFile(path: string, resume: boolean): Promise<BulkOutput> {
  const done = resume ? await keepWholeLines(path) : 0;
  const file = await open(path, resume ? 'a' : 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') {
      throw new FolioError('already_exists', `${path} exists already: --resume goes on with it.`, {
        where: 'output',
        received: path,
      });
    }
    throw new FolioError('store_failed', `Could not write ${path}: ${error.code}.`, {
      where: 'output',
      cause: error,
    });
  });
  return { done, write: (line) => writeAll(file, `${line}\n`), end: () => file.close() };
}

const writeAll = async (file: FileHandle, text: string): Promise<void> => {
  await file.appendFile(text);
};

async function keepWholeLines(path: string): Promise<number> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined) return 0;
  const whole = bytes.lastIndexOf(10) + 1;
  if (whole < bytes.length) await truncate(path, whole);
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/**
 * Results as numbered parts of equally many rows below a folder or an S3 prefix, each written once: a job that was
 * stopped goes on after its last part. `job.json` beside them says what job they belong to.
 *
 * @throws FolioError `already_exists` without `resume`; `conflict` where the parts are another job's
 */
export async function toParts(
  location: string,
  partRows: number,
  job: JobDescription,
  resume: boolean,
): Promise<BulkOutput> {
  const store = await openStore(location.replace(/\/$/, ''));
  await claim(store, { ...job, partRows }, resume);
  let part = 0;
  while (resume && (await store.stat(partKey(part))) !== undefined) part++;
  const done = part * partRows;
  let lines: string[] = [];
  const flush = async (): Promise<void> => {
    await store.create(partKey(part), new TextEncoder().encode(lines.join('')));
    part++;
    lines = [];
  };
  return {
    done,
    write: async (line) => {
      lines.push(`${line}\n`);
      if (lines.length === partRows) await flush();
    },
    end: async () => {
      if (lines.length > 0) await flush();
    },
  };
}

const partKey = (part: number): string => `part-${String(part).padStart(6, '0')}.jsonl`;

async function claim(store: Store, job: JobDescription, resume: boolean): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(job, null, 2)}\n`);
  try {
    await store.create('job.json', bytes);
  } catch (error) {
    if (!isFolioError(error) || error.code !== 'already_exists') throw error;
    if (!resume) {
      throw new FolioError(
        'already_exists',
        `${store.location} holds results already: --resume goes on with them.`,
        {
          where: 'output',
        },
      );
    }
    const there = await store.read('job.json');
    if (there !== undefined && digest(there.bytes) === digest(bytes)) return;
    throw new FolioError(
      'conflict',
      `${store.location} holds the results of another job: see its job.json.`,
      {
        where: 'output',
      },
    );
  }
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
