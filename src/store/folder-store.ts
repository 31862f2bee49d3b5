import { createHash } from 'node:crypto';
import {
  access,
  constants,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FolioError, isFolioError } from '../errors.ts';
import { type FileLockOptions, type HeldLock, withFileLock } from './file-lock.ts';
import { lockName, removeLeftovers, temporaryName } from './leftovers.ts';
import { checkRange, sliceRange } from './range.ts';
import type { ReadOptions, Store, StoredEntry, StoredObject } from './store.ts';
import { byKey, checkKey, isKey } from './valid-key.ts';

const cleanEveryMs = 600_000; // between looks for what killed writers left in a folder

/** What systems say whose files have one name only. */
const noHardLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'];

/** What a system's code means to a person. */
const meanings: Readonly<Record<string, string>> = {
  EACCES: 'this user has no right to it',
  EDQUOT: 'this user’s share of the disk is full',
  EIO: 'the disk has a fault',
  EMFILE: 'this process has too many files open',
  ENFILE: 'the system has too many files open',
  ENOSPC: 'the disk is full',
  EPERM: 'this user has no right to it',
  EROFS: 'the file system is read-only',
};

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 32);

/** Hashes only when somebody asks for the etag: a model's weights are read without it. */
class FileObject implements StoredObject {
  readonly bytes: Uint8Array;
  readonly #whole: Uint8Array;
  #etag: string | undefined;

  constructor(whole: Uint8Array, range: ReadOptions['range']) {
    this.#whole = whole;
    this.bytes = range === undefined ? whole : sliceRange(whole, range);
  }

  get etag(): string {
    this.#etag ??= digest(this.#whole);
    return this.#etag;
  }
}

/**
 * The store in a folder: an object is a file. A write goes to a hidden file first, reaches the disk, and then takes
 * its name in one step, so that a reader meets the old bytes or the new ones whatever dies meanwhile. Hidden files
 * (locks, leftovers of a killed writer) are not objects.
 */
export class FolderStore implements Store {
  readonly location: string;
  readonly #root: string;

  readonly #lockOptions: FileLockOptions;
  /** When leftovers were last looked for, by folder. */
  readonly #cleaned = new Map<string, number>();

  constructor(folder: string, lockOptions: FileLockOptions = {}) {
    this.location = folder;
    this.#root = resolve(folder);
    this.#lockOptions = lockOptions;
  }

