import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FolioClient, type TrainingJob } from '../../src/client/client.ts';
import { startServer } from '../../src/server/server.ts';
import { readSettings } from '../../src/settings.ts';
import { madeUpText } from './text.ts';

test('a corpus uploaded to a running server is trained on, published, and served without a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-upload-'));
  const settings = readSettings({
    FOLIO_STORE: folder,
    FOLIO_MODEL: 'kings',
    FOLIO_RELOAD_SECONDS: '0',
    LOG_LEVEL: 'silent',
    PORT: '0',
  });
  const server = await startServer(settings);
  try {
    const folio = new FolioClient({ baseUrl: server.url, apiKey: server.writeKey?.key ?? '' });
    const states: TrainingJob[] = [];
    const corpus = madeUpText(12_000);
    for await (const training of folio.train({ name: 'kings', corpus, preset: 'tiny' }))
      states.push(training);
    const last = states.at(-1);
    expect(last?.failure).toBeUndefined();
    expect(last?.state).toBe('published');
    expect(last?.history.length).toBeGreaterThan(0);
    expect(states.some(({ progress }) => progress !== undefined && progress.step > 0)).toBe(true);

    const { text, version, overlap } = await folio.generate({
      prompt: 'the king ',
      length: 200,
      temperature: 0.5,
      seed: 1,
      copy_guard: 60,
    });
    expect(version).toBe(last?.version);
    expect(text).toMatch(/\b(?:king|queen|said|sweet)\b/);
    expect(overlap?.characters).toBeLessThan(60);
  } finally {
    await server.close(0);
    await rm(folder, { recursive: true, force: true });
  }
});
