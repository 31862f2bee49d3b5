import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FolioError } from '../errors.ts';

/**
 * Makes sure that a file can be written once the work is done, before it begins.
 *
 * @param where The option that names it.
 * @throws FolioError `not_found`, `invalid_parameter`, `unavailable`
 */
export const checkWritable = async (file: string, where: string): Promise<void> => {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new FolioError('invalid_parameter', `${where}: ${file} is a folder; expected a file.`, { where });
  }
  const folder = dirname(resolve(file));
  const isThere = await stat(folder).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isThere) {
    throw new FolioError('not_found', `${where}: there is no folder ${folder} to write ${file} into.`, {
      where,
    });
  }
  await access(found === undefined ? folder : file, constants.W_OK).catch((cause: unknown) => {
    throw new FolioError('unavailable', `${where}: ${file} cannot be written.`, { where, cause });
  });
};