  async read(key: string, options: ReadOptions = {}): Promise<StoredObject | undefined> {
    checkKey(key);
    if (options.range !== undefined) checkRange(options.range);
    try {
      const whole = await readFile(
        this.#path(key),
        options.signal === undefined ? {} : { signal: options.signal },
      );
      return new FileObject(new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength), options.range);
    } catch (error) {
      if (isFolioError(error)) throw error;
      if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(codeOf(error) ?? '')) return undefined;
      options.signal?.throwIfAborted();
      throw this.#failed('read', key, error);
    }
  }

  async readIfChanged(
    key: string,
    etag: string,
    options: ReadOptions = {},
  ): Promise<StoredObject | undefined | 'unchanged'> {
    const object = await this.read(key, options);
    return object?.etag === etag ? 'unchanged' : object;
  }

  async stat(key: string): Promise<StoredEntry | undefined> {
    checkKey(key);
    try {
      const entry = await stat(this.#path(key));
      return entry.isFile() ? { key, size: entry.size, modified: entry.mtime } : undefined;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
      throw this.#failed('read', key, error);
    }
  }

  async create(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    await this.#place(key, fromBytes(bytes), (temporary, path) =>
      this.#linkOnce(
        temporary,
        path,
        () => new FolioError('already_exists', `${key} exists already.`, { where: key }),
      ),
    );
    return { etag: digest(bytes) };
  }

  async replace(key: string, bytes: Uint8Array, expected: string | null): Promise<{ etag: string }> {
    const conflict = (found: string | null) =>
      new FolioError('conflict', `${key} was changed by somebody else meanwhile.`, {
        where: key,
        expected: expected === null ? 'no object' : `etag ${expected}`,
        received: found === null ? 'no object' : `etag ${found}`,
      });
    await this.#place(key, fromBytes(bytes), (temporary, path) => {
      if (expected === null) return this.#linkOnce(temporary, path, () => conflict('of another writer'));
      return this.#locked(path, async (lock) => {
        const found = (await this.read(key))?.etag ?? null;
        if (found !== expected) throw conflict(found);
        await lock.check();
        await rename(temporary, path);
        await lock.check();
      });
    });
    return { etag: digest(bytes) };
  }

  async write(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
    await this.#place(key, fromBytes(bytes), (temporary, path) => rename(temporary, path));
    return { etag: digest(bytes) };
  }

  async writeStream(key: string, chunks: AsyncIterable<Uint8Array>): Promise<{ etag: string; size: number }> {
    const hash = createHash('sha256');
    let size = 0;
    const counted = async function* (): AsyncIterable<Uint8Array> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    };
    await this.#place(
      key,
      (file) => file.writeFile(counted()),
      (temporary, path) => rename(temporary, path),
    );
    return { etag: hash.digest('hex').slice(0, 32), size };
  }

  async *list(prefix: string): AsyncIterable<StoredEntry> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (folder !== '') checkKey(folder.slice(0, -1));
    const entries = await this.#walk(folder, prefix);
    yield* entries.sort(byKey);
  }

  async remove(key: string): Promise<void> {
    checkKey(key);
    const path = this.#path(key);
    try {
      await this.#locked(path, () => unlink(path));
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'EISDIR', 'EPERM'].includes(codeOf(error) ?? '')) return;
      throw this.#failed('remove', key, error);
    }
    for (let folder = dirname(path); folder !== this.#root; folder = dirname(folder)) {
      if (!(await removeEmptyFolder(folder))) break; // as in S3, a folder is there while something is in it
    }
  }

  #path(key: string): string {
    return join(this.#root, ...key.split('/'));
  }

  /** Writes a hidden file to the disk, lets `publish` give it its name, and leaves nothing behind on failure. */
  async #place(
    key: string,
    fill: (file: FileHandle) => Promise<void>,
    publish: (temporary: string, path: string) => Promise<void>,
  ): Promise<void> {
    checkKey(key);
    const path = this.#path(key);
    const temporary = join(dirname(path), temporaryName());
    try {
      await writeThrough(temporary, fill);
      await publish(temporary, path);
      await syncFolder(dirname(path));
      await this.#cleanNowAndThen(dirname(path));
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      if (isFolioError(error)) throw error;
      if (['EEXIST', 'ENOTDIR', 'EISDIR'].includes(codeOf(error) ?? '')) {
        throw new FolioError('conflict', `${key} cannot be written: a file or folder stands in its way.`, {
          where: key,
          cause: error,
        });
      }
      throw this.#failed('write', key, error);
    }
  }

  /** Hidden files that killed writers left in this folder and those below. */
  async removeLeftovers(prefix: string): Promise<readonly string[]> {
    if (prefix !== '') checkKey(prefix.slice(0, -1));
    const removed = [...(await removeLeftovers(join(this.#root, prefix)))];
    const children = await readdir(join(this.#root, prefix), { withFileTypes: true }).catch(() => []);
    for (const child of children) {
      if (!child.isDirectory() || !isKey(prefix + child.name)) continue;
      removed.push(...(await this.removeLeftovers(`${prefix}${child.name}/`)));
    }
    return removed;
  }

  async #cleanNowAndThen(folder: string): Promise<void> {
    const now = performance.now();
    if (now - (this.#cleaned.get(folder) ?? Number.NEGATIVE_INFINITY) < cleanEveryMs) return;
    this.#cleaned.set(folder, now);
    await removeLeftovers(folder);
  }

  #locked<Result>(path: string, work: (lock: HeldLock) => Promise<Result>): Promise<Result> {
    return withFileLock(join(dirname(path), lockName(basename(path))), work, this.#lockOptions);
  }

  /** Gives the file its name if nothing has that name: one step, safe between processes. */
  async #linkOnce(temporary: string, path: string, taken: () => FolioError): Promise<void> {
    try {
      await link(temporary, path);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw taken();
      if (!noHardLinks.includes(codeOf(error) ?? '')) throw error;
      // SMB, 9p, exFAT: creators exclude each other by the lock, which needs no link.
      await this.#locked(path, async (lock) => {
        if (
          await stat(path).then(
            () => true,
            () => false,
          )
        )
          throw taken();
        await lock.check();
        await rename(temporary, path);
      });
      return;
    }
    await unlink(temporary);
  }

  async #walk(folder: string, prefix: string): Promise<StoredEntry[]> {
    const found: StoredEntry[] = [];
    const path = join(this.#root, folder);
    const children = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return [];
      throw this.#failed('list', prefix, error);
    });
    for (const child of children) {
      const key = folder + child.name;
      if (!isKey(key)) continue;
      const entry = await stat(join(path, child.name)).catch(() => undefined);
      if (entry?.isDirectory() && (`${key}/`.startsWith(prefix) || prefix.startsWith(`${key}/`))) {
        found.push(...(await this.#walk(`${key}/`, prefix)));
      } else if (entry?.isFile() && key.startsWith(prefix)) {
        found.push({ key, size: entry.size, modified: entry.mtime });
      }
    }
    return found;
  }

  #failed(action: string, key: string, cause: unknown): FolioError {
    const code = codeOf(cause);
    const meaning = code === undefined ? undefined : meanings[code];
    const reason = meaning === undefined ? (code ?? String(cause)) : `${meaning} (${code})`;
    return new FolioError('store_failed', `Could not ${action} ${key} in ${this.location}: ${reason}.`, {
      where: key,
      received: reason,
      forClients: `The store could not ${action} ${key}: ${reason}.`,
      cause,
    });
  }
}

const fromBytes =
  (bytes: Uint8Array) =>
  (file: FileHandle): Promise<void> =>
    file.writeFile(bytes);

/** Creates a file, fills it and sees it reach the disk. */
async function writeThrough(path: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await createFile(path);
  try {
    await fill(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function createFile(path: string): Promise<FileHandle> {
  for (let attempt = 1; ; attempt++) {
    await makeFolder(dirname(path));
    try {
      return await open(path, 'wx');
    } catch (error) {
      // Another process may remove the folder, empty until now, just after it was made.
      if (codeOf(error) !== 'ENOENT' || attempt === 5) throw error;
    }
  }
}

/** Where a file system is read-only, Node says of a folder within a folder that it is not there: what stands above it says why. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') await checkWritable(folder);
    throw error;
  }
}

async function checkWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || folder === dirname(folder)) throw error;
    await checkWritable(dirname(folder));
  }
}

/** A name survives a power cut once its folder has reached the disk. Not every system can. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

const removeEmptyFolder = (path: string): Promise<boolean> =>
  rmdir(path).then(
    () => true,
    () => false,
  );
