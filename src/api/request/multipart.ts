import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy } from '@fastify/busboy';
import { FolioError, isFolioError } from '../../errors.ts';
import { deferred } from '../deferred.ts';

/** What a form may hold beside its file. */
const limits = { files: 1, fields: 20, parts: 21, fieldSize: 65_536, headerPairs: 20, headerSize: 8_192 };

const unreadable = (type: string, cause: unknown): FolioError =>
  new FolioError('invalid_request', 'The body: expected a multipart form; it cannot be read.', {
    where: 'body',
    expected: 'multipart/form-data with one file, or the text itself',
    received: type.split(';')[0],
    cause,
  });

const notOneFile = (received: string): FolioError =>
  new FolioError('invalid_request', `The form: expected one file, received ${received}.`, {
    where: 'body',
    expected: 'one file',
    received,
  });

/**
 * The bytes of the one file in a multipart form, as they come.
 *
 * @param type The request's content type, with the form's boundary.
 * @throws FolioError `invalid_request`, at the end at the latest; errors of `body` are passed on
 */
export async function* fileInForm(
  body: AsyncIterable<Uint8Array>,
  type: string,
): AsyncGenerator<Uint8Array, void> {
  const source = Readable.from(body);
  const { promise: firstFile, resolve } = deferred<Readable | undefined>();
  let tooMany = false;
  let parsed: Promise<unknown>;
  try {
    const parser = new Busboy({ headers: { 'content-type': type }, limits })
      .on('file', (_, file) => resolve(file.on('error', () => undefined)))
      .on('filesLimit', () => {
        tooMany = true;
      });
    parsed = pipeline(source, parser).then(
      () => undefined,
      (error: unknown) => error,
    );
  } catch (error) {
    throw unreadable(type, error);
  }
  void parsed.then(() => resolve(undefined));
  const file = await firstFile;
  if (file) void parsed.then((fault) => fault && file.destroy(fault as Error));
  try {
    if (file) yield* file as AsyncIterable<Uint8Array>;
  } catch (error) {
    const fault = (await parsed) ?? error;
    throw isFolioError(fault) ? fault : unreadable(type, fault);
  } finally {
    file?.destroy();
    source.destroy();
  }
  const fault = await parsed;
  if (fault !== undefined) throw isFolioError(fault) ? fault : unreadable(type, fault);
  if (file === undefined) throw notOneFile('none');
  if (tooMany) throw notOneFile('several');
}
