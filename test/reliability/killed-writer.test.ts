import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { FolderStore } from '../../src/store/folder-store.ts';
import { killedWriterCases } from '../killed-writer.cases.ts';
import { report, sized } from './size.ts';

const kills = sized(100);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-killed-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('folder store', () => {
  killedWriterCases(() => ({ location: folder, environment: {}, store: new FolderStore(folder) }), kills);
  afterAll(() =>
    report(
      `${kills} writers killed while they publish`,
      'no torn version read; the next writer is not kept waiting',
    ),
  );
});
