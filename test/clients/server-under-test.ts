import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../../src/server/server.ts';
import { readSettings } from '../../src/settings.ts';
import { openStore } from '../../src/store/open-store.ts';
import { publishTinyModel } from '../tiny-model.ts';

export interface ServerUnderTest extends AsyncDisposable {
  readonly url: string;
}

/** The local server as `npm start` runs it, with one small model. */
export const serve = async (environment: Readonly<Record<string, string>> = {}): Promise<ServerUnderTest> => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-clients-'));
  await publishTinyModel(await openStore(folder));
  const server = await startServer(
    readSettings({
      FOLIO_STORE: folder,
      FOLIO_MODEL: 'tiny',
      PORT: '0',
      LOG_LEVEL: 'silent',
      FOLIO_UNKNOWN: 'nearest',
      ...environment,
    }),
  );
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server.close(0);
      await rm(folder, { recursive: true, force: true });
    },
  };
};
