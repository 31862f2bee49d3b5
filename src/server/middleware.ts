import { getRequestListener, RequestError } from '@hono/node-server';
import type { Request as ExpressRequest, RequestHandler } from 'express';
import { errorBody, errorStatus } from '../api/response/error-response.ts';
import { FolioError } from '../errors.ts';
import { readSettings, type Settings } from '../settings.ts';
import { createHost, type Host } from './host.ts';

/**
 * Folio inside an Express app, at whatever path it is mounted:
 *
 * ```ts
 * app.use('/folio', folio({ store: 'my-models' }));
 * ```
 *
 * @param settings Win over the environment's, which win over the defaults: see docs/api.md.
 */
export const folio = (settings: Partial<Settings> = {}): RequestHandler => {
  let host: Promise<Host> | undefined;
  return serveHost(() => {
    host ??= createHost({ ...readSettings(), ...settings }).catch((error: unknown) => {
      host = undefined;
      throw error;
    });
    return host;
  });
};

/** Hands Express' requests to the app as standard ones, and its answers back as they are made. */
export const serveHost = (host: () => Promise<Host>): RequestHandler => {
  const listener = getRequestListener(
    async (request, { incoming }) =>
      (await host()).app.fetch(request, { remoteAddress: incoming.socket.remoteAddress }),
    {
      overrideGlobalObjects: false, // the globals belong to whoever mounts this
      errorHandler: (error) => {
        const shown =
          error instanceof RequestError
            ? new FolioError('invalid_request', `The request cannot be read: ${error.message}.`)
            : error;
        return Response.json(errorBody(shown), { status: errorStatus(shown) });
      },
    },
  );
  return (request, response, next) => {
    // The page's addresses are relative to the mount path, which has to end with a slash for that.
    if (request.method === 'GET' && request.baseUrl !== '' && request.originalUrl === request.baseUrl) {
      response.redirect(308, `${request.baseUrl}/`);
      return;
    }
    keepParsedBody(request);
    listener(request, response).catch(next);
  };
};

/** A body that a parser has read before us is put where the listener finds it. */
const keepParsedBody = (request: ExpressRequest & { rawBody?: Buffer }): void => {
  const body: unknown = request.body;
  if (body === undefined || request.rawBody !== undefined || !request.readableEnded) return;
  if (Buffer.isBuffer(body)) request.rawBody = body;
  else request.rawBody = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
};
