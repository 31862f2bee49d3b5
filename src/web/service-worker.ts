/** The parts of the service worker's world that are used here; TypeScript's DOM library is the page's. */
interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface ServiceWorker extends EventTarget {
  readonly registration: { readonly scope: string };
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
}

/** Addresses of everything the page is made of, relative to it: filled in by the bundle. */
declare const SHELL: readonly string[];

const worker = globalThis as unknown as ServiceWorker;
const scope = new URL(worker.registration.scope);
const shellCache = 'folio-shell';
const modelCache = 'folio-models';

/** A version never changes, so a file of one that was fetched once is right for ever. */
const isModelFile = (url: URL): boolean => /\/v1\/models\/[^/]+(?:@|%40)[^/]+\/files\//.test(url.pathname);

/** What the page needs to come up: itself, and which models there are. */
const isShell = (url: URL): boolean => {
  const path = url.pathname.slice(scope.pathname.length);
  return SHELL.includes(path) || /^v1\/models(?:\/[^/]+\/versions)?$/.test(path);
};

const fromCacheFirst = async (request: Request): Promise<Response> => {
  const cache = await caches.open(modelCache);
  const kept = await cache.match(request.url);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await cache.put(request.url, response.clone());
  return response;
};

/** The server's answer while there is one; what was kept of it when there is none. */
const fromServerFirst = async (request: Request): Promise<Response> => {
  const cache = await caches.open(shellCache);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request.url, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request.url);
    if (kept) return kept;
    throw error;
  }
};

const keepShell = async (): Promise<void> => {
  const cache = await caches.open(shellCache);
  await cache.addAll(SHELL.map((path) => new URL(path, scope).href));
  await worker.skipWaiting();
};

worker.addEventListener('install', (event) => (event as ExtendableEvent).waitUntil(keepShell()));
worker.addEventListener('activate', (event) => (event as ExtendableEvent).waitUntil(worker.clients.claim()));
worker.addEventListener('fetch', (event) => {
  const { request, respondWith } = event as FetchEvent;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== scope.origin) return;
  if (isModelFile(url)) respondWith.call(event, fromCacheFirst(request));
  else if (isShell(url)) respondWith.call(event, fromServerFirst(request));
});
