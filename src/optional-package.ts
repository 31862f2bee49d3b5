import { FolioError } from './errors.ts';

/** Those of package.json's optional peers that the program imports by name, and what each is needed for. */
const purposes = {
  express: 'The server',
  pino: 'The log of a server',
  '@aws-sdk/client-s3': 'A store in S3',
} as const;

/**
 * Loads a module that imports one of the optional packages: whoever wants the library alone need not install them.
 *
 * @throws FolioError `unavailable`, with the command that installs the package, where it is missing
 */
export const withPackage = async <T>(name: keyof typeof purposes, load: () => Promise<T>): Promise<T> => {
  try {
    return await load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(name)) throw cause;
    throw new FolioError(
      'unavailable',
      `${purposes[name]} needs the package ${name}, which is not installed: run \`npm install ${name}\`.`,
      { where: name, expected: 'an installed package', cause },
    );
  }
};
