import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { livenessOf, type ProcessIdentity, thisProcess } from './process-identity.ts';

/** Names of the hidden files that writers in a folder work with, and the removal of those whose writer was killed. */

const foreignAfterMs = 24 * 3_600_000; // what another machine left is removed after a day

const hostDigest = (): string => createHash('sha256').update(thisProcess().host).digest('hex').slice(0, 8);

/** A name for a file under way: it says whose it is. */
export const temporaryName = (): string => {
  const { pid, started = '' } = thisProcess();
  return `.${pid}-${started}-${hostDigest()}-${randomUUID()}.tmp`;
};

export const lockName = (name: string): string => `.${name}.lock`;

const temporary = /^\.(?:(\d+)-(\d*)-([0-9a-f]{8})-)?[0-9a-f-]{36}\.tmp$/;
const lock = /^\..+\.lock(?:\.breaking)?$/;

/** Whether a hidden file was left by a writer that is gone. */
async function isLeftover(folder: string, name: string): Promise<boolean> {
  const path = join(folder, name);
  const [, pid, started, host] = temporary.exec(name) ?? [];
  let liveness: ReturnType<typeof livenessOf> = 'unknown';
  if (host === hostDigest()) {
    liveness = livenessOf({ host: thisProcess().host, pid: Number(pid), started: started || undefined });
  } else if (lock.test(name)) {
    const owner = JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as Partial<ProcessIdentity>;
    if (owner.host === undefined || owner.pid === undefined) return false; // somebody else's file
    liveness = livenessOf(owner as ProcessIdentity);
  } else if (!temporary.test(name)) return false;
  if (liveness !== 'unknown') return liveness === 'dead';
  const { mtimeMs } = await stat(path);
  return Date.now() - mtimeMs > foreignAfterMs;
}

/**
 * Removes the hidden files of a folder that killed writers left. What cannot be looked at or removed stays.
 *
 * @returns the paths of those that were removed
 */
export async function removeLeftovers(folder: string): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith('.')) continue;
    try {
      if (!(await isLeftover(folder, name))) continue;
      await unlink(join(folder, name));
      removed.push(join(folder, name));
    } catch {
      // gone meanwhile, or not ours to remove
    }
  }
  return removed;
}
