import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');

let built: Promise<unknown> | undefined;

/** Makes `dist/` of the sources as they are now, once for all set-ups of a run. */
export const buildPackage = async (): Promise<void> => {
  built ??= promisify(execFile)(process.execPath, ['build.ts'], { cwd: root });
  await built;
};
