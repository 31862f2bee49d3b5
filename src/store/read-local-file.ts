import { basename } from 'node:path';
import { FolioError, unexpected } from '../errors.ts';

/** Bytes up to which a file is read at once: waiting for another thread takes longer. */
const SMALL = 2 ** 16;

/**
 * A file's bytes; undefined where there is none. A new process has its first character some milliseconds sooner than with
 * `fs.promises`, which has to be loaded (importing `node:fs` loads it too), and whose `readFile` waits for other threads
 * four times and more.
 *
 * @param limit bytes that it may have
 * @throws FolioError `model_invalid` for a longer file, `unavailable` for one that cannot be read
 */
export const readLocalFile = async (
  path: string,
  limit = Number.POSITIVE_INFINITY,
): Promise<Uint8Array | undefined> => {
  const { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } =
    process.getBuiltinModule('node:fs');
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined; // an error would take longer
    const file = openSync(path, 'r');
    try {
      const stats = fstatSync(file);
      if (stats.size > limit)
        throw unexpected('model_invalid', basename(path), `at most ${limit} bytes`, stats.size);
      if (!stats.isFile()) return readFileSync(file); // a pipe, whose length nobody knows
      const bytes = Buffer.allocUnsafeSlow(stats.size);
      if (stats.size <= SMALL) return bytes.subarray(0, readSync(file, bytes));
      return await readWhole(file, bytes);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (error instanceof FolioError || code === undefined) throw error;
    throw new FolioError('unavailable', `${path} cannot be read: ${code}.`, { where: path, cause: error });
  }
};

/** Reads on another thread until the bytes are full, or the file is at its end. */
const readWhole = (file: number, bytes: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const { read } = process.getBuiltinModule('node:fs');
    const from = (position: number): void => {
      read(file, bytes, position, bytes.length - position, position, (error, count) => {
        if (error) reject(error);
        else if (count === 0) resolve(bytes.subarray(0, position));
        else if (position + count === bytes.length) resolve(bytes);
        else from(position + count);
      });
    };
    from(0);
  });
