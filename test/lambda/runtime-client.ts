import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../src/cache-folder.ts';
import { ensureCommands } from '../debian.ts';

const run = promisify(execFile);
const version = '4.0.2';

/** AWS's own runtime client for Node, compiled once a machine, outside the checkout. @returns its program */
export async function installRuntimeClient(): Promise<string> {
  const folder = join(cacheFolder('tools'), `aws-lambda-ric-${version}-node${process.versions.modules}`);
  const program = join(folder, 'node_modules/aws-lambda-ric/index.mjs');
  if (existsSync(program)) return program;
  const tools = { cmake: 'cmake', 'g++': 'g++', make: 'make', python3: 'python3', xz: 'xz-utils' };
  await ensureCommands(tools, "compiling AWS Lambda's runtime client");
  const work = await mkdtemp(`${folder}.part-`);
  const manifest = { private: true, allowScripts: { 'aws-lambda-ric': true } };
  await writeFile(join(work, 'package.json'), JSON.stringify(manifest));
  try {
    await run(
      'npm',
      ['install', '--no-audit', '--no-fund', '--loglevel=error', `aws-lambda-ric@${version}`],
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
  return program;
}
