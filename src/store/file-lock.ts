import { randomUUID } from 'node:crypto';
import { open, readFile, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { FolioError } from '../errors.ts';

const timeoutMs = 15_000; // that a writer waits for the lock
const staleAfterMs = 10_000; // what is done under a lock takes a few

interface Owner {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
const exists = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EEXIST';

/** Creates the lock's file if there is none. @returns whether this process now owns it */
async function claim(path: string, owner: Owner): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(JSON.stringify(owner));
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (exists(error)) return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch {
    return undefined; // gone, or its owner has not written its name yet
  }
}

function isDead(owner: Owner | undefined): boolean {
  if (owner === undefined || owner.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    return Date.now() - mtimeMs > staleAfterMs || isDead(await readOwner(path));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

const removeIfThere = (path: string): Promise<void> =>
  unlink(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });

/**
 * Removes a lock whose owner died. Only whoever holds the guard removes another's lock, and looks at it again first:
 * otherwise the second of two that saw it stale would remove the fresh lock of the first.
 */
async function breakStale(path: string, owner: Owner): Promise<void> {
  if (!(await isStale(path))) return;
  const guard = `${path}.breaking`;
  if (await claim(guard, owner)) {
    try {
      if (await isStale(path)) await removeIfThere(path);
    } finally {
      await removeIfThere(guard);
    }
  } else if (await isStale(guard)) {
    await removeIfThere(guard);
  }
}

/**
 * Does the work while no other process on this folder does its own under the same lock.
 *
 * @param path The lock's file, in a folder that exists.
 * @throws FolioError `store_failed` when the lock stays taken
 */
export async function withFileLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const owner: Owner = { id: randomUUID(), host: hostname(), pid: process.pid };
  const end = Date.now() + timeoutMs;
  while (!(await claim(path, owner))) {
    if (Date.now() > end) {
      throw new FolioError('store_failed', 'Another writer holds the lock on this object for too long.', {
        where: path,
        retryAfter: 1,
      });
    }
    await breakStale(path, owner);
    await delay(1 + Math.random() * 10);
  }
  try {
    return await work();
  } finally {
    if ((await readOwner(path))?.id === owner.id) await removeIfThere(path);
  }
}
