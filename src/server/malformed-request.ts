import type { Duplex } from 'node:stream';
import { errorBody } from '../api/response/error-response.ts';
import { FolioError } from '../errors.ts';

const statuses: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

const messages: Readonly<Record<string, string>> = {
  HPE_INVALID_URL:
    "The URL has characters that must be percent-encoded, as %C3%A9 is é. curl does it: curl -G --data-urlencode 'prompt=…' URL.",
  HPE_HEADER_OVERFLOW:
    'The headers of the request are too large; a long prompt belongs in the body of POST /generate.',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request did not arrive in time.',
};

/** Answers what is no HTTP request that Node could read, and ends its connection. A handler of `clientError`. */
export const answerMalformed = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  const { code = '' } = error;
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const message = messages[code] ?? 'This is no HTTP request that can be read.';
  const body = `${JSON.stringify(errorBody(new FolioError('invalid_request', message, { where: code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'body' : 'url' })))}\n`;
  socket.end(
    `HTTP/1.1 ${statuses[code] ?? '400 Bad Request'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
};
