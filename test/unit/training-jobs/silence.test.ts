import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { corpusKey } from '../../../src/store/keys.ts';
import { thisProcess } from '../../../src/store/process-identity.ts';
import { newTrainingId, queuedRecord, writeRecord } from '../../../src/training-jobs/records.ts';
import { isSilent } from '../../../src/training-jobs/silence.ts';
import { folioWithin } from '../../folio-command.ts';

test('a trainer is silent that has written nothing for over three minutes, while it is said to run', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const after = (seconds: number): number => Date.parse(at) + seconds * 1000;
  expect(isSilent('running', at, after(180))).toBe(false);
  expect(isSilent('running', at, after(181))).toBe(true);
  expect(isSilent('running', at, after(-3600))).toBe(false); // a clock that was put back
  for (const state of ['queued', 'published', 'rejected', 'failed', 'stopped'] as const) {
    expect(isSilent(state, at, after(7200))).toBe(false);
  }
});

test('folio status says since when a trainer has written nothing whose process is still there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-silence-'));
  try {
    const store = new FolderStore(folder);
    const id = newTrainingId('novel');
    const request = { model: 'novel', corpusKey: corpusKey('novel') };
    const record = { ...queuedRecord(id, request), state: 'running', owner: thisProcess() } as const;
    const progress = {
      epoch: 1,
      epochs: 2,
      step: 1,
      steps: 2,
      loss: 2,
      charactersPerSecond: 1,
      secondsLeft: 1,
    };
    await writeRecord(store, { ...record, progress });
    expect((await folioWithin(['status', '--store', folder])).stdout).toMatch(/ running {2}50% /);
    await writeRecord(store, { ...record, progress, updatedAt: '2026-01-01T12:34:56.000Z' });
    expect((await folioWithin(['status', '--store', folder])).stdout).toMatch(
      / novel {2}running {2}has written nothing since 2026-01-01 12:34: it may hang\n$/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
