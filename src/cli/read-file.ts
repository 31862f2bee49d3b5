import { readFile } from 'node:fs/promises';
import { FolioError } from '../errors.ts';

/** A file that was named on the command line. @throws FolioError `not_found`, `unavailable`, `invalid_parameter` for a folder */
export async function readGivenFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new FolioError('not_found', `There is no file ${file}.`, { where: file, expected: 'a file' });
    }
    if (code === 'EISDIR') {
      throw new FolioError('invalid_parameter', `${file} is a folder; expected a file.`, { where: file });
    }
    if (code === undefined) throw error;
    throw new FolioError('unavailable', `${file} cannot be read: ${code}.`, { where: file, cause: error });
  }
}
