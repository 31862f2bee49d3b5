import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../src/cache-folder.ts';
import { ensureCommands } from './debian.ts';

const run = promisify(execFile);

const made = new Map<string, Promise<string>>();

/**
 * Programs from the Python registry in a virtual environment of their own, made once a machine, outside the checkout.
 *
 * @param packages With their versions: `['cfn-lint==1.58.0']`.
 * @returns the folder of their programs
 */
export function pythonTools(name: string, packages: readonly string[]): Promise<string> {
  const tools = made.get(name) ?? make(name, packages); // several sets may ask at once
  made.set(name, tools);
  return tools;
}

async function make(name: string, packages: readonly string[]): Promise<string> {
  const folder = join(cacheFolder('tools'), name);
  const ready = join(folder, 'ready');
  const programs = join(folder, 'bin');
  if (existsSync(ready)) return programs;
  await rm(folder, { recursive: true, force: true });
  await ensureCommands({ python3: 'python3' }, `the tests that use ${name}`);
  const create = () => run('python3', ['-m', 'venv', folder]);
  await create().catch(async () => {
    // Debian keeps the module in a package of its own.
    await ensureCommands({ 'no-such-command': 'python3-venv' }, `the tests that use ${name}`);
    await create();
  });
  const pip = [join(programs, 'python'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  await run(pip[0] ?? '', [...pip.slice(1), ...packages], { maxBuffer: 1 << 26 });
  await writeFile(ready, packages.join('\n'));
  return programs;
}
