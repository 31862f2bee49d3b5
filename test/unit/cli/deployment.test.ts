import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../../src/server/server.ts';
import { readSettings } from '../../../src/settings.ts';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { currentVersion, listModels } from '../../../src/store/models.ts';
import { newTrainingId, queuedRecord, writeRecord } from '../../../src/training-jobs/records.ts';
import { type Ended, folioWithin } from '../../folio-command.ts';
import { publishTinyModel } from '../../tiny-model.ts';

let root: string;
let store: FolderStore;
let server: RunningServer;
let versions: string[];

/** The command line against the server, with a key that may write. */
const folio = (...args: string[]): Promise<Ended> =>
  folioWithin([...args, '--store', server.url], { FOLIO_KEY: 'writer', FOLIO_CACHE: join(root, 'cache') });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'folio-deployment-'));
  store = new FolderStore(join(root, 'store'));
  versions = [];
  for (const day of [1, 2, 3]) {
    const createdAt = new Date(Date.UTC(2026, 0, day));
    versions.push((await publishTinyModel(store, { createdAt, seed: day })).version);
  }
  const request = { model: 'tiny', corpusKey: 'corpora/tiny.txt', preset: 'tiny' };
  await writeRecord(store, {
    ...queuedRecord(newTrainingId('tiny'), request),
    state: 'published',
    version: 'v',
  });
  for (const model of ['tiny', 'other']) {
    const id = newTrainingId(model, new Date(Date.UTC(2026, 0, 1)));
    await writeRecord(store, {
      ...{ ...queuedRecord(id, { ...request, model }), state: 'stopped' },
      failure: { code: 'interrupted', message: 'Stopped.' },
    });
  }
  server = await startServer(
    readSettings({
      ...{ FOLIO_STORE: join(root, 'store'), FOLIO_MODEL: 'tiny', PORT: '0', LOG_LEVEL: 'silent' },
      ...{ FOLIO_API_KEYS: 'reader', FOLIO_WRITE_KEYS: 'writer', FOLIO_RELOAD_SECONDS: '0' },
    }),
  );
});
afterAll(async () => {
  await server?.close(0);
  await rm(root, { recursive: true });
});

