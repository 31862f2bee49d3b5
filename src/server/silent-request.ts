import type { IncomingMessage, ServerResponse } from 'node:http';

/** Milliseconds for which a client may send nothing of a body that it has begun. */
const longestPause = 120_000;

/** What is looked at of a request. */
type Request = Pick<IncomingMessage, 'headers' | 'complete' | 'setTimeout' | 'destroy' | 'once'>;

/** Ends a request whose client falls silent in the middle of its body, as if it had left. One that goes on may take long. */
export const endSilentRequest = (
  request: Request,
  response: Pick<ServerResponse, 'writableFinished'>,
  milliseconds = longestPause,
): void => {
  const { 'transfer-encoding': coding, 'content-length': length = '0' } = request.headers;
  if (coding === undefined && Number(length) === 0) return;
  request.setTimeout(milliseconds, () => {
    if (!request.complete) request.destroy();
  });
  request.once('end', () => {
    // Its answer may take its time. Where that was given before, the connection waits for another request: Node ends that.
    if (!response.writableFinished) request.setTimeout(0);
  });
};
