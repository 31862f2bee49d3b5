import { FolioError } from '../../errors.ts';

/**
 * Why a body is no JSON. A module of its own: it is loaded with the first that is not.
 *
 * @param coding The request's Content-Encoding. A host's own parser may have unpacked a body that can be read.
 * @param error Of who tried to read it.
 */
export const unreadable = (coding: string | undefined, error: unknown): FolioError | string => {
  if (coding !== undefined && coding !== 'identity') {
    return new FolioError(
      'unsupported_media_type',
      `The body: expected it as it is, without Content-Encoding; received ${coding}.`,
      { where: 'body', expected: 'no Content-Encoding', received: coding },
    );
  }
  return error instanceof SyntaxError
    ? 'what cannot be read as JSON'
    : 'bytes that are not UTF-8, which JSON is';
};
