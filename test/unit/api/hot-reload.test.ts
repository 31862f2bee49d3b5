import { expect, test } from 'vitest';
import { FolioClient } from '../../../src/client/client.ts';
import { startServer } from '../../../src/server/server.ts';
import { publishVersion } from '../../../src/store/models.ts';
import { tinyModel } from '../../tiny-model.ts';
import { furnished } from './host-under-test.ts';

test('a new version is served next, while a running request ends on the one that it began with', async () => {
  await using place = await furnished({ reloadSeconds: 0, modelCacheBytes: 1, maximumLength: 100_000 });
  const server = await startServer(place.settings);
  const folio = new FolioClient({ baseUrl: server.url });
  const request = { prompt: 'Once', length: 20_000, seed: 1 };

  const stream = await folio.stream(request);
  let text = '';
  let published = false;
  const newer = tinyModel({ seed: 9, createdAt: new Date('2026-02-03T04:05:06Z') });
  for await (const piece of stream) {
    text += piece;
    if (published) continue;
    published = true;
    await publishVersion(place.store, newer);
    expect((await folio.generate({ length: 5 })).version).toBe(newer.version);
  }
  expect(text).toHaveLength(20_000);
  expect(stream.receipt.version).not.toBe(newer.version);
  // Its model had left the cache of one byte long before; loaded again, it writes the same.
  const again = await folio.generate({ ...stream.receipt, prompt: 'Once' });
  expect(again.text).toBe(text);
  await server.close(0);
});
