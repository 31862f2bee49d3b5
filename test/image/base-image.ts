import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../src/cache-folder.ts';

const execute = promisify(execFile);

/** Storage of its own, so that no image of the machine is touched. */
export const buildah = async (args: readonly string[], seconds = 900): Promise<string> => {
  const root = cacheFolder('tools', 'buildah');
  const storage = [
    '--storage-driver',
    'overlay',
    '--root',
    join(root, 'storage'),
    '--runroot',
    join(root, 'run'),
  ];
  const { stdout } = await execute('buildah', [...storage, ...args], {
    timeout: seconds * 1000,
    maxBuffer: 1 << 27,
  });
  return stdout.trim();
};

const suite = 'bookworm'; // of node:24-slim

/** Where this machine gets its Debian packages, for one that reaches a mirror of them alone. */
function mirror(): string | undefined {
  for (const file of ['/etc/apt/sources.list', '/etc/apt/sources.list.d/debian.sources']) {
    if (!existsSync(file)) continue;
    const [, address] =
      /^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(https?:\/\/\S+)/m.exec(readFileSync(file, 'utf8')) ?? [];
    if (address !== undefined && !address.includes('security')) return address;
  }
  return undefined;
}

/**
 * An image like node:24-slim, of Debian's minimal base and the Node of this project, for where no registry of images
 * can be reached. How the machine reaches its registries of packages goes along, for the build alone.
 *
 * @returns its name
 */
export async function localBase(): Promise<string> {
  const name = `localhost/node:24-slim-${process.versions.node}`;
  const there = await buildah(['images', '--quiet', name]).catch(() => '');
  if (there !== '') return name;
  const tree = join(cacheFolder('tools'), `debian-${suite}`);
  if (!existsSync(tree)) {
    const part = `${tree}.part`;
    await rm(part, { recursive: true, force: true });
    const address = mirror();
    await execute(
      'debootstrap',
      ['--variant=minbase', suite, part, ...(address === undefined ? [] : [address])],
      { timeout: 900_000, maxBuffer: 1 << 27 },
    );
    await rename(part, tree);
  }
  await mkdir(join(tree, 'usr/local/bin'), { recursive: true });
  await copyFile(process.execPath, join(tree, 'usr/local/bin/node'));
  await chmod(join(tree, 'usr/local/bin/node'), 0o755);
  const npm = (await execute('npm', ['root', '--global'])).stdout.trim();
  await execute('cp', ['-rT', join(npm, 'npm'), join(tree, 'usr/local/lib/npm')]);
  await writeFile(
    join(tree, 'usr/local/bin/npm'),
    '#!/bin/sh\nexec node /usr/local/lib/npm/bin/npm-cli.js "$@"\n',
    { mode: 0o755 },
  );
  const container = await buildah(['from', 'scratch']);
  await buildah(['add', '--quiet', container, tree, '/']);
  await buildah([
    'run',
    '--isolation',
    'chroot',
    container,
    '--',
    'useradd',
    '--uid',
    '1000',
    '--create-home',
    'node',
  ]);
  await buildah([
    'config',
    '--env',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    container,
  ]);
  await buildah(['commit', '--quiet', '--rm', container, name]);
  return name;
}
