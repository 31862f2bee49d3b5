import { PressError } from './generation.ts';

/** Relative to the page, so that it works wherever the app is mounted. */
export const address = (path: string): string => new URL(path, document.baseURI).href;

const keyName = 'folio-key';

export const storedKey = (): string | undefined => localStorage.getItem(keyName) ?? undefined;
export const storeKey = (key: string): void => localStorage.setItem(keyName, key);

/** Set by the page: asks the person for a key. @returns whether one was given */
let askForKey: () => Promise<boolean> = () => Promise.resolve(false);
export const whenKeyIsNeeded = (ask: () => Promise<boolean>): void => {
  askForKey = ask;
};

export const headers = (extra: Readonly<Record<string, string>> = {}): Record<string, string> => {
  const key = storedKey();
  return key === undefined ? { ...extra } : { ...extra, authorization: `Bearer ${key}` };
};

const explain = async (response: Response): Promise<PressError> => {
  const body: unknown = await response.json().catch(() => undefined);
  const error = (body as { error?: { message?: unknown } } | undefined)?.error;
  const message =
    typeof error?.message === 'string' ? error.message : `The server answered ${response.status}.`;
  return new PressError(message, response.status);
};

/** Calls the API; asks for a key when it wants one. @throws PressError with the server's own message */
export const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
  const send = () =>
    fetch(address(path), { ...init, headers: headers(init.headers as Record<string, string> | undefined) });
  let response: Response;
  try {
    response = await send();
    if (response.status === 401 && (await askForKey())) response = await send();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new PressError('The server cannot be reached.');
  }
  if (!response.ok) throw await explain(response);
  return response;
};

/** What the API answers, as the caller knows it: the server that ships this page speaks its contract. */
export const callJson = async <Answer>(path: string, init?: RequestInit): Promise<Answer> =>
  (await (await call(path, init)).json()) as Answer;
