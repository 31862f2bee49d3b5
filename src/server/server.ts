import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '../api/request/auth.ts';
import { FolioError } from '../errors.ts';
import { withPackage } from '../optional-package.ts';
import type { Settings } from '../settings.ts';
import type { GivenAlphabet } from '../store/open-models.ts';
import { createHost } from './host.ts';
import { answerMalformed } from './malformed-request.ts';
import { serveHost } from './middleware.ts';
import { endSilentRequest } from './silent-request.ts';
import type { WriteKey } from './write-key.ts';

export interface RunningServer {
  readonly url: string;
  /** Why the default model cannot be opened; undefined once it is open. Never rejects. */
  readonly defaultModelFault: Promise<Error | undefined>;
  /** What gives the right to write, where there are no keys. */
  readonly writeKey: WriteKey | undefined;
  /** Takes no more requests, lets those under way end, for `graceMilliseconds` at most, and frees everything. */
  close(graceMilliseconds?: number): Promise<void>;
}

/** Milliseconds in which streams that are ended may still send an error to their readers. */
const stopMilliseconds = 1000;

/** Milliseconds for which a quiet connection stays open: longer than the 60 seconds of usual load balancers. */
const keepAliveMilliseconds = 65_000;

/** Milliseconds in which a request has to be whole: 100 MB over a line of 250 kbit/s. Node's own 5 minutes need one of 3 Mbit/s. */
const requestMilliseconds = 3_600_000;

/**
 * The embedded default: Express over the app.
 *
 * @param defaultAlphabet Of the default model, in place of what it carries.
 * @throws FolioError when it cannot listen, or may not without a key
 */
export const startServer = async (
  settings: Settings,
  defaultAlphabet?: GivenAlphabet,
): Promise<RunningServer> => {
  const hasKeys = settings.apiKeys.length + settings.writeKeys.length > 0;
  if (!hasKeys && settings.host !== 'localhost' && !isLoopback(settings.host)) {
    throw new FolioError(
      'unauthorized',
      `To listen on ${settings.host}, beyond this machine, an API key is needed: set FOLIO_API_KEYS.`,
      { where: 'HOST', expected: 'a loopback address, or FOLIO_API_KEYS', received: settings.host },
    );
  }
  const { default: express } = await withPackage('express', () => import('express'));
  const host = await createHost(settings, undefined, undefined, defaultAlphabet);
  const server = express()
    .disable('x-powered-by')
    .use(serveHost(() => Promise.resolve(host)))
    .listen(settings.port, settings.host);
  server.on('clientError', answerMalformed);
  server.on('request', (request, response) => endSilentRequest(request, response));
  server.keepAliveTimeout = keepAliveMilliseconds;
  server.headersTimeout = keepAliveMilliseconds + 1000;
  server.requestTimeout = requestMilliseconds;
  try {
    await once(server, 'listening');
  } catch (error) {
    await host.close();
    throw cannotListen(settings, error);
  }
  const { address, family, port } = server.address() as AddressInfo;
  return {
    defaultModelFault: host.defaultModelFault,
    writeKey: host.writeKey,
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: async (graceMilliseconds = 10_000) => {
      const closed = once(server, 'close');
      server.close();
      // A connection whose answer ends now would be kept open for another request.
      const idle = setInterval(() => server.closeIdleConnections(), 50);
      // What still runs shortly before the end is ended by an error that its reader receives.
      const stop = setTimeout(() => host.stop(), Math.max(0, graceMilliseconds - stopMilliseconds));
      const cut = setTimeout(() => server.closeAllConnections(), graceMilliseconds);
      await Promise.all([closed, host.close()]);
      for (const timer of [idle, stop, cut]) clearTimeout(timer);
    },
  };
};

const cannotListen = ({ host, port }: Settings, error: unknown): FolioError => {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const why = code === 'EADDRINUSE' ? 'something else listens there already' : `the system says ${code}`;
  return new FolioError(
    'unavailable',
    `Cannot listen on ${host}:${port}: ${why}. Choose another with --port, or set PORT.`,
    {
      where: 'PORT',
      received: String(port),
      cause: error,
    },
  );
};
