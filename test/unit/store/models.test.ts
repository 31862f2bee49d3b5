import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FolioError } from '../../../src/errors.ts';
import { removeHalfVersions } from '../../../src/store/clean-models.ts';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { temporaryName } from '../../../src/store/leftovers.ts';
import { isModelName, parseModelReference, versionName } from '../../../src/store/model-name.ts';
import {
  activate,
  currentVersion,
  listModels,
  listVersions,
  publishVersion,
  removeVersion,
  withDigests,
} from '../../../src/store/models.ts';
import type { Store } from '../../../src/store/store.ts';
import { publishTinyModel, tinyModel } from '../../tiny-model.ts';

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-models-'));
  store = new FolderStore(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const refusal = (code: string) => expect.objectContaining({ code });

describe('names', () => {
  test('a version is named in order of time, and may be pinned after a name', () => {
    const version = versionName(new Date('2026-11-24T12:00:00.999Z'), `sha256:0a1b2c3d${'0'.repeat(56)}`);
    expect(version).toBe('20261124T120000Z-0a1b2c3d');
    expect(parseModelReference('shakespeare')).toEqual({ name: 'shakespeare' });
    expect(parseModelReference(`shakespeare@${version}`)).toEqual({ name: 'shakespeare', version });
  });

  test.each(['', '.', '..', '.x', 'a/b', 'a b', 'é', 'a@', '@b', 'a@b@c', '-a', 'x'.repeat(65), 'a\n'])(
    'the name %j is refused',
    (name) => {
      expect(isModelName(name)).toBe(false);
      expect(() => parseModelReference(name)).toThrow(refusal('invalid_parameter'));
    },
  );
});

describe('publishing', () => {
  test('writes model.json after everything else, and the pointer last', async () => {
    const written: string[] = [];
    class WatchedStore extends FolderStore {
      override create(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
        written.push(key);
        return super.create(key, bytes);
      }
      override replace(key: string, bytes: Uint8Array, expected: string | null): Promise<{ etag: string }> {
        written.push(key);
        return super.replace(key, bytes, expected);
      }
    }
    const watched = new WatchedStore(folder);
    const { files, version, name } = tinyModel();
    const report = new TextEncoder().encode('{}');
    await publishVersion(watched, { name, version, files: new Map([...files, ['report.json', report]]) });
    const inVersion = written.map((key) => key.replace(`${version}/`, '…/'));
    expect(inVersion).toEqual([
      'models/tiny/…/weights-1-of-1.bin',
      'models/tiny/…/report.json',
      'models/tiny/…/digests.json',
      'models/tiny/…/model.json',
      'models/tiny/current.json',
    ]);
  });

  test('makes the version current; once more changes nothing', async () => {
    const first = await publishTinyModel(store, { createdAt: at(1) });
    expect(await currentVersion(store, 'tiny')).toBe(first.version);
    await publishTinyModel(store, { createdAt: at(1) });
    const second = await publishTinyModel(store, { createdAt: at(2), seed: 2 });
    expect(await currentVersion(store, 'tiny')).toBe(second.version);
    const versions = await listVersions(store, 'tiny');
    expect(versions.map(({ version, current }) => ({ version, current }))).toEqual([
      { version: second.version, current: true },
      { version: first.version, current: false },
    ]);
    const written = [...withDigests('tiny', second.files).values()];
    expect(versions[0]?.bytes).toBe(written.reduce((sum, file) => sum + file.length, 0));
    expect(await listModels(store)).toEqual([{ name: 'tiny', version: second.version }]);
  });

  test('a version with other bytes under the same name is refused', async () => {
    const { name, version, files } = await publishTinyModel(store);
    const others = new Map(files).set('weights-1-of-1.bin', new Uint8Array(4));
    await expect(publishVersion(store, { name, version, files: others })).rejects.toThrow(
      refusal('already_exists'),
    );
  });

  test('a writer that meets another current version leaves the pointer alone, and its own version stays', async () => {
    const first = await publishTinyModel(store, { createdAt: at(1) });
    const second = tinyModel({ createdAt: at(2), seed: 2 });
    const third = await publishTinyModel(store, { createdAt: at(3), seed: 3 });
    await expect(publishVersion(store, { ...second, replaces: first.version })).rejects.toThrow(
      refusal('conflict'),
    );
    await expect(publishVersion(store, { ...second, replaces: null })).rejects.toThrow(refusal('conflict'));
    expect(await currentVersion(store, 'tiny')).toBe(third.version);
    expect(await listVersions(store, 'tiny')).toHaveLength(3);
  });

  test('of 8 that publish at once one becomes current, and all versions are whole', async () => {
    const models = Array.from({ length: 8 }, (_, i) => tinyModel({ createdAt: at(i), seed: i + 1 }));
    const results = await Promise.allSettled(
      models.map((model) => publishVersion(new FolderStore(folder), { ...model, replaces: null })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const winner = models[results.findIndex(({ status }) => status === 'fulfilled')];
    expect(await currentVersion(store, 'tiny')).toBe(winner?.version);
    expect(await listVersions(store, 'tiny')).toHaveLength(8);
  });

  test('a failure on the way leaves the pointer, and what is there is no version', async () => {
    const { version } = await publishTinyModel(store, { createdAt: at(1) });
    class FullStore extends FolderStore {
      override create(key: string, bytes: Uint8Array): Promise<{ etag: string }> {
        if (key.endsWith('model.json')) return Promise.reject(new FolioError('store_failed', 'disk full'));
        return super.create(key, bytes);
      }
    }
    const broken = new FullStore(folder);
    const next = tinyModel({ createdAt: at(2), seed: 2 });
    await expect(publishVersion(broken, next)).rejects.toThrow(refusal('store_failed'));
    expect(await currentVersion(store, 'tiny')).toBe(version);
    expect(await listVersions(store, 'tiny')).toHaveLength(1);
    await publishVersion(store, next); // going on is safe
    expect(await currentVersion(store, 'tiny')).toBe(next.version);
  });

  test('whoever publishes removes what was never completed, once nobody can be at work on it', async () => {
    await publishTinyModel(store, { createdAt: at(1) });
    const files = ['old/weights.bin', 'old/digests.json', 'fresh/weights.bin'];
    for (const file of files) await store.create(`models/tiny/${file}`, new Uint8Array(3));
    const dead = temporaryName().replace(`.${process.pid}-`, `.${2 ** 22 + 1}-`);
    await writeFile(join(folder, 'models/tiny/fresh', dead), 'half a file');
    const old = new Date(Date.now() - 2 * 3_600_000);
    for (const file of files.slice(0, 2)) await utimes(join(folder, 'models/tiny', file), old, old);
    await publishTinyModel(store, { createdAt: at(2), seed: 2 });
    const keys: string[] = [];
    for await (const { key } of store.list('models/tiny/')) keys.push(key);
    expect(keys.filter((key) => /old|fresh/.test(key))).toEqual(['models/tiny/fresh/weights.bin']);
    expect(await readdir(join(folder, 'models/tiny/fresh'))).toEqual(['weights.bin']);
    expect(await removeHalfVersions(store, undefined, 0)).toEqual(['models/tiny/fresh/weights.bin']);
    expect(await listVersions(store, 'tiny')).toHaveLength(2);
  });

  test('needs a model.json and decent names', async () => {
    const { files, version } = tinyModel();
    const publish = (publication: Partial<Parameters<typeof publishVersion>[1]>) =>
      publishVersion(store, { name: 'tiny', version, files, ...publication });
    await expect(publish({ files: new Map() })).rejects.toThrow(refusal('model_invalid'));
    await expect(publish({ name: '../x' })).rejects.toThrow(refusal('invalid_parameter'));
    await expect(publish({ version: 'a/b' })).rejects.toThrow(refusal('invalid_parameter'));
    expect(await listModels(store)).toEqual([]);
  });
});

describe('activating and removing', () => {
  test('goes back to an earlier version, with compare-and-swap when asked', async () => {
    const first = await publishTinyModel(store, { createdAt: at(1) });
    const second = await publishTinyModel(store, { createdAt: at(2), seed: 2 });
    await activate(store, 'tiny', first.version);
    expect(await currentVersion(store, 'tiny')).toBe(first.version);
    await expect(activate(store, 'tiny', second.version, second.version)).rejects.toThrow(
      refusal('conflict'),
    );
    await activate(store, 'tiny', second.version, first.version);
    expect(await currentVersion(store, 'tiny')).toBe(second.version);
    await activate(store, 'tiny', second.version);
  });

  test('refuses what is not there', async () => {
    const { version } = await publishTinyModel(store);
    for (const [name, wanted] of [
      ['tiny', '20200101T000000Z-00000000'],
      ['other', version],
    ] as const) {
      await expect(activate(store, name, wanted)).rejects.toThrow(refusal('model_not_found'));
      await expect(removeVersion(store, name, wanted)).rejects.toThrow(refusal('model_not_found'));
    }
    expect(await currentVersion(store, 'tiny')).toBe(version);
    expect(await currentVersion(store, 'other')).toBeUndefined();
    expect(await listVersions(store, 'other')).toEqual([]);
  });

  test('a version that cannot be served does not become current', async () => {
    const good = await publishTinyModel(store, { createdAt: at(1) });
    const current = await publishTinyModel(store, { createdAt: at(2), seed: 2 });
    const weights = join(folder, 'models/tiny', good.version, 'weights-1-of-1.bin');
    const bytes = await readFile(weights);
    await writeFile(weights, bytes.with(1000, bytes[1000]! ^ 1));
    await expect(activate(store, 'tiny', good.version)).rejects.toThrow(refusal('model_damaged'));
    await rm(weights);
    await expect(activate(store, 'tiny', good.version)).rejects.toThrow(refusal('model_damaged'));
    // Of a version that was published without digests, what can be read is read.
    await rm(join(folder, 'models/tiny', good.version, 'digests.json'));
    await expect(activate(store, 'tiny', good.version)).rejects.toThrow(refusal('model_invalid'));
    expect(await currentVersion(store, 'tiny')).toBe(current.version);
    await writeFile(weights, bytes);
    await activate(store, 'tiny', good.version);
    expect(await currentVersion(store, 'tiny')).toBe(good.version);
  });

  test('removes any version but the current one', async () => {
    const first = await publishTinyModel(store, { createdAt: at(1) });
    const second = await publishTinyModel(store, { createdAt: at(2), seed: 2 });
    await expect(removeVersion(store, 'tiny', second.version)).rejects.toThrow(refusal('conflict'));
    await removeVersion(store, 'tiny', first.version);
    expect((await listVersions(store, 'tiny')).map(({ version }) => version)).toEqual([second.version]);
    await expect(activate(store, 'tiny', first.version)).rejects.toThrow(refusal('model_not_found'));
  });

  test.each(['', '{', '[]', '{"version":1}', '{"version":"../x"}', '{"version":"a","more":1}'])(
    'a pointer of %j is damaged: the newest version stands for the model, and the fault is listed',
    async (text) => {
      const first = await publishTinyModel(store, { createdAt: at(1) });
      const { version } = await publishTinyModel(store, { createdAt: at(2), seed: 2 });
      await writeFile(join(folder, 'models/tiny/current.json'), text);
      const other = await publishTinyModel(store, { name: 'other' });
      expect(await listModels(store)).toEqual([
        { name: 'other', version: other.version },
        {
          ...{ name: 'tiny', version },
          fault: `models/tiny/current.json does not say which version is current. ${version} is used in its place; activate a version to mend it.`,
        },
      ]);
      expect(await currentVersion(store, 'tiny')).toBe(version);
      const flags = (await listVersions(store, 'tiny')).map((one) => [one.version, one.current]);
      expect(flags).toEqual([
        [version, true],
        [first.version, false],
      ]);
      await expect(removeVersion(store, 'tiny', version)).rejects.toThrow(refusal('conflict'));
      await expect(activate(store, 'tiny', version, first.version)).rejects.toThrow(refusal('conflict'));
      await activate(store, 'tiny', version, version);
      expect(await readFile(join(folder, 'models/tiny/current.json'), 'utf8')).toBe(
        `{"version":"${version}"}\n`,
      );
    },
  );

  test('a pointer to a version that is not there is a fault; without any version, nothing stands for the model', async () => {
    const first = await publishTinyModel(store, { createdAt: at(1) });
    const second = await publishTinyModel(store, { createdAt: at(2), seed: 2 });
    const third = await publishTinyModel(store, { createdAt: at(3), seed: 3 });
    await activate(store, 'tiny', second.version);
    await rm(join(folder, 'models/tiny', second.version), { recursive: true });
    expect(await currentVersion(store, 'tiny')).toBe(first.version); // the newest before it, not the newest of all
    expect(await listModels(store)).toEqual([
      {
        name: 'tiny',
        version: first.version,
        fault: expect.stringContaining(`names ${second.version}, which`),
      },
    ]);
    for (const { version } of [first, third])
      await rm(join(folder, 'models/tiny', version), { recursive: true });
    expect(await listModels(store)).toEqual([
      { name: 'tiny', version: second.version, fault: expect.stringContaining('There is no other version') },
    ]);
    await writeFile(join(folder, 'models/tiny/current.json'), '');
    expect(await listModels(store)).toEqual([]);
    await expect(currentVersion(store, 'tiny')).rejects.toThrow(refusal('model_invalid'));
  });
});
