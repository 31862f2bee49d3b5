import { execFile } from 'node:child_process';
import { link, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { FolderStore } from '../../src/store/folder-store.ts';
import { ensureCommands } from '../debian.ts';
import { folio } from '../folio-command.ts';
import { storeCases } from '../store.cases.ts';

/**
 * A folder of a real exFAT file system, which has no hard links: an image of 256 MiB on a loop device, mounted by Debian's
 * exfat-fuse. Mounting wants root and a kernel that allows it; where it does not, the reason is printed and nothing is run.
 */
const run = promisify(execFile);
const work = await mkdtemp(join(tmpdir(), 'folio-exfat-'));
const folder = join(work, 'mounted');

const mount = async (): Promise<string | undefined> => {
  await ensureCommands(
    { 'mkfs.exfat': 'exfatprogs', 'mount.exfat-fuse': 'exfat-fuse', losetup: 'util-linux' },
    'a file system without hard links',
  );
  const image = join(work, 'image');
  await (await open(image, 'w')).close();
  await run('truncate', ['--size', '256M', image]);
  await run('mkfs.exfat', [image]);
  await mkdir(folder);
  const device = (await run('losetup', ['--find', '--show', image])).stdout.trim();
  try {
    await run('mount.exfat-fuse', [device, folder]);
  } catch (error) {
    await run('losetup', ['--detach', device]);
    throw error;
  }
  return device;
};

const device = await mount().catch((error: unknown) => {
  process.stderr.write(`exFAT is not tried, since it cannot be mounted here: ${String(error)}\n`);
  return undefined;
});

afterAll(async () => {
  if (device !== undefined) {
    await run('umount', [folder]);
    await run('losetup', ['--detach', device]);
  }
  await rm(work, { recursive: true });
});

describe.skipIf(device === undefined)('a folder of exFAT', () => {
  test('has no hard links', async () => {
    await writeFile(join(folder, 'a'), '');
    await expect(link(join(folder, 'a'), join(folder, 'b'))).rejects.toMatchObject({ code: 'EPERM' });
    await rm(join(folder, 'a'));
  });

  storeCases(async () => new FolderStore(join(folder, 'store')), { anyKey: false });

  test('says that it could not write a name that exFAT forbids', async () => {
    const store = new FolderStore(join(folder, 'store'));
    await expect(store.write('a "name"', new Uint8Array(1))).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('a "name"'),
    });
  });

  test('takes a model that is imported, serves and verifies it', async () => {
    const env = { FOLIO_STORE: join(folder, 'models-here') };
    const file = 'test/fixtures/import/torch-lstm/checkpoint.pt';
    const imported = await folio(['import', file, '--name', 'novel'], { env });
    expect([imported.code, imported.stdout]).toEqual([0, expect.stringMatching(/^[a-k]{200}\n$/)]);
    const generated = await folio(['generate', '--model', 'novel', '--length', '20', '--quiet'], { env });
    expect(generated.stdout).toMatch(/^[a-k]{20}\n$/);
    const verified = await folio(['models', 'verify', 'novel'], { env });
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('intact')]);
  });
});
