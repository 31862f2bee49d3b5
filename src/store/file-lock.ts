import { randomUUID } from 'node:crypto';
import { open, readFile, stat, unlink, utimes } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { FolioError } from '../errors.ts';
import { livenessOf, type ProcessIdentity, thisProcess } from './process-identity.ts';

const heartbeatMs = 2_000; // between signs of life of a lock's owner
const defaultStaleAfterMs = 10_000; // without a sign of life

interface Owner extends ProcessIdentity {
  readonly id: string;
}

export interface FileLockOptions {
  /** Milliseconds without a sign of life after which the lock of another machine is broken. */
  readonly staleAfterMs?: number | undefined;
  /** Milliseconds that a writer waits for the lock. Default: half as long again. */
  readonly timeoutMs?: number | undefined;
}

/** What is done while the lock is held. */
export interface HeldLock {
  /** @throws FolioError `conflict` when somebody has broken the lock, taking its owner for dead */
  check(): Promise<void>;
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

/**
 * Watches a lock that is taken. A living owner on this machine is never taken for dead, however long it takes. Of any
 * other owner, only the time counts that this watcher has seen pass without a sign of life: clocks that differ, or that
 * were set back, mean nothing.
 */
class LockWatch {
  readonly #path: string;
  readonly #staleAfterMs: number;
  #seen = '';
  #since = 0;

  constructor(path: string, staleAfterMs: number) {
    this.#path = path;
    this.#staleAfterMs = staleAfterMs;
  }

  async isStale(): Promise<boolean> {
    const file = await stat(this.#path).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (file === undefined) return false;
    const owner = await readOwner(this.#path);
    const liveness = owner?.pid === undefined ? 'unknown' : livenessOf(owner);
    if (liveness !== 'unknown') return liveness === 'dead';
    const sign = `${file.ino} ${file.mtimeMs} ${owner?.id}`;
    if (sign !== this.#seen) {
      this.#seen = sign;
      this.#since = performance.now();
    }
    return performance.now() - this.#since > this.#staleAfterMs;
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
async function breakStale(path: string, owner: Owner, lock: LockWatch, guard: LockWatch): Promise<void> {
  if (!(await lock.isStale())) return;
  const guardPath = guardOf(path);
  if (await claim(guardPath, owner)) {
    try {
      if (await lock.isStale()) await removeIfThere(path);
    } finally {
      await removeIfThere(guardPath);
    }
  } else if (await guard.isStale()) {
    await removeIfThere(guardPath);
  }
}

const guardOf = (path: string): string => `${path}.breaking`;

/**
 * Does the work while no other process on this folder does its own under the same lock.
 *
 * @param path The lock's file, in a folder that exists.
 * @throws FolioError `store_failed` when the lock stays taken
 */
export async function withFileLock<Result>(
  path: string,
  work: (lock: HeldLock) => Promise<Result>,
  { staleAfterMs = defaultStaleAfterMs, timeoutMs = 1.5 * staleAfterMs }: FileLockOptions = {},
): Promise<Result> {
  const owner: Owner = { id: randomUUID(), ...thisProcess() };
  const watches = [path, guardOf(path)].map((file) => new LockWatch(file, staleAfterMs));
  const end = performance.now() + timeoutMs;
  while (!(await claim(path, owner))) {
    if (performance.now() > end) {
      throw new FolioError('store_failed', 'Another writer holds the lock on this object for too long.', {
        where: path,
        retryAfter: 1,
      });
    }
    await breakStale(path, owner, watches[0]!, watches[1]!);
    await delay(1 + Math.random() * 10);
  }
  const isOwn = async (): Promise<boolean> => (await readOwner(path))?.id === owner.id;
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined); // broken by somebody: `check` finds out
  }, heartbeatMs);
  heartbeat.unref();
  try {
    return await work({
      check: async () => {
        if (await isOwn()) return;
        throw new FolioError('conflict', 'Another writer has taken over the lock on this object.', {
          where: path,
        });
      },
    });
  } finally {
    clearInterval(heartbeat);
    if (await isOwn()) await removeIfThere(path);
  }
}
