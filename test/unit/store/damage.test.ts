import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildCopyIndex } from '../../../src/model/copy-index.ts';
import { type Checks, VersionDigests } from '../../../src/model/format/version-digests.ts';
import type { ModelLogLine } from '../../../src/store/current-versions.ts';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { publishVersion } from '../../../src/store/models.ts';
import { fullChecks, quickChecks } from '../../../src/store/native-checks.ts';
import { openModels } from '../../../src/store/open-models.ts';
import { verifyModels } from '../../../src/store/verify-models.ts';
import { versionFiles } from '../../../src/store/version-files.ts';
import { publishTinyModel, tinyModel } from '../../tiny-model.ts';

const damages = 200;

let folder: string;
let store: FolderStore;
let lines: ModelLogLine[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-damage-'));
  store = new FolderStore(folder);
  lines = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const openCache = (reloadSeconds = 0) =>
  openModels(store, { precision: 'int8', reloadSeconds, modelCacheBytes: 1 << 26 }, undefined, (line) =>
    lines.push(line),
  );
const placeOf = (version: string, file = ''): string => join(folder, 'models/tiny', version, file);

/** A version with everything that a training publishes. */
async function publishWhole(second: number): Promise<string> {
  const { name, version, files } = tinyModel({ createdAt: at(second), seed: second });
  const corpus = 'To be, or not to be: that is the question. '.repeat(200);
  const all = new Map(files)
    .set('report.json', Buffer.from('{"report": "how it was trained"}'))
    .set('report.html', Buffer.from('<!doctype html><title>Report</title>'))
    .set('copy-index.bin', buildCopyIndex(corpus));
  await publishVersion(store, { name, version, files: all });
  return version;
}

/** The same damages in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

type Damage = (bytes: Buffer, random: (below: number) => number) => Buffer | undefined;

const kinds: readonly Damage[] = [
  (bytes, random) => {
    const place = random(bytes.length);
    return Buffer.from(bytes.with(place, bytes[place]! ^ (1 << random(8))));
  },
  (bytes, random) =>
    Buffer.from(bytes.map((byte, i, { length }) => (i < length / 2 ? 0 : byte ^ (random(2) && 1)))),
  (bytes, random) => bytes.subarray(0, random(bytes.length)),
  (bytes, random) => Buffer.concat([bytes, Buffer.from([random(256)])]),
  (bytes, random) => {
    const [a, b] = [random(bytes.length), random(bytes.length)];
    return Buffer.from(bytes.with(a, bytes[b]!).with(b, bytes[a]!));
  },
  () => undefined,
];

describe('a damaged version', () => {
  test(`is never served: ${damages} random damages of any of its files`, async () => {
    const first = await publishWhole(1);
    const second = await publishWhole(2);
    const files = await readdir(placeOf(second));
    expect(files).toHaveLength(6);
    const random = generator(7);
    const served: string[] = [];
    for (let i = 0; i < damages; i++) {
      const file = files[i % files.length]!;
      const whole = await readFile(placeOf(second, file));
      const kind = random(kinds.length);
      const bytes = kinds[kind]!(whole, random);
      // Without its digests a version is what every version was before there were any.
      if (bytes?.equals(whole) || (bytes === undefined && file === 'digests.json')) continue;
      await (bytes === undefined ? rm(placeOf(second, file)) : writeFile(placeOf(second, file), bytes));
      try {
        const cache = openCache();
        const lease = await cache.acquire({ name: 'tiny' });
        const guard = await lease.copyIndex().then(
          (index) => (index === undefined ? 'no guard' : 'guard'),
          (error: { code: string }) => error.code,
        );
        const isServed = lease.version === second;
        const isUsed = ['model.json', 'weights-1-of-1.bin'].includes(file);
        if (isUsed ? isServed : file === 'copy-index.bin' && isServed && guard !== 'model_damaged') {
          served.push(`${file}: kind ${kind}`);
        }
        // Every other file is what it was where the digests are damaged, and may be served.
        const asFile = await versionFiles(store, 'tiny', second)
          .read(file)
          .then(
            () => 'read',
            (error: { code: string }) => error.code,
          );
        if (asFile === 'read') served.push(`file ${file}: kind ${kind}`);
        if (isUsed && lease.version !== first) served.push(`no version in place of ${file}`);
        lease.release();
        cache.clear();
      } finally {
        await writeFile(placeOf(second, file), whole);
      }
    }
    expect(served).toEqual([]);
    const lease = await openCache().acquire({ name: 'tiny' });
    expect(lease.version).toBe(second);
  }, 60_000);

  test('leaves the version in memory serving, with one line in the log', async () => {
    const first = await publishWhole(1);
    const cache = openCache();
    (await cache.acquire({ name: 'tiny' })).release();
    const second = await publishWhole(2);
    const weights = await readFile(placeOf(second, 'weights-1-of-1.bin'));
    await writeFile(placeOf(second, 'weights-1-of-1.bin'), weights.with(5, weights[5]! ^ 4));
    for (let i = 0; i < 5; i++) {
      const lease = await cache.acquire({ name: 'tiny' });
      expect(lease.version).toBe(first);
      lease.release();
    }
    expect(lines.filter(({ level }) => level === 'error')).toEqual([
      {
        level: 'error',
        model: `tiny@${second}`,
        code: 'model_damaged',
        message: expect.stringMatching(/weights-1-of-1\.bin: expected SHA-256 .* goes on\.$/),
      },
    ]);
    await writeFile(placeOf(second, 'weights-1-of-1.bin'), weights);
    expect((await cache.acquire({ name: 'tiny' })).version).toBe(second);
    await expect(openCache().acquire({ name: 'tiny', version: second })).resolves.toMatchObject({
      version: second,
    });
  });

  test('that vanished, or whose pointer is damaged, leaves an earlier one serving', async () => {
    const first = await publishWhole(1);
    const second = await publishWhole(2);
    const running = openCache();
    (await running.acquire({ name: 'tiny' })).release();
    await rm(placeOf(second), { recursive: true });
    expect((await openCache().acquire({ name: 'tiny' })).version).toBe(first);
    expect((await running.acquire({ name: 'tiny' })).version).toBe(second); // in memory
    await writeFile(join(folder, 'models/tiny/current.json'), '{"version":');
    expect((await openCache().acquire({ name: 'tiny' })).version).toBe(first);
    expect((await running.acquire({ name: 'tiny' })).version).toBe(second);
  });

  test('with no other is an error of the server, and one line in the log', async () => {
    const only = await publishWhole(1);
    await rm(placeOf(only, 'weights-1-of-1.bin'));
    const cache = openCache();
    for (let i = 0; i < 3; i++) {
      await expect(cache.acquire({ name: 'tiny' })).rejects.toMatchObject({
        code: 'model_damaged',
        status: 503,
      });
    }
    expect(lines.map(({ level, code }) => [level, code])).toEqual([['error', 'model_damaged']]);
    await rm(placeOf(only, 'digests.json'));
    await expect(cache.acquire({ name: 'tiny' })).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    await rm(placeOf(only), { recursive: true });
    await expect(cache.acquire({ name: 'tiny' })).rejects.toMatchObject({ code: 'unavailable', status: 503 });
  });
});

describe('a version without digests', () => {
  test('is served, and the log says that damage cannot be found', async () => {
    const { version } = await publishTinyModel(store);
    await rm(placeOf(version, 'digests.json'));
    expect((await openCache().acquire({ name: 'tiny' })).version).toBe(version);
    await expect
      .poll(() => lines)
      .toEqual([
        { level: 'info', model: `tiny@${version}`, message: expect.stringContaining('without digests') },
      ]);
  });

  test('is checked against the digits of its name', async () => {
    const { version } = await publishTinyModel(store);
    await rm(placeOf(version, 'digests.json'));
    const weights = await readFile(placeOf(version, 'weights-1-of-1.bin'));
    await writeFile(placeOf(version, 'weights-1-of-1.bin'), weights.with(5, weights[5]! ^ 4));
    await expect(openCache().acquire({ name: 'tiny' })).rejects.toMatchObject({ code: 'model_damaged' });
  });
});

describe('the digests of a version', () => {
  const files = new Map([
    ['model.json', Buffer.from('{}')],
    ['weights.bin', Buffer.from('weights')],
  ]);
  const written = VersionDigests.of(files, quickChecks).encode();
  const without = VersionDigests.of(files, fullChecks).encode();
  const check = (digests: Uint8Array, checks: Checks, bytes = files.get('weights.bin')!): void =>
    VersionDigests.parse(digests, 'tiny', checks).check('tiny', 'weights.bin', bytes);
  const replaced = (from: string, to: string): Uint8Array =>
    Buffer.from(Buffer.from(written).toString().replace(from, to));
  const noCrc32: Checks = { ...fullChecks, crc32: () => undefined };

  test.each([
    ['with CRC-32', written],
    ['as publishers before there was CRC-32 wrote them', without],
  ])('%s find other bytes by whatever the host has', (_, digests) => {
    for (const checks of [quickChecks, fullChecks, noCrc32]) {
      expect(() => check(digests, checks)).not.toThrow();
      expect(() => check(digests, checks, Buffer.from('weighty'))).toThrow(
        /expected SHA-256 \w{64}, received/,
      );
      expect(() => check(digests, checks, Buffer.from('weight'))).toThrow(
        /expected 7 bytes, received 6 bytes/,
      );
    }
  });

  test('that are damaged are named where a file is not what they say', () => {
    const crc32 = /"weights.bin":.*"crc32":"(\w{8})"/.exec(Buffer.from(written).toString())![1]!;
    const damages = [
      replaced(crc32, '00000000'),
      replaced('"bytes":7', '"bytes":8'),
      replaced('weights.', 'weight.'),
    ];
    for (const damage of damages) {
      for (const checks of [quickChecks, fullChecks, noCrc32]) {
        expect(() => check(damage, checks)).toThrow(/tiny is damaged: digests\.json/);
      }
    }
    // What is left as it was published may be used.
    const other = replaced('"bytes":2', '"bytes":3');
    expect(() => check(other, quickChecks)).not.toThrow();
    expect(() => check(other, fullChecks)).toThrow(/digests\.json/);
  });
});

test('verifying says of every version whether it is as it was published', async () => {
  const first = await publishWhole(1);
  const second = await publishWhole(2);
  const third = await publishWhole(3);
  const report = placeOf(first, 'report.html');
  await writeFile(report, (await readFile(report, 'utf8')).replace('Report', 'Rapport'));
  await rm(placeOf(second, 'digests.json'));
  const found = async (all: boolean) => {
    const reports: object[] = [];
    for await (const { version, state, faults } of verifyModels(store, undefined, all)) {
      reports.push({ version, state, faults });
    }
    return reports;
  };
  expect(await found(false)).toEqual([{ version: third, state: 'intact', faults: [] }]);
  expect(await found(true)).toEqual([
    { version: third, state: 'intact', faults: [] },
    { version: second, state: 'unverified', faults: [] },
    { version: first, state: 'damaged', faults: [expect.stringContaining('report.html')] },
  ]);
});
