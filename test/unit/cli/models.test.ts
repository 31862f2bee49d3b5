import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { candidatePrefix } from '../../../src/store/keys.ts';
import { listCandidates, listModels, listVersions, withDigests } from '../../../src/store/models.ts';
import { verifyModels } from '../../../src/store/verify-models.ts';
import { type Ended, folioWithin } from '../../folio-command.ts';
import { publishTinyModel, tinyModel } from '../../tiny-model.ts';

let root: string;
let store: FolderStore;
let versions: string[];
let candidate: string;

const at = (day: number): Date => new Date(Date.UTC(2026, 0, day));
const folio = (...args: string[]): Promise<Ended> => folioWithin(args, { FOLIO_STORE: join(root, 'store') });
const current = async (name = 'tiny'): Promise<string | undefined> =>
  (await listModels(store)).find((model) => model.name === name)?.version;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'folio-models-'));
  store = new FolderStore(join(root, 'store'));
  versions = [];
  for (const day of [1, 2, 3]) {
    const options = { createdAt: at(day), seed: day, ...(day === 3 ? { units: [12] } : {}) };
    versions.push((await publishTinyModel(store, options)).version);
  }
  const { version, files } = tinyModel({ createdAt: at(4), seed: 4 });
  candidate = version;
  for (const [file, bytes] of withDigests(version, new Map([...files, ['reason.json', Buffer.from('{}')]]))) {
    await store.write(candidatePrefix('tiny', version) + file, bytes);
  }
});
afterEach(() => rm(root, { recursive: true }));

describe('folio models', () => {
  test('takes --store before the command and after it', async () => {
    const before = await folioWithin([
      'models',
      '--store',
      join(root, 'store'),
      'versions',
      'tiny',
      '--json',
    ]);
    const after = await folioWithin(['models', 'versions', 'tiny', '--json', '--store', join(root, 'store')]);
    expect(before).toEqual(after);
    expect(JSON.parse(before.stdout)).toHaveLength(3);
  });

  test('proposes the command that an unknown word may mean', async () => {
    expect(await folio('models', 'shw')).toEqual({
      code: 2,
      stdout: '',
      stderr: "error: unknown command 'shw' (Did you mean show?) [invalid_parameter]\n",
    });
  });

  test('a version is meant by its beginning, its digest, previous or current', async () => {
    const digest = versions[0]!.slice(-8);
    for (const meant of ['tiny@20260101', `tiny@${digest.slice(0, 6)}`]) {
      expect((await folio('models', 'show', meant)).stdout).toContain(`tiny@${versions[0]}\n`);
    }
    expect((await folio('models', 'show', 'tiny', 'previous')).stdout).toContain(`tiny@${versions[1]}\n`);
    expect((await folio('models', 'show', 'tiny')).stdout).toMatch(/state +current\n/);
    const several = await folio('models', 'activate', 'tiny', '2026010');
    expect([several.code, several.stderr]).toEqual([2, expect.stringMatching(/Several versions.*20260102/)]);
    const none = await folio('models', 'activate', 'tiny', '2027');
    expect([none.code, none.stderr]).toEqual([3, expect.stringContaining(`There are: ${versions[2]}`)]);
    expect(await current()).toBe(versions[2]);
  });

  test('rollback goes one version back at a time', async () => {
    const { stderr } = await folio('models', 'rollback', 'tiny');
    expect(stderr).toBe(`tiny@${versions[1]} is current. It was ${versions[2]}.\n`);
    await folio('models', 'rollback', 'tiny');
    expect(await current()).toBe(versions[0]);
    expect((await folio('models', 'rollback', 'tiny')).code).toBe(3);
  });

  test('diff lists what differs, and nothing else', async () => {
    const { stdout } = await folio('models', 'diff', 'tiny@previous', 'tiny');
    expect(stdout).toContain(`A  tiny@${versions[1]}\nB  tiny@${versions[2]}\n`);
    expect(stdout).toMatch(/created +2026-01-02 00:00:00 +2026-01-03 00:00:00/);
    expect(stdout).not.toContain('alphabet');
    expect((await folio('models', 'diff', 'tiny', 'tiny')).stderr).toContain('were made alike');
  });

  test('a damaged current.json is shown everywhere, hides nothing, and is mended by activate', async () => {
    const pointer = join(root, 'store/models/tiny/current.json');
    await writeFile(pointer, '{"version":');
    const fault = expect.stringMatching(
      /^models\/tiny\/current\.json does not say which .* is used in its place/,
    );
    expect(await folio('models')).toEqual({ code: 0, stdout: `tiny  ${versions[2]}\n`, stderr: fault });
    expect((await folio('models', 'show', 'tiny')).stdout).toMatch(/state +current\n/);
    expect((await folio('models', 'versions', 'tiny')).stdout).toMatch(
      new RegExp(`^${versions[2]} .* current\n`),
    );
    expect(await folio('models', 'verify')).toEqual({
      code: 5,
      stdout: `tiny@${versions[2]}  damaged  current\n`,
      stderr: fault,
    });
    const text = await folio('generate', '--model', 'tiny', '--quiet', '--prompt', 'a', '--length', '1');
    expect(text).toMatchObject({ code: 0, stderr: expect.stringContaining(`tiny@${versions[2]} goes on`) });
    expect((await folio('models', 'rollback', 'tiny')).code).toBe(0);
    expect(await folio('models', 'verify')).toMatchObject({ code: 0 });
    expect(await current()).toBe(versions[1]);
  });

  test('rename keeps every version, its digests and which is current', async () => {
    await folio('models', 'activate', 'tiny', '20260102');
    expect((await folio('models', 'rename', 'tiny', 'small')).code).toBe(0);
    expect((await listVersions(store, 'small')).map(({ version }) => version)).toEqual(versions.toReversed());
    expect(await current('small')).toBe(versions[1]);
    for await (const { state } of verifyModels(store, ['small'], true)) expect(state).toBe('intact');
    expect(await listVersions(store, 'tiny')).toEqual([]);
    await publishTinyModel(store, {});
    const taken = await folio('models', 'rename', 'tiny', 'small');
    expect([taken.code, taken.stderr]).toEqual([4, expect.stringContaining('[already_exists]')]);
  });

  test('remove --all takes everything of the model and nothing of another', async () => {
    await publishTinyModel(store, { name: 'tiny-2' });
    const refused = await folio('models', 'remove', 'tiny');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/Say which version/)]);
    expect((await folio('models', 'remove', 'tiny', '--all')).stderr).toBe('tiny is removed: 4 versions.\n');
    expect(await listModels(store)).toMatchObject([{ name: 'tiny-2' }]);
    const left: string[] = [];
    for await (const { key } of store.list('')) left.push(key);
    expect(left.every((key) => key.startsWith('models/tiny-2/'))).toBe(true);
    expect((await folio('models', 'remove', 'tiny', '--all')).code).toBe(3);
  });
});

