import type { Writable } from 'node:stream';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import type { HostBindings } from '../src/api/deps.ts';
import { readerIdleMs } from '../src/api/response/body-stream.ts';

/** The app, as API Gateway's REST APIs call it. */
export type Answer = (request: Request, host: HostBindings, context: Context) => Response | Promise<Response>;

/** The request that API Gateway describes. Its path is the one below the stage. */
function requestOf(event: APIGatewayProxyEvent, signal?: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, values] of Object.entries(event.multiValueHeaders ?? {})) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(event.multiValueQueryStringParameters ?? {})) {
    for (const value of values ?? []) query.append(name, value);
  }
  const host = event.requestContext.domainName ?? headers.get('host') ?? 'localhost';
  const url = `https://${host}${event.path}${query.size > 0 ? `?${query}` : ''}`;
  return new Request(url, {
    method: event.httpMethod,
    headers,
    // A client may send one with GET, where a request has none.
    ...(event.body !== null &&
      !/^(?:GET|HEAD)$/.test(event.httpMethod) && {
        body: event.isBase64Encoded ? Buffer.from(event.body, 'base64') : event.body,
      }),
    ...(signal && { signal }),
  });
}

const hostOf = ({ requestContext }: APIGatewayProxyEvent): HostBindings => ({
  remoteAddress: requestContext.identity.sourceIp,
  requestContext,
});

/** The stage is part of the address that clients know, and of no route. */
const responseHeaders = (event: APIGatewayProxyEvent, headers: Headers): Record<string, string> => {
  const all = Object.fromEntries(headers);
  const { location } = all;
  const { path } = event.requestContext;
  const stage = path.endsWith(event.path) ? path.slice(0, path.length - event.path.length) : '';
  return location?.startsWith('/') ? { ...all, location: stage + location } : all;
};

const hangUps: readonly unknown[] = ['ECONNRESET', 'EPIPE'];

/**
 * The runtime client leaves a rejection to nobody when the other end hangs up on an answer, and Node would end the
 * environment for it, its loaded model included. Any other such rejection is a bug and ends it as ever.
 */
const surviveHangUps = (): void => {
  process.on('unhandledRejection', (error: NodeJS.ErrnoException) => {
    if (!hangUps.includes(error?.code)) throw error;
  });
};

/**
 * Sends each chunk of the answer's body as it is made. What goes wrong before the first byte is an answer with its
 * status; afterwards it is for the app to say so within the body, and what it cannot foresee ends the invocation
 * with an error, so that nobody takes half an answer for a whole one.
 *
 * The gateway does not say that its client has left: it takes the rest, up to the limit of the request's time. Where it
 * takes nothing for so long, the answer ends.
 *
 * @param idleMs Milliseconds.
 */
export const streamed = (answer: Answer, idleMs = readerIdleMs): unknown => {
  surviveHangUps();
  return awslambda.streamifyResponse<APIGatewayProxyEvent>(async (event, stream, context) => {
    const client = new AbortController();
    const gone = () => client.abort();
    stream.once('close', gone);
    stream.once('error', gone);
    const response = await answer(requestOf(event, client.signal), hostOf(event), context);
    const out = awslambda.HttpResponseStream.from(stream, {
      statusCode: response.status,
      headers: responseHeaders(event, response.headers),
    });
    if (response.body === null) out.write(''); // sends the prelude
    for await (const chunk of response.body ?? []) {
      if (client.signal.aborted) return; // leaving the loop cancels the body, and with it the generation
      if (!out.write(chunk)) await drained(out, client.signal, idleMs);
    }
    await new Promise<void>((resolve) => out.end(resolve));
  });
};

const drained = (stream: Writable, gone: AbortSignal, idleMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      stream.off('drain', done);
      gone.removeEventListener('abort', done);
    };
    const done = () => {
      settle();
      resolve();
    };
    const timer = setTimeout(() => {
      settle();
      reject(new Error('The reader of a response took nothing for too long.'));
    }, idleMs);
    stream.once('drain', done);
    gone.addEventListener('abort', done);
  });

const isText = (type: string | null): boolean =>
  type === null || /^text\/|[/+](?:json|xml|javascript)\b|event-stream/.test(type);

/** The same app with whole answers. */
export const buffered =
  (answer: Answer) =>
  async (event: APIGatewayProxyEvent, context: Context): Promise<APIGatewayProxyResult> => {
    const response = await answer(requestOf(event), hostOf(event), context);
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = isText(response.headers.get('content-type'));
    return {
      statusCode: response.status,
      headers: responseHeaders(event, response.headers),
      body: bytes.toString(text ? 'utf8' : 'base64'),
      isBase64Encoded: !text,
    };
  };
