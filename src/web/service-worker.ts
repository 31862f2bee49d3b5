/** The parts of the service worker's scope that are used here; TypeScript's DOM library is the page's. */
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

/** Addresses of everything the page is made of, relative to it, and the digest of it all: filled in by the bundle. */
declare const SHELL: readonly string[];
declare const BUILD: string;

const worker = globalThis as unknown as ServiceWorker;
const scope = new URL(worker.registration.scope);

const shellPrefix = 'folio-shell';
const shellCache = `${shellPrefix}-${BUILD}`;
const listCache = 'folio-lists';
const modelCache = 'folio-models';

/** NAME and VERSION of a model's file or details. A version never changes: what was fetched once stays right. */
const versionOf = (url: string): readonly [name: string, version: string] | undefined => {
  const [, name, version] =
    /\/v1\/models\/([^/@]+)@([^/]+)(?:\/files\/|$)/.exec(new URL(url).pathname.replace('%40', '@')) ?? [];
  return name === undefined || version === undefined ? undefined : [name, version];
};

/** The cache in which an answer is kept for when the server cannot be reached. */
const cacheOf = (url: URL): string | undefined => {
  const path = url.pathname.slice(scope.pathname.length);
  if (SHELL.includes(path)) return shellCache;
  return /^v1\/models(?:\/[^/]+\/versions)?$/.test(path) ? listCache : undefined;
};

/** What is cached for an address. A cache that cannot be read holds nothing. */
const find = async (name: string, url: string): Promise<Response | undefined> => {
  try {
    return await (await caches.open(name)).match(url, { ignoreSearch: name === shellCache });
  } catch {
    return undefined;
  }
};

/** Keeps an answer, if there is room for it. */
const keep = async (name: string, url: string, response: Response): Promise<void> => {
  try {
    const cache = await caches.open(name);
    await cache.put(url, response);
    if (url.includes('/files/')) await removeOtherVersions(cache, url);
  } catch {
    // The page has its answer; it will be fetched again.
  }
};

const removeOtherVersions = async (cache: Cache, url: string): Promise<void> => {
  const [name, version] = versionOf(url) ?? [];
  for (const kept of await cache.keys()) {
    const [otherName, otherVersion] = versionOf(kept.url) ?? [];
    if (otherName === name && otherVersion !== version) await cache.delete(kept);
  }
};

const fetchAndKeep = async (event: FetchEvent, name: string): Promise<Response> => {
  const response = await fetch(event.request);
  if (response.status === 200) event.waitUntil(keep(name, event.request.url, response.clone()));
  return response;
};

const fromCacheFirst = async (event: FetchEvent, name: string): Promise<Response> =>
  (await find(name, event.request.url)) ?? fetchAndKeep(event, name);

/** The server's answer, or what was kept of an earlier one where the server cannot be reached. */
const fromServerFirst = async (event: FetchEvent, name: string): Promise<Response> => {
  try {
    return await fetchAndKeep(event, name);
  } catch (error) {
    const kept = await find(name, event.request.url);
    if (kept) return kept;
    throw error;
  }
};

const install = async (): Promise<void> => {
  const cache = await caches.open(shellCache);
  await cache.addAll(SHELL.map((path) => new URL(path, scope).href));
  await worker.skipWaiting();
};

const activate = async (): Promise<void> => {
  await worker.clients.claim();
  const old = (await caches.keys()).filter((name) => name.startsWith(shellPrefix) && name !== shellCache);
  await Promise.all(old.map((name) => caches.delete(name)));
};

worker.addEventListener('install', (event) => (event as ExtendableEvent).waitUntil(install()));
worker.addEventListener('activate', (event) => (event as ExtendableEvent).waitUntil(activate()));
worker.addEventListener('fetch', (event) => {
  const fetchEvent = event as FetchEvent;
  const { request } = fetchEvent;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== scope.origin) return;
  if (versionOf(request.url)) fetchEvent.respondWith(fromCacheFirst(fetchEvent, modelCache));
  else {
    const cache = cacheOf(url);
    if (cache !== undefined) fetchEvent.respondWith(fromServerFirst(fetchEvent, cache));
  }
});
