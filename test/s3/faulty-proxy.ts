import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What befalls one request on its way to S3 or back. */
export type Fault =
  | 'internal error' // 500, not forwarded
  | 'slow down' // 503, not forwarded
  | 'no answer' // for ever
  | 'body stalls' // forwarded, and half the answer's body sent
  | 'contested' // 409: another conditional write is under way, not forwarded
  | 'reset' // connection cut, not forwarded
  | 'answer lost' // forwarded, and the connection cut before the answer
  | 'body cut'; // forwarded, and the connection cut in the middle of the answer's body

export interface FaultyProxy {
  readonly endpoint: string;
  /** Faults for the next requests, one each; then all goes well again. */
  readonly faults: Fault[];
  /** The fault of every other request, while there is one. */
  always: Fault | undefined;
  /** Requests that arrived: method and path. */
  readonly seen: string[];
  stop(): Promise<void>;
}

const refusals: Partial<Record<Fault, { readonly status: number; readonly code: string }>> = {
  'internal error': { status: 500, code: 'InternalError' },
  'slow down': { status: 503, code: 'SlowDown' },
  contested: { status: 409, code: 'ConditionalRequestConflict' },
};

/** Stands between a client and an S3 server and does as the network sometimes does. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const faults: Fault[] = [];
  const seen: string[] = [];
  let proxy: FaultyProxy | undefined;
  const server = createServer((from, to) => {
    seen.push(`${from.method} ${from.url}`);
    const fault = faults.shift() ?? proxy?.always;
    const answer = fault && refusals[fault];
    if (answer) {
      from.resume();
      from.on('end', () => {
        to.writeHead(answer.status, { 'content-type': 'application/xml' });
        to.end(
          `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${answer.code}</Code><Message>injected</Message></Error>`,
        );
      });
    } else if (fault === 'no answer') {
      from.resume();
    } else if (fault === 'reset') {
      from.socket.destroy();
    } else {
      forward(target, from, to, fault);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    always: undefined,
    seen,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

function forward(target: string, from: IncomingMessage, to: ServerResponse, fault: Fault | undefined): void {
  const onward = request(target + from.url, { method: from.method, headers: from.headers }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => {
      const body = Buffer.concat(chunks);
      if (fault === 'answer lost') {
        to.socket?.destroy();
        return;
      }
      to.writeHead(answer.statusCode ?? 500, answer.headers);
      if (fault === 'body stalls') {
        to.write(body.subarray(0, body.length >> 1));
        return;
      }
      if (fault === 'body cut') {
        to.write(body.subarray(0, body.length >> 1), () => to.socket?.destroy());
        return;
      }
      to.end(body);
    });
  });
  onward.on('error', () => to.socket?.destroy());
  from.pipe(onward);
}
