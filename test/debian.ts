import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

const runs = (command: string): Promise<boolean> =>
  run('sh', ['-c', `command -v ${command}`]).then(
    () => true,
    () => false,
  );

let last: Promise<void> = Promise.resolve();

/**
 * Makes sure that commands are there, by Debian's packages where they are missing: one call after another, since apt-get
 * refuses to run twice at once.
 *
 * @param wanted Command to package: `{ cmake: 'cmake' }`.
 * @param why Completes "Needed for …" in the error that names what to do.
 */
export function ensureCommands(wanted: Readonly<Record<string, string>>, why: string): Promise<void> {
  const installed = last.then(() => install(wanted, why));
  last = installed.catch(() => undefined);
  return installed;
}

async function install(wanted: Readonly<Record<string, string>>, why: string): Promise<void> {
  const missing: string[] = [];
  for (const [command, name] of Object.entries(wanted)) if (!(await runs(command))) missing.push(name);
  if (missing.length === 0) return;
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 1 << 26 };
  try {
    await run('apt-get', ['update'], options);
    await run('apt-get', ['install', '--yes', '--no-install-recommends', ...missing], options);
  } catch (cause) {
    throw new Error(
      `Needed for ${why}: ${missing.join(', ')}. They could not be installed by apt-get (which wants root): ` +
        'install them and try again.',
      { cause },
    );
  }
}
