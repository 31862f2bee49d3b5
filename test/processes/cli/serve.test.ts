import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { publishTinyModel } from '../../tiny-model.ts';

const run = promisify(execFile);

let root: string;
let version: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'folio-serve-'));
  // An alphabet without a colon: the curl line must not ask it for one.
  ({ version } = await publishTinyModel(new FolderStore(root), { alphabet: '\n abcdefg' }));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Starts `folio serve`, hands over what it printed, and ends it. */
const served = async (
  env: Record<string, string>,
  use: (banner: string, url: string) => Promise<void>,
): Promise<void> => {
  const child = spawn(process.execPath, ['src/cli/main.ts', 'serve', '--port', '0'], {
    env: { ...process.env, LOG_LEVEL: 'warn', ...env },
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += String(text);
  });
  try {
    const [banner] = await once(child.stdout, 'data');
    const url = /^Folio is at (http:\S+)$/m.exec(String(banner))?.[1] ?? '';
    await use(String(banner), url);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  expect(stderr).toBe('Stopping: requests under way may end.\n');
};

/** The command that the banner shows, as a shell runs it. */
const pasted = (banner: string, env: Record<string, string> = {}): Promise<{ stdout: string }> => {
  const command = banner.slice(banner.indexOf('curl')).replace('curl', 'curl -fsS');
  return run('sh', ['-c', command], { env: { PATH: process.env.PATH, ...env } });
};

test('prints model, store, addresses and a command that works as it stands', async () => {
  await served({ FOLIO_STORE: root, FOLIO_MODEL: 'tiny' }, async (banner, url) => {
    expect(banner).toContain(`model       tiny@${version}\n`);
    expect(banner).toContain(`store       ${root}\n`);
    expect(banner).toContain(`API         ${url}/docs\n`);
    expect((await fetch(`${url}/docs`)).status).toBe(200);
    expect([...(await pasted(banner)).stdout]).toHaveLength(300);
  });
});

test('with keys the command carries one', async () => {
  await served({ FOLIO_STORE: root, FOLIO_MODEL: 'tiny', FOLIO_API_KEYS: 'open-sesame' }, async (banner) => {
    expect(banner).not.toContain('open-sesame');
    expect([...(await pasted(banner, { FOLIO_KEY: 'open-sesame' })).stdout]).toHaveLength(300);
    await expect(pasted(banner, { FOLIO_KEY: 'another' })).rejects.toThrow('401');
  });
});

test.each([
  ['holds another', () => root, 'It holds tiny.'],
  ['is empty', () => join(root, 'models'), 'It holds no models.'],
  ['is not there', () => join(root, 'nowhere'), 'That folder does not exist.'],
])('a store that %s is reported first, with its path and what is there', async (_, store, contents) => {
  await served({ FOLIO_STORE: store(), FOLIO_MODEL: 'novel' }, async (banner) => {
    expect(banner).toMatch(new RegExp(`^There is no model novel in ${store()}\\.\n${contents}\n`));
    expect(banner).toMatch(/--name novel --store \S+\n\nFolio is at http/);
    expect(banner).not.toContain('curl');
  });
});

test('a default model that is damaged is reported first, once', async () => {
  const damaged = join(root, 'damaged');
  await mkdir(join(damaged, 'models/tiny/v1'), { recursive: true });
  await writeFile(join(damaged, 'models/tiny/v1/model.json'), '{');
  await writeFile(join(damaged, 'models/tiny/current.json'), '{"version":"v1"}');
  await served({ FOLIO_STORE: damaged, FOLIO_MODEL: 'tiny', LOG_LEVEL: 'silent' }, async (banner) => {
    expect(banner).toMatch(/^The model tiny cannot be opened: .*model\.json.*\n\nFolio is at/);
  });
});
