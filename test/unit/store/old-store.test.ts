import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../../src/load-model.ts';
import { activate, currentVersion, listModels, listVersions } from '../../../src/store/models.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { listRecords } from '../../../src/training-jobs/records.ts';
import { type Configuration, readCheckpoint } from '../../../training/loop/checkpoint.ts';

const first = '20261127T073013Z-73d88b37';
const second = '20261127T073022Z-58a469c2';
const candidate = '20261127T073024Z-8225c854';

let folder: string;
let store: Store;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-old-store-'));
  await cp('test/fixtures/store-0.1.0', folder, { recursive: true });
  store = await openStore(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const textOf = async (version?: string): Promise<string> => {
  const model = await loadModel({ store, name: 'small', ...(version === undefined ? {} : { version }) });
  let text = '';
  for await (const part of model.generate({ prompt: 'the ', length: 60, seed: 7, temperature: 0.9 })) {
    text += part;
  }
  return text;
};

describe('a store written by Folio 0.1.0', () => {
  it('lists its model and both versions', async () => {
    expect(await listModels(store)).toMatchObject([{ name: 'small', version: second }]);
    const versions = await listVersions(store, 'small');
    expect(versions.map(({ version, current }) => ({ version, current }))).toEqual(
      expect.arrayContaining([
        { version: first, current: false },
        { version: second, current: true },
      ]),
    );
    expect(versions).toHaveLength(2);
  });

  it('gives the text that 0.1.0 wrote for the same seed', async () => {
    expect(await textOf()).toBe('tqe tthitihn  ot tth org .ahioins ghdgothutee tthout wedn.nn');
  });

  it('lets the older version be activated, and the newer one again', async () => {
    await activate(store, 'small', first);
    expect(await currentVersion(store, 'small')).toBe(first);
    expect(await textOf()).toBe(await textOf(first));
    await activate(store, 'small', second);
    expect(await currentVersion(store, 'small')).toBe(second);
  });

  it('keeps the candidate with the reason why it was rejected', async () => {
    const reason = await store.read(`candidates/small/${candidate}/reason.json`);
    expect(JSON.parse(new TextDecoder().decode(reason!.bytes)).reasons).toHaveLength(2);
  });

  it('lists the records of its trainings, the newest first', async () => {
    const records = await listRecords(store);
    expect(records.map(({ model, state }) => `${model} ${state}`)).toEqual([
      'paused stopped',
      'small rejected',
      'small published',
      'small published',
    ]);
    expect(records[2]!.history).toHaveLength(6);
  });

  it('refuses the checkpoint of an interrupted training by name, since its random draws were others', async () => {
    const bytes = await readFile(join(folder, 'checkpoints/paused/latest.bin'));
    const head = JSON.parse(bytes.toString('utf8', 4, 4 + bytes.readUInt32LE(0))) as {
      configuration: Configuration;
    };
    await expect(readCheckpoint(store, 'paused', head.configuration)).rejects.toMatchObject({
      code: 'checkpoint_mismatch',
      message: expect.stringMatching(/format 1 .*--fresh/),
    });
  });
});
