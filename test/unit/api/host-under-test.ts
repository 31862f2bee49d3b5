import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
