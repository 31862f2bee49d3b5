import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a function sent back for one invocation, as it came. */
export interface Received {
  readonly status: 'answered' | 'failed';
  readonly headers: IncomingMessage['headers'];
  readonly trailers: IncomingMessage['trailers'];
  /** Each with the milliseconds since the invocation was handed out. */
  readonly chunks: readonly { readonly at: number; readonly bytes: Buffer }[];
  readonly body: Buffer;
}

export interface Invocation {
  readonly event: unknown;
  /** Milliseconds that the function is given. Default 60,000. */
  readonly timeout?: number;
  /** Called with what came so far, after each chunk; true hangs up, as a client that leaves. */
  readonly hangUp?: (bytes: Buffer) => boolean;
}

interface Pending extends Invocation {
  readonly id: string;
  handedOut: number;
  readonly resolve: (received: Received) => void;
}

const prefix = '/2018-06-01/runtime';

/** Lambda's Runtime API (version 2018-06-01) on loopback: what stands behind the runtime client in a function. */
export class RuntimeApi {
  readonly #server: Server;
  readonly #queue: Pending[] = [];
  readonly #handedOut = new Map<string, Pending>();
  #waiting: ServerResponse | undefined;
  #initFailed: (error: unknown) => void = () => {};
  /** Resolves with the error that the function reported instead of starting. */
  readonly initError = new Promise<unknown>((resolve) => {
    this.#initFailed = resolve;
  });
  #ready: () => void = () => {};
  /** Resolves when the function asks for work for the first time: its init phase is over. */
  readonly ready = new Promise<void>((resolve) => {
    this.#ready = resolve;
  });

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<RuntimeApi> {
    const api = new RuntimeApi();
    await once(api.#server.listen(0, '127.0.0.1'), 'listening');
    return api;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  invoke(invocation: Invocation): Promise<Received> {
    return new Promise((resolve) => {
      this.#queue.push({ ...invocation, id: randomUUID(), handedOut: 0, resolve });
      this.#handOut();
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.replace(prefix, '') ?? '';
    if (path === '/invocation/next') {
      this.#waiting = response;
      this.#ready();
      this.#handOut();
      return;
    }
    if (path === '/init/error') {
      const { body } = await collect(request);
      this.#initFailed(JSON.parse(body.toString()));
      response.writeHead(202).end();
      return;
    }
    const [, id = '', kind] = /^\/invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    const pending = this.#handedOut.get(id);
    if (!pending) {
      response.writeHead(404).end();
      return;
    }
    this.#handedOut.delete(id);
    const { chunks, body } = await collect(request, pending);
    if (request.complete) response.writeHead(202).end();
    const status = kind === 'error' ? 'failed' : 'answered';
    pending.resolve({ status, headers: request.headers, trailers: request.trailers, chunks, body });
  }

  #handOut(): void {
    const response = this.#waiting;
    const next = response && this.#queue.shift();
    if (!response || !next) return;
    this.#waiting = undefined;
    this.#handedOut.set(next.id, next);
    next.handedOut = performance.now();
    response.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': next.id,
      'lambda-runtime-deadline-ms': String(Date.now() + (next.timeout ?? 60_000)),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:123456789012:function:test',
      'lambda-runtime-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0',
    });
    response.end(JSON.stringify(next.event));
  }
}

/** Reads a function's answer chunk by chunk, and breaks off where the client is to leave. */
async function collect(
  request: IncomingMessage,
  pending?: Pending,
): Promise<Pick<Received, 'chunks' | 'body'>> {
  const chunks: { at: number; bytes: Buffer }[] = [];
  const began = pending?.handedOut ?? 0;
  try {
    for await (const bytes of request as AsyncIterable<Buffer>) {
      chunks.push({ at: performance.now() - began, bytes });
      if (pending?.hangUp?.(Buffer.concat(chunks.map((chunk) => chunk.bytes)))) request.socket.destroy();
    }
  } catch {
    // The function broke off: what came is what there is.
  }
  return { chunks, body: Buffer.concat(chunks.map((chunk) => chunk.bytes)) };
}
