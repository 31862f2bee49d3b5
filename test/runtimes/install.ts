import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../src/cache-folder.ts';

/** From npm, whose packages bring the runtimes' programs. */
const runtimeVersions = { workerd: '1.20261117.1', deno: '2.9.6', bun: '1.4.5', node: '20.20.2' } as const;

/** Installs the runtimes once a machine, outside the checkout. @returns the folder of their commands */
export const installRuntimes = async (): Promise<string> => {
  const packages = Object.entries(runtimeVersions).map(([name, version]) => `${name}@${version}`);
  const folder = join(cacheFolder('tools'), `runtimes-${packages.join('-')}`);
  const commands = join(folder, 'node_modules/.bin');
  if (existsSync(commands)) return commands;
  const work = await mkdtemp(`${folder}.part-`);
  const allowScripts = Object.fromEntries(Object.keys(runtimeVersions).map((name) => [name, true]));
  await writeFile(join(work, 'package.json'), JSON.stringify({ private: true, allowScripts }));
  try {
    await promisify(execFile)(
      'npm',
      ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages],
      {
        cwd: work,
        env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
        maxBuffer: 1 << 26,
      },
    );
    await rename(work, folder).catch(() => {}); // another process was first
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return commands;
};
