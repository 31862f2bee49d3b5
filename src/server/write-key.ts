import { randomBytes, randomUUID } from 'node:crypto';
import { link, open, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';

/** The key that gives the right to write on a server without keys of its own. */
export interface WriteKey {
  readonly key: string;
  /** The file that keeps it for the next start; none where it cannot be kept. */
  readonly file?: string;
}

const keyPattern = /^[0-9a-f]{32}$/;
const anybodyElse = 0o077; // rights of group and others

/** A key that is kept, unless others of this machine could have read it. */
const readKey = async (file: string): Promise<string | undefined> => {
  const handle = await open(file);
  try {
    const { mode } = await handle.stat();
    const isOpen = process.platform !== 'win32' && (mode & anybodyElse) !== 0;
    const key = (await handle.readFile('utf8')).trim();
    return !isOpen && keyPattern.test(key) ? key : undefined;
  } finally {
    await handle.close();
  }
};

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

/**
 * The key of this user, drawn once and kept in Folio's cache folder, where no other user reads it: a page that was
 * opened with it and a script go on working when a server starts again.
 */
export const writeKeyOfUser = async (): Promise<WriteKey> => {
  const key = randomBytes(16).toString('hex');
  try {
    const file = join(cacheFolder(), 'write-key');
    const kept = await readKey(file).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      return null;
    });
    if (kept) return { key: kept, file };
    const temporary = `${file}-${randomUUID()}`;
    await writeFile(temporary, `${key}\n`, { mode: 0o600, flag: 'wx' });
    if (kept === undefined) {
      await rename(temporary, file); // in place of one that is no secret
      return { key, file };
    }
    try {
      await link(temporary, file);
      return { key, file };
    } catch {
      return { key: (await readKey(file)) ?? key, file }; // another server was first
    } finally {
      await unlink(temporary);
    }
  } catch {
    return { key }; // a home that cannot be written: for this start alone
  }
};
