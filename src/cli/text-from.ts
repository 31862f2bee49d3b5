import { buffer } from 'node:stream/consumers';
import { FolioError } from '../errors.ts';
import { readGivenFile } from './read-file.ts';

/**
 * A text from a file, or from standard input for `-`.
 *
 * @throws FolioError as `readGivenFile`; `invalid_parameter` for what is not UTF-8
 */
export async function textFrom(source: string): Promise<string> {
  const bytes = source === '-' ? await buffer(process.stdin) : await readGivenFile(source);
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