describe('--store https://ENDPOINT', () => {
  test('the deployment writes the text that the model writes here', async () => {
    const forms = ['--logit-bias', 'e=-2', '--dry-multiplier', '1', '--blend', `tiny@${versions[0]}=0.3`];
    const args = ['generate', '--prompt', 'Now', '--length', '60', '--seed', '3', ...forms];
    const there = await folio(...args);
    const here = await folioWithin([...args, '--store', join(root, 'store'), '--model', 'tiny']);
    expect(there.stdout).toBe(here.stdout);
    expect(there.stderr).toContain(`tiny@${versions[2]}  seed 3  60 characters`);
    const json = JSON.parse((await folio(...args, '--json')).stdout);
    expect(json).toMatchObject({ model: 'tiny', receipt: { seed: 3 } });
  });

  test('what only a model on this machine can do is refused with the command that brings it here', async () => {
    const { code, stderr } = await folio('generate', '--model', 'tiny', '--count', '3');
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/--count does not go.*folio pull tiny --from http/),
    ]);
  });

  test('without a key, and with one that may not write, the answer says which variable holds it', async () => {
    const none = await folioWithin(['models', '--store', server.url]);
    const reader = await folioWithin(['models', 'rollback', 'tiny', '--store', server.url], {
      FOLIO_KEY: 'reader',
    });
    expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/FOLIO_KEY.*\[unauthorized\]\n$/)]);
    expect([reader.code, reader.stderr]).toEqual([2, expect.stringMatching(/FOLIO_KEY.*\[forbidden\]\n$/)]);
  });

  test('versions are listed, verified, rolled back and removed', async () => {
    expect((await folio('models')).stdout).toBe(`tiny  ${versions[2]}\n`);
    expect((await folio('models', 'versions', 'tiny')).stdout.split('\n')).toHaveLength(4);
    expect((await folio('models', 'verify', '--all')).stdout.match(/intact/g)).toHaveLength(3);
    expect((await folio('models', 'rollback', 'tiny')).stderr).toContain(`tiny@${versions[1]} is current.`);
    expect(await currentVersion(store, 'tiny')).toBe(versions[1]);
    expect((await folio('models', 'remove', 'tiny', '20260101')).code).toBe(0);
    expect((await folio('models', 'versions', 'tiny')).stdout).not.toContain(versions[0]);
    expect((await folio('models', 'remove', 'tiny', 'current')).stderr).toContain('[conflict]');
    await folio('models', 'activate', 'tiny', '20260103');
  });

  test('a damaged current.json there is said here, and mended from here', async () => {
    const pointer = join(root, 'store/models/tiny/current.json');
    const before = await readFile(pointer, 'utf8');
    await writeFile(pointer, '{"version":');
    const { version } = (await listModels(store)).find(({ name }) => name === 'tiny')!;
    const fault = expect.stringContaining('does not say which version is current');
    expect(await folio('models')).toMatchObject({ code: 0, stderr: fault });
    expect(await folio('models', 'verify', 'tiny')).toMatchObject({ code: 5, stderr: fault });
    expect((await folio('models', 'activate', 'tiny', version)).code).toBe(0);
    expect(await readFile(pointer, 'utf8')).toBe(`{"version":"${version}"}\n`);
    await writeFile(pointer, before);
  });

  test('a model is pulled from it, and none is published to it', async () => {
    const here = join(root, 'here');
    const pulled = await folioWithin(['pull', 'tiny', '--from', server.url, '--store', here], {
      FOLIO_KEY: 'reader',
    });
    expect(pulled.stdout).toBe(`tiny@${versions[2]}\n`);
    expect(await currentVersion(new FolderStore(here), 'tiny')).toBe(versions[2]);
    const refused = await folioWithin(['publish', 'tiny', '--store', here, '--to', server.url], {
      FOLIO_KEY: 'writer',
    });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/publish to its bucket/)]);
  });

  test('its trainings are listed, and its health is looked at', async () => {
    const at = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d`;
    expect((await folio('status')).stdout).toMatch(
      new RegExp(
        [
          String.raw`^started \(UTC\) {5}model {2}state`,
          `${at}  tiny   published  v`,
          `${at}  other  stopped    interrupted; the same command goes on\n$`,
        ].join('\n'),
      ),
    );
    const stopped = String.raw`\n${at} {2}tiny {3}stopped {4}interrupted\n`;
    expect((await folio('status', '--all')).stdout).toMatch(new RegExp(stopped));
    const { stdout } = await folioWithin(['doctor', '--store', server.url, '--json'], {
      ...{ FOLIO_KEY: 'reader', FOLIO_MODEL: 'tiny', PORT: '0', FOLIO_CACHE: join(root, 'cache') },
    });
    const findings = JSON.parse(stdout) as { check: string; state: string }[];
    expect(findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ check: 'store', state: 'ok' }),
        expect.objectContaining({ check: 'model', state: 'ok' }),
      ]),
    );
  });

  test('nobody at the address', async () => {
    const nowhere = await folioWithin(['models', '--store', 'http://127.0.0.1:1']);
    expect([nowhere.code, nowhere.stderr]).toEqual([9, expect.stringMatching(/cannot be reached/)]);
  });
});

describe('folio doctor', () => {
  const doctor = async (env: Record<string, string>) => {
    const { code, stdout } = await folioWithin(['doctor', '--json'], {
      FOLIO_CACHE: join(root, 'cache'),
      ...env,
    });
    const findings = JSON.parse(stdout) as {
      check: string;
      state: string;
      message: string;
      remedy?: string;
    }[];
    return { code, of: (check: string) => findings.find((finding) => finding.check === check) };
  };

  test('on a sound store finds nothing wrong, and leaves nothing behind', async () => {
    const own = new FolderStore(join(root, 'sound'));
    await publishTinyModel(own);
    const found = await doctor({ FOLIO_STORE: join(root, 'sound'), FOLIO_MODEL: 'tiny' });
    expect(found.code).toBe(0);
    expect(found.of('writes')).toEqual({
      check: 'writes',
      state: 'ok',
      message: 'conditional writes are honoured',
    });
    const keys: string[] = [];
    for await (const { key } of own.list('checkpoints/')) keys.push(key);
    expect(keys).toEqual([]);
  });

  test('names a damaged model, a store that is not there, a port that is taken, and what mends each', async () => {
    const own = new FolderStore(join(root, 'broken'));
    const { version } = await publishTinyModel(own);
    await own.write(`models/tiny/${version}/weights-1-of-1.bin`, new Uint8Array(3));
    const broken = await doctor({ FOLIO_STORE: join(root, 'broken'), FOLIO_MODEL: 'tiny' });
    expect(broken.code).toBe(9);
    expect(broken.of('model')).toMatchObject({
      state: 'wrong',
      remedy: expect.stringContaining('models rollback'),
    });
    const nowhere = await doctor({ FOLIO_STORE: join(root, 'nowhere'), PORT: new URL(server.url).port });
    expect(nowhere.of('writes')).toMatchObject({ state: 'note', remedy: expect.stringMatching(/^mkdir -p/) });
    expect(nowhere.of('port')).toMatchObject({ state: 'note', message: expect.stringContaining('already') });
  });
});

describe('folio open', () => {
  test('prints where the report is, of a folder and of a deployment', async () => {
    await store.write(`models/tiny/${versions[2]}/report.html`, Buffer.from('<p>The report.</p>'));
    const here = await folioWithin(['open', 'tiny', '--print', '--store', join(root, 'store')]);
    expect(here.stdout).toBe(`${join(root, 'store')}/models/tiny/${versions[2]}/report.html\n`);
    const none = await folioWithin(['open', 'tiny@previous', '--print', '--store', join(root, 'store')]);
    expect([none.code, none.stderr]).toEqual([3, expect.stringMatching(/has no report/)]);
    // What the gate rejected has a report too, and is the newest of a model that has nothing else.
    await store.write('candidates/fresh/20260101T000000Z-0a1b2c3d/report.html', Buffer.from('<p>No.</p>'));
    await store.write('candidates/fresh/20260101T000000Z-0a1b2c3d/model.json', Buffer.from('{}'));
    const fresh = await folioWithin(['open', 'fresh', '--print', '--store', join(root, 'store')]);
    expect(fresh.stdout).toContain('/candidates/fresh/20260101T000000Z-0a1b2c3d/report.html\n');
    const file = `${server.url}/v1/models/fresh@20260101T000000Z-0a1b2c3d/files/report.html`;
    const served = await fetch(file, { headers: { authorization: 'Bearer reader' } });
    expect(await served.text()).toBe('<p>No.</p>');
    const { code, stderr } = await folio('open', 'tiny', '--print');
    expect([code, stderr]).toEqual([5, expect.stringContaining('report.html')]); // it was not published with it
    await store.remove(`models/tiny/${versions[2]}/digests.json`);
    const there = await folio('open', 'tiny', '--print');
    expect(await readFile(there.stdout.trim(), 'utf8')).toBe('<p>The report.</p>');
  });
});
