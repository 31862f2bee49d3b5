import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener, RequestError } from '@hono/node-server';
import { errorBody, errorStatus } from '../api/response/error-response.ts';
import { FolioError } from '../errors.ts';
import { readSettings, type Settings } from '../settings.ts';
import { createHost, type Host } from './host.ts';
import { createLogger } from './log.ts';

/** What Express adds to a request, as far as it is looked at here. */
interface MountedRequest extends IncomingMessage {
  readonly baseUrl?: string;
  readonly originalUrl?: string;
  readonly body?: unknown;
  rawBody?: Buffer;
}

/** Of a request or response of Node's or Express', what distinguishes it from other things. */
interface NodeMessage {
  setTimeout(milliseconds: number): unknown;
  readonly destroyed: boolean;
}

/**
 * A handler for `app.use`. A request is Node's IncomingMessage and a response its ServerResponse; the types are plain so that
 * whoever imports them needs neither Node's types nor those of Express.
 */
export type Middleware = (
  request: NodeMessage & { readonly url?: string | undefined; readonly headers: object },
  response: NodeMessage & { readonly headersSent: boolean },
  next: (error?: unknown) => void,
) => void;

/**
 * Folio inside an Express app, at whatever path it is mounted:
 *
 * ```ts
 * app.use('/folio', folio({ store: 'my-models' }));
 * ```
 *
 * @param settings Win over the environment's, which win over the defaults: see docs/api.md.
 */
export const folio = (settings: Partial<Settings> = {}): Middleware => {
  let host: Promise<Host> | undefined;
  return serveHost(() => {
    host ??= createReportingHost({ ...readSettings(), ...settings }).catch((error: unknown) => {
      host = undefined;
      throw error;
    });
    return host;
  });
};

/** A host that logs why its default model cannot be opened, where nobody else says it. */
const createReportingHost = async (settings: Settings): Promise<Host> => {
  const host = await createHost(settings);
  void host.defaultModelFault.then(async (fault) => {
    if (!fault) return;
    const logger = await createLogger(settings.logLevel);
    logger.warn(`The model ${settings.model} cannot be opened: ${fault.message}`);
  });
  return host;
};

/** Hands Express' requests to the app as standard ones, and its answers back as they are made. */
export const serveHost = (host: () => Promise<Host>): Middleware => {
  const listener = getRequestListener(
    async (request, { incoming }) => {
      const response = await (await host()).app.fetch(request, {
        remoteAddress: incoming.socket.remoteAddress,
        httpVersion: incoming.httpVersion,
      });
      return fromMountPath(response, incoming as MountedRequest);
    },
    {
      overrideGlobalObjects: false, // the globals belong to whoever mounts this
      errorHandler: (error) => {
        const shown =
          error instanceof RequestError
            ? new FolioError('invalid_request', `The request cannot be read: ${error.message}.`)
            : error;
        return new Response(`${JSON.stringify(errorBody(shown))}\n`, {
          status: errorStatus(shown),
          headers: { 'content-type': 'application/json' },
        });
      },
    },
  );
  return (incoming, outgoing, next) => {
    const request = incoming as MountedRequest;
    const response = outgoing as ServerResponse;
    const { baseUrl = '', originalUrl = '' } = request;
    const [path, query] = originalUrl.split(/\?(.*)/s);
    // The page's addresses are relative to the mount path, which has to end with a slash for that.
    if (request.method === 'GET' && baseUrl !== '' && path === baseUrl) {
      response.writeHead(308, { location: `${baseUrl}/${query === undefined ? '' : `?${query}`}` }).end();
      return;
    }
    keepParsedBody(request);
    listener(request, response).catch(next);
  };
};

/** The mount path is part of the address that clients know, and of no route. */
const fromMountPath = (response: Response, { baseUrl = '' }: MountedRequest): Response => {
  if (baseUrl === '' || (response.status !== 201 && response.status !== 202)) return response;
  const location = response.headers.get('location');
  if (location?.startsWith('/')) response.headers.set('location', baseUrl + location);
  return response;
};

/** A body that a parser has read before us is put where the listener finds it. */
const keepParsedBody = (request: MountedRequest): void => {
  const { body } = request;
  if (body === undefined || request.rawBody !== undefined || !request.readableEnded) return;
  if (Buffer.isBuffer(body)) request.rawBody = body;
  else request.rawBody = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
};
