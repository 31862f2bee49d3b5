import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { createHost } from '../../../src/server/host.ts';
import { readSettings } from '../../../src/settings.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { apiCases, caseLimits, furnish } from '../../api.cases.ts';

describe('the bare app', () => {
  let folder: string;
  afterAll(() => rm(folder, { recursive: true, force: true }));
  apiCases(async () => {
    folder = await mkdtemp(join(tmpdir(), 'folio-api-'));
    const store = await openStore(folder);
    await furnish(store);
    const settings = { ...readSettings({ FOLIO_MODEL: 'tiny', LOG_LEVEL: 'silent' }), ...caseLimits };
    const { app } = await createHost({ ...settings, store: folder });
    return {
      store,
      fetch: async (path, init) =>
        app.fetch(new Request(`http://localhost${path}`, init), { remoteAddress: '127.0.0.1' }),
    };
  });
});
