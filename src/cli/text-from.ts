import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { FolioError } from '../errors.ts';

/**
 * A text from a file, or from standard input for `-`.
 *
 * @throws FolioError `not_found`; `invalid_parameter` for what is not UTF-8
 */
export async function textFrom(source: string): Promise<string> {
  const bytes = source === '-' ? await buffer(process.stdin) : await bytesFrom(source);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const name = source === '-' ? 'Standard input' : source;
    throw new FolioError('invalid_parameter', `${name} is not UTF-8 text.`, {
      where: source,
      expected: 'UTF-8',
    });
  }
}

/** @throws FolioError `not_found` */
export const bytesFrom = (file: string): Promise<Uint8Array> =>
  readFile(file).catch((error: NodeJS.ErrnoException) => {
    const why =
      error.code === 'ENOENT' ? `There is no such file: ${file}.` : `Cannot read ${file}: ${error.code}.`;
    throw new FolioError('not_found', why, { where: file, cause: error });
  });
