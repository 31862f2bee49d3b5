import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installRuntimes } from './install.ts';

/** Installs the runtimes, and builds the package from the sources as they are. */
export default async function setUp(): Promise<void> {
  await installRuntimes();
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../build.ts')]);
}
