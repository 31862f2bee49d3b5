import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { openVersion } from '../../../src/store/open-version.ts';
import { versionFiles } from '../../../src/store/version-files.ts';
import { publishTinyModel } from '../../tiny-model.ts';

test('opening a version reads each file once, and expects a length of weights alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-open-version-'));
  try {
    const store = new FolderStore(folder);
    const { version } = await publishTinyModel(store);
    const reads: (readonly [file: string, expectedBytes: number | undefined])[] = [];
    const spy = new Proxy(store, {
      get: (target, property) =>
        property === 'read'
          ? (...[key, options]: Parameters<FolderStore['read']>) => {
              reads.push([key.slice(`models/tiny/${version}/`.length), options?.expectedBytes]);
              return target.read(key, options);
            }
          : Reflect.get(target, property),
    });
    const files = versionFiles(spy, 'tiny', version);
    (await openVersion(files)).dispose();
    const weights = (await store.read(`models/tiny/${version}/weights-1-of-1.bin`))?.bytes.length;
    // A store may fetch what it expects to be long in parts: of model.json no more than a limit is known.
    expect(reads.toSorted()).toEqual([
      ['digests.json', undefined],
      ['model.json', undefined],
      ['weights-1-of-1.bin', weights],
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
