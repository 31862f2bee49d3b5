import { createHash, timingSafeEqual } from 'node:crypto';
import { FolioError } from '../../errors.ts';

/** `write` uploads, trains, activates and removes; everything else is `read`. */
export type Scope = 'read' | 'write';

export interface Caller {
  /** Distinguishes callers in limits and logs; never the key itself. */
  readonly id: string;
  readonly rights: readonly Scope[];
}

export interface AuthRequest {
  /** As the client addressed it. */
  readonly url: string;
  readonly headers: Headers;
  /** The address at the other end of the connection, where the host knows it. */
  readonly remoteAddress?: string | undefined;
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

/**
 * Whether the request was made on this machine, by somebody who sits at it: over loopback, through no proxy, to a
 * name of loopback (a page that rebinds its own name to 127.0.0.1 sends that name), and from no foreign page.
 */
const fromThisMachine = (
  { url, headers, remoteAddress }: AuthRequest,
  origins: readonly string[],
): boolean => {
  if (!isLoopback(remoteAddress)) return false;
  if (headers.has('x-forwarded-for') || headers.has('forwarded')) return false;
  const target = new URL(url);
  if (!loopbackName.test(target.hostname)) return false;
  const origin = headers.get('origin');
  // What a foreign page embeds, such as an image, comes without an origin but says where it is from.
  const embedded =
    headers.get('sec-fetch-site') === 'cross-site' && headers.get('sec-fetch-mode') !== 'navigate';
  if (origin === null) return !embedded;
  return origin === target.origin || origins.includes(origin);
};

/**
 * With keys, every request needs one. Without any, requests from this machine need none and all others are refused.
 *
 * @param origins Pages of other origins that may call without a key, as CORS lets them.
 */
export const authoriseByKeys = ({ read, write }: Keys, origins: readonly string[] = []): Authorise => {
  const known = [
    ...write.map((key) => ({ digest: hash(key), rights: ['read', 'write'] as const })),
    ...read.map((key) => ({ digest: hash(key), rights: ['read'] as const })),
  ];
  return (request) => {
    if (known.length === 0) {
      if (fromThisMachine(request, origins)) return { id: 'local', rights: ['read', 'write'] };
      throw new FolioError(
        'unauthorized',
        'Without an API key, this server answers requests from its own machine alone; set FOLIO_API_KEYS to open it.',
      );
    }
    const key = keyOf(request.headers);
    if (key === undefined) {
      throw new FolioError(
        'unauthorized',
        'An API key is needed: send it as `Authorization: Bearer KEY` or `x-api-key: KEY`.',
      );
    }
    const digest = hash(key);
    const found = known.filter((one) => timingSafeEqual(one.digest, digest))[0];
    if (!found) throw new FolioError('unauthorized', 'The API key is not one of this server’s.');
    return { id: digest.toString('hex', 0, 6), rights: found.rights };
  };
};

/** @throws FolioError `forbidden` */
export const requireScope = (caller: Caller, right: Scope): void => {
  if (caller.rights.includes(right)) return;
  throw new FolioError('forbidden', `This API key has no right to ${right}.`);
};