describe('folio publish and pull', () => {
  test('a candidate is published as it was kept, without another training', async () => {
    expect((await folio('models', 'versions', 'tiny')).stderr).toBe(`rejected by the gate: ${candidate}\n`);
    expect((await folio('publish', 'tiny')).stdout).toBe(`tiny@${candidate}\n`);
    expect(await current()).toBe(candidate);
    expect(await listCandidates(store, 'tiny')).toEqual([]);
    for await (const { state } of verifyModels(store, ['tiny'], true)) expect(state).toBe('intact');
    const again = await folio('publish', 'tiny');
    expect([again.code, again.stderr]).toEqual([4, expect.stringMatching(/is published already.*activate/)]);
  });

  test('a version goes to another store and comes back under another name', async () => {
    const other = join(root, 'other');
    expect((await folio('publish', 'tiny@previous', '--to', other)).stdout).toBe(`tiny@${versions[1]}\n`);
    const pulled = await folio('pull', 'tiny', '--from', other, '--as', 'back');
    expect(pulled.stderr).toContain(`back@${versions[1]} is current in ${join(root, 'store')}.\nnext: `);
    expect(await current('back')).toBe(versions[1]);
    const text = async (model: string): Promise<string> =>
      (await folio('generate', '--model', model, '--seed', '1', '--length', '50')).stdout;
    expect(await text('back')).toBe(await text(`tiny@${versions[1]}`));
    const none = await folio('pull', 'nobody', '--from', other);
    expect([none.code, none.stderr]).toEqual([3, expect.stringMatching(/[^?] It holds tiny\./)]);
    const misspelt = await folio('generate', '--model', 'tinny');
    expect([misspelt.code, misspelt.stderr]).toEqual([3, expect.stringContaining('Did you mean tiny? It')]);
  });

  test('a damaged version is not copied', async () => {
    await store.write(`models/tiny/${versions[2]}/weights-1-of-1.bin`, new Uint8Array(7));
    const { code, stderr } = await folio('publish', 'tiny', '--to', join(root, 'other'));
    expect([code, stderr]).toEqual([5, expect.stringMatching(/weights-1-of-1\.bin.*\[model_damaged\]\n$/)]);
    expect(await listModels(new FolderStore(join(root, 'other')))).toEqual([]);
  });
});
