import { ApiError, FolioClient } from '../client/client.ts';
import { splitKey } from './link.ts';

/** Relative to the page, so that it works wherever the app is mounted. */
export const address = (path: string): string => new URL(path, document.baseURI).href;

const keyName = 'folio-key';
const addressKeyName = 'folio-key-of-address';

/** The key that a visitor gave because the server wanted one. */
export const givenKey = (): string | undefined => localStorage.getItem(keyName) ?? undefined;
export const storeKey = (key: string): void => localStorage.setItem(keyName, key);

/**
 * Takes a key out of the page's address, as a server without keys of its own prints it, and keeps it in this browser:
 * writing alone needs it.
 */
export const takeKeyFromAddress = (): void => {
  const { key, rest } = splitKey(location.hash);
  if (key === undefined) return;
  localStorage.removeItem(keyName);
  localStorage.setItem(addressKeyName, key);
  history.replaceState(null, '', rest === '' ? location.pathname + location.search : `#${rest}`);
};

/** Set by the page: asks the visitor for a key. @returns whether one was given */
let askForKey: () => Promise<boolean> = () => Promise.resolve(false);
export const whenKeyIsNeeded = (ask: () => Promise<boolean>): void => {
  askForKey = ask;
};

export const headers = (extra: Readonly<Record<string, string>> = {}): Record<string, string> => {
  const key = givenKey() ?? localStorage.getItem(addressKeyName) ?? undefined;
  return key === undefined ? { ...extra } : { ...extra, authorization: `Bearer ${key}` };
};

/** Fetches with the stored key; asks for one when the server wants it. */
const authorizedFetch: typeof fetch = async (input, init = {}) => {
  const send = () =>
    fetch(input, { ...init, headers: headers(Object.fromEntries(new Headers(init.headers))) });
  try {
    const response = await send();
    return response.status === 401 && (await askForKey()) ? await send() : response;
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Error('The server cannot be reached.', { cause: error });
  }
};

/** Where the API is, without a slash at the end. */
export const serverUrl = (): string => address('.').replace(/\/$/, '');

export const folio = new FolioClient({ baseUrl: serverUrl(), fetch: authorizedFetch });

/** Calls what the client has no method for. @throws ApiError in the server's own words */
export const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
  const response = await authorizedFetch(address(path), init);
  if (response.ok) return response;
  const { error } = (await response.json()) as { error: ConstructorParameters<typeof ApiError>[1] };
  throw new ApiError(response.status, error);
};

/** The answer as the caller's type: page and server are of the same version. */
export const callJson = async <Body>(path: string): Promise<Body> =>
  (await (await call(path)).json()) as Body;
