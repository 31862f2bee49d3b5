import type { Context } from 'hono';
import { FolioError, isFolioError } from '../../errors.ts';
import type { GeneratorDeps } from '../deps.ts';
import type { Limits } from './limits.ts';

/**
 * A body as it comes, up to a limit, whatever its length claims to be.
 *
 * @throws FolioError `too_large`, or `interrupted` when the client leaves
 */
export async function* bodyChunks(
  request: Request,
  maximum: number,
  what: string,
): AsyncGenerator<Uint8Array, void> {
  const tooLarge = (): FolioError =>
    new FolioError('too_large', `${what}: expected at most ${maximum} bytes.`, {
      where: 'body',
      expected: `at most ${maximum} bytes`,
    });
  if (Number(request.headers.get('content-length') ?? 0) > maximum) throw tooLarge();
  let length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      length += chunk.length;
      if (length > maximum) throw tooLarge();
      yield chunk;
    }
  } catch (error) {
    if (isFolioError(error)) throw error;
    throw new FolioError('interrupted', 'The client left before its request was whole.', { cause: error });
  }
}

/** The whole of a body: see `bodyChunks`. */
export const readBytes = async (request: Request, maximum: number, what: string): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodyChunks(request, maximum, what)) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/**
 * Seeds of 64 bits keep their digits, as strings, which numbers would lose. (Within a JSON string the name's quotes
 * would be escaped, so nothing else is taken for one.)
 */
const parseJson = (text: string): unknown =>
  JSON.parse(
    text.replace(
      /("(?:random_)?seed"\s*:\s*)(-?\d{16,}|\[[^\]"]*\])/g,
      (_, name: string, value: string) =>
        name +
        value.replace(/-?\d{16,}(?![\d.eE])/g, (digits) =>
          Number.isSafeInteger(Number(digits)) ? digits : `"${digits}"`,
        ),
    ),
  );

/** @throws FolioError `too_large`, `unsupported_media_type`, or `invalid_request` for what is not a JSON object */
export const readJson = async (context: Context, limits: Limits): Promise<Record<string, unknown>> => {
  const type = context.req.header('content-type') ?? '';
  if (/^multipart\//i.test(type)) {
    throw new FolioError(
      'unsupported_media_type',
      `The body: expected a JSON object as the body itself, received ${type.split(';')[0]}.`,
      { where: 'body', expected: 'a body of one part', received: 'multipart' },
    );
  }
  const bytes = await readBytes(context.req.raw, limits.bodyBytes, 'The body');
  const refuse = (received: string): never => {
    throw new FolioError('invalid_request', `The body: expected a JSON object, received ${received}.`, {
      where: 'body',
      expected: 'a JSON object',
      received,
    });
  };
  if (bytes.length === 0) return refuse('nothing');
  let body: unknown;
  try {
    body = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const { unreadable } = await import('./unreadable-body.ts');
    const reason = unreadable(context.req.header('content-encoding'), error);
    if (typeof reason === 'string') return refuse(reason);
    throw reason;
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  return refuse(body === null ? 'null' : Array.isArray(body) ? 'an array' : `a ${typeof body}`);
};

/**
 * A JSON body about texts, with the server's own rule for unknown characters where it names none.
 *
 * @throws FolioError as `readJson`
 */
export const readTextRequest = async (
  context: Context,
  { limits, requests }: Pick<GeneratorDeps, 'limits' | 'requests'>,
): Promise<Record<string, unknown>> => {
  const sent = await readJson(context, limits);
  return { ...sent, unknown: sent.unknown ?? requests?.unknown ?? 'error' };
};
