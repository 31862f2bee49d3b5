import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { concurrentTrainings } from '../../../src/cli/concurrent-trainings.ts';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { queuedRecord, writeRecord } from '../../../src/training-jobs/records.ts';

const folder = mkdtempSync(join(tmpdir(), 'folio-concurrent-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('reports each other running training of a model once', async () => {
  const store = new FolderStore(folder);
  const write = (id: string, model: string, state: 'running' | 'published', ago = 0) =>
    writeRecord(store, {
      ...queuedRecord(id, { model, corpusKey: 'novel.txt' }, new Date(Date.now() - ago)),
      state,
    });
  await write('20261124T120000Z-0001-novel', 'novel', 'running');
  await write('20261124T120000Z-0002-novel', 'novel', 'published');
  await write('20261124T120000Z-0003-novel', 'novel', 'running', 10 * 60_000); // silent: it is gone
  await write('20261124T120000Z-0004-other', 'other', 'running');
  const find = concurrentTrainings(store, 'novel', '20261124T120000Z-0001-novel');
  expect(await find()).toEqual([]);
  await write('20261124T120000Z-0005-novel', 'novel', 'running');
  expect(await find()).toEqual([
    expect.stringMatching(/^Another training of novel is running: 20261124T120000Z-0005-novel /),
  ]);
  expect(await find()).toEqual([]);
});
