import type { Pages } from '../deps.ts';
import { playgroundPaths } from './page-paths.ts';

/** Reads a file of the built page: `index.html`, `service-worker.js`, `assets/page.js`. */
export type ReadPageFile = (path: string) => Promise<Uint8Array | undefined>;

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  woff2: 'font/woff2',
  webmanifest: 'application/manifest+json',
};

/** Nothing from elsewhere, nothing inline; WebAssembly is the engine's. */
const policy = (uploads: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    ["connect-src 'self'", ...uploads].join(' '),
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');

interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

const etagOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return `"${Buffer.from(digest).toString('hex', 0, 12)}"`;
};

/** The path inside the built page, wherever the app is mounted. */
const pathOf = (url: string): string => {
  const { pathname } = new URL(url);
  if (pathname.endsWith('/service-worker.js')) return 'service-worker.js';
  return /\/(assets\/[\w.-]+)$/.exec(pathname)?.[1] ?? 'index.html';
};

/**
 * The playground at `/`: files that a browser keeps and asks after, under a strict content security policy.
 *
 * @param uploads Origins beside the page's own that corpora are uploaded to: a bucket's.
 */
export const playground = (read: ReadPageFile, uploads: readonly string[] = []): Pages => {
  const contentSecurityPolicy = policy(uploads);
  const files = new Map<string, PageFile>();
  const load = async (path: string): Promise<PageFile | undefined> => {
    const known = files.get(path);
    if (known) return known;
    const found = await read(path);
    if (!found) return undefined;
    const bytes = new Uint8Array(found);
    const file = { bytes, etag: await etagOf(bytes) };
    files.set(path, file);
    return file;
  };
  return {
    paths: playgroundPaths,
    async fetch(request) {
      const path = pathOf(request.url);
      const file = await load(path);
      if (!file) {
        const advice = path === 'index.html' ? ' `npm run build` builds the playground.' : '';
        return new Response(`There is no such file.${advice}`, { status: 404 });
      }
      const headers = {
        'content-type': types[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
        'content-security-policy': contentSecurityPolicy,
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
        etag: file.etag,
      };
      if (request.headers.get('if-none-match') === file.etag)
        return new Response(null, { status: 304, headers });
      return new Response(file.bytes, { headers });
    },
  };
};
