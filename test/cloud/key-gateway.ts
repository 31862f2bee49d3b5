import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda';
import { handler as authorise } from '../../functions/authorise.ts';

/**
 * Stands in front of the emulator, which looks for a key in `x-api-key` alone and calls no authoriser: the real
 * authoriser reads the key, wherever it stands, and the emulator's usage plan judges it.
 */
export class KeyGateway {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** @param target The emulator's address. */
  static async start(target: string): Promise<KeyGateway> {
    const server = createServer(async (request, response) => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).flatMap(([name, value]) => {
          const own = ['host', 'connection', 'content-length', 'transfer-encoding'].includes(name);
          return own || value === undefined ? [] : [[name, String(value)]];
        }),
      );
      const event = { headers, methodArn: '*' } as unknown as APIGatewayRequestAuthorizerEvent;
      const { usageIdentifierKey } = await authorise(event);
      const body = await buffer(request);
      const answer = await fetch(target + request.url, {
        method: request.method ?? 'GET',
        headers: { ...headers, ...(usageIdentifierKey && { 'x-api-key': usageIdentifierKey }) },
        ...(body.length > 0 && { body }),
      });
      const given = Object.fromEntries(answer.headers);
      // What fetch has decoded is sent as it is.
      for (const name of ['content-encoding', 'content-length', 'transfer-encoding']) delete given[name];
      response.writeHead(answer.status, given).end(Buffer.from(await answer.arrayBuffer()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new KeyGateway(server);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
