import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call of AWS's interface, as IAM judges it. */
export interface IamCall {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string>>;
}

const bucketArn = (bucket: string) => `arn:aws:s3:::${bucket}`;

/** S3's operations of one request. A missing object asks for the right to list, too: without it the answer is 403. */
function ofS3({ method = 'GET', url = '/', headers }: IncomingMessage, status: number): readonly IamCall[] {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const [bucket = '', ...rest] = decodeURIComponent(pathname).slice(1).split('/');
  const key = rest.join('/');
  if (key.includes('.folio-probe-')) return []; // of servers that are not AWS's
  const list = (prefix: string | null): IamCall => ({
    action: 's3:ListBucket',
    resource: bucketArn(bucket),
    ...(prefix !== null && { context: { 's3:prefix': prefix } }),
  });
  if (key === '') return [list(searchParams.get('prefix'))];
  const on = (action: string): IamCall => ({ action, resource: `${bucketArn(bucket)}/${key}` });
  switch (method) {
    case 'GET':
    case 'HEAD':
      return status === 404 ? [on('s3:GetObject'), list(key)] : [on('s3:GetObject')];
    case 'PUT':
    case 'POST':
      return [{ ...on('s3:PutObject'), ...conditionsOf(headers) }];
    case 'DELETE':
      return [on('s3:DeleteObject')];
    default:
      throw new Error(`The rehearsal does not know ${method} of S3.`);
  }
}

/** The headers of a conditional write, which policies can demand. */
const conditionsOf = (headers: IncomingMessage['headers']): Pick<IamCall, 'context'> => {
  const present = (['if-none-match', 'if-match'] as const).filter((name) => headers[name] !== undefined);
  if (present.length === 0) return {};
  return { context: Object.fromEntries(present.map((name) => [`s3:${name}`, String(headers[name])])) };
};

/** A server that hands every request on to an S3 server, and keeps what was asked. */
export class Recorder {
  readonly calls: IamCall[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(upstream: string): Promise<Recorder> {
    const { hostname, port } = new URL(upstream);
    const server = createServer((incoming: IncomingMessage, outgoing) => {
      const { method = 'GET', url = '/', headers } = incoming;
      const onward = httpRequest({ hostname, port, method, path: url, headers }, (response) => {
        recorder.calls.push(...ofS3(incoming, response.statusCode ?? 0));
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(outgoing);
      });
      onward.on('error', () => outgoing.destroy());
      incoming.pipe(onward);
    });
    const recorder = new Recorder(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return recorder;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What was asked since the last time, each kind once. */
  take(): readonly IamCall[] {
    const calls = this.calls.splice(0);
    return [...new Map(calls.map((call) => [JSON.stringify(call), call])).values()];
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
