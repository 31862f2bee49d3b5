import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../../src/server/host.ts';
import { readSettings, type Settings } from '../../../src/settings.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { caseLimits, furnish } from '../../api.cases.ts';

export interface Furnished extends AsyncDisposable {
  readonly store: Store;
  readonly settings: Settings;
}

/** A store of its own in a new folder, with the models of the cases, and settings for it. */
export const furnished = async (settings: Partial<Settings> = {}): Promise<Furnished> => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-api-'));
  const store = await openStore(folder);
  await furnish(store);
  const defaults = readSettings({ FOLIO_MODEL: 'tiny', LOG_LEVEL: 'silent', PORT: '0' });
  return {
    store,
    settings: { ...defaults, ...caseLimits, store: folder, ...settings },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
};

/** Sends requests as somebody on this machine who has opened the address that the server printed. */
export const callsOf =
  ({ app, writeKey }: Pick<Host, 'app' | 'writeKey'>) =>
  async (path: string, init?: RequestInit): Promise<Response> => {
    const request = new Request(new URL(path, 'http://localhost'), init);
    if (writeKey !== undefined && !request.headers.has('authorization')) {
      request.headers.set('authorization', `Bearer ${writeKey.key}`);
    }
    return app.fetch(request, { remoteAddress: '127.0.0.1' });
  };
