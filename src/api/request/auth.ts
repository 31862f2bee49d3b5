import { createHash, timingSafeEqual } from 'node:crypto';
import { FolioError } from '../../errors.ts';

/** `write` uploads, trains, activates and removes; everything else is `read`. */
export type Scope = 'read' | 'write';

export interface Caller {
  /** Distinguishes callers in limits and logs; never the key itself. */
  readonly id: string;
  readonly rights: readonly Scope[];
  /** Somebody on this machine who needed no key. */
  readonly withoutKey?: true;
}

export interface AuthRequest {
  /** As the client addressed it. */
  readonly url: string;
  readonly headers: Headers;
  /** The address at the other end of the connection, where the host knows it. */
  readonly remoteAddress?: string | undefined;
  /** Of HTTP, where the host knows it: `1.1`. */
  readonly httpVersion?: string | undefined;
  /** What the host adds, such as API Gateway's request context. */
  readonly host?: unknown;
}

/** @throws FolioError `unauthorized` or `forbidden` */
export type Authorise = (request: AuthRequest) => Caller;

export interface Keys {
  /** Keys that may generate and look. */
  readonly read: readonly string[];
  /** Keys that may do everything. */
  readonly write: readonly string[];
}

/** The key of `Authorization: Bearer …` or `x-api-key: …`. */
const keyOf = (headers: Headers): string | undefined =>
  /^Bearer\s+(\S+)\s*$/i.exec(headers.get('authorization') ?? '')?.[1] ??
  headers.get('x-api-key') ??
  undefined;

const hash = (key: string): Buffer => createHash('sha256').update(key).digest();

const loopback = /^(?:::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/;
const loopbackName = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

export const isLoopback = (address: string | undefined): boolean => loopback.test(address ?? '');

/** Headers that proxies, balancers and content networks add, and clients do not. */
const proxyHeader =
  /^(?:forwarded|via|x-forwarded(?:-.+)?|x-real-ip|x-original-.+|x-(?:cluster-)?client-ip|true-client-ip|x-envoy-.+|x-amzn-.+|x-amz-cf-id|x-azure-.+|x-cloud-trace-context|x-appengine-.+|cf-.+|cdn-loop|fastly-.+|fly-.+|x-vercel-.+|x-nf-.+|x-varnish|x-haproxy-.+|x-arr-.+|x-proxy.*|proxy-.+|ngrok-.+|tailscale-.+)$/;

/**
 * Whether the request was made on this machine, by somebody who sits at it, as far as can be seen: over loopback, with no sign of a
 * proxy, to a name of loopback (a page that rebinds its own name to 127.0.0.1 sends that name), and from no foreign page.
 */
const fromThisMachine = (
  { url, headers, remoteAddress, httpVersion }: AuthRequest,
  origins: readonly string[],
): boolean => {
  if (!isLoopback(remoteAddress)) return false;
  if (httpVersion === '1.0') return false; // as nginx speaks to the servers behind it, and hardly any client still does
  if ([...headers.keys()].some((name) => proxyHeader.test(name))) return false;
  const target = new URL(url);
  if (!loopbackName.test(target.hostname)) return false;
  const origin = headers.get('origin');
  // What a foreign page embeds, such as an image, comes without an origin but says where it is from; another port of
  // this machine is the same site.
  const site = headers.get('sec-fetch-site');
  const embedded =
    (site === 'cross-site' || site === 'same-site') && headers.get('sec-fetch-mode') !== 'navigate';
  if (origin === null) return !embedded;
  return origin === target.origin || origins.includes(origin);
};

export interface AuthOptions {
  /** Pages of other origins that may call without a key, as CORS lets them. */
  readonly origins?: readonly string[];
  /** Where there are no keys: the one that gives the right to write. */
  readonly localWriteKey?: string | undefined;
}

/**
 * With keys, every request needs one. Without any, requests from this machine may read; all others, and whoever writes,
 * need the local write key.
 */
export const authoriseByKeys = (
  { read, write }: Keys,
  { origins = [], localWriteKey }: AuthOptions = {},
): Authorise => {
  const hasKeys = read.length + write.length > 0;
  const writers = hasKeys || localWriteKey === undefined ? write : [localWriteKey];
  const known = [
    ...writers.map((key) => ({ digest: hash(key), rights: ['read', 'write'] as const })),
    ...read.map((key) => ({ digest: hash(key), rights: ['read'] as const })),
  ];
  return (request) => {
    const key = keyOf(request.headers);
    const digest = key === undefined ? undefined : hash(key);
    const found = digest && known.filter((one) => timingSafeEqual(one.digest, digest))[0];
    if (found) return { id: digest.toString('hex', 0, 6), rights: found.rights };
    if (!hasKeys) {
      if (fromThisMachine(request, origins)) return { id: 'local', rights: ['read'], withoutKey: true };
      throw new FolioError(
        'unauthorized',
        'Without an API key, this server answers requests from its own machine alone; set FOLIO_API_KEYS to open it.',
      );
    }
    throw new FolioError(
      'unauthorized',
      key === undefined
        ? 'An API key is needed: send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.'
        : 'The API key is not one of this server’s.',
    );
  };
};

/** @throws FolioError `forbidden`, or `unauthorized` for whoever needed no key to read */
export const requireScope = (caller: Caller, right: Scope): void => {
  if (caller.rights.includes(right)) return;
  if (caller.withoutKey) {
    throw new FolioError(
      'unauthorized',
      `A key is needed to ${right}: it stands in the playground’s address that the server printed when it started, after #key=. Send it as \`Authorization: Bearer KEY\`, or set FOLIO_WRITE_KEYS.`,
    );
  }
  throw new FolioError('forbidden', `This API key has no right to ${right}.`);
};
