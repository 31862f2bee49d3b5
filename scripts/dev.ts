import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stop } from 'esbuild';
import { bundlePage } from '../src/web/bundle.ts';

/**
 * `npm run dev`: `folio serve`, started again whenever a file of `src/` changes. The playground is built again at the
 * same time, and browsers that show it reload it when its files differ. Arguments go to `folio serve`.
 */
const root = join(import.meta.dirname, '..');
const page = join(root, 'dist', 'web');
const stamp = join(page, 'assets', 'build.txt');
/** Milliseconds. An editor may write several files at once. */
const quietMs = 100;
/** Milliseconds that texts under way may take before a restart ends them. */
const graceMs = 2_000;

const say = (text: string): void => {
  process.stderr.write(`[dev] ${text}\n`);
};

/** Writes the digest of the page's files beside them: the page reloads when it changes (page-with-reload.ts). */
const stampPage = async (): Promise<void> => {
  const hash = createHash('sha256');
  const files = (await readdir(page, { recursive: true, withFileTypes: true }))
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((file) => file !== stamp);
  for (const file of files.sort()) hash.update(file).update(await readFile(file));
  await writeFile(stamp, hash.digest('hex'));
};

const startServer = (): ChildProcess =>
  spawn(process.execPath, [join(root, 'src/cli/main.ts'), 'serve', ...process.argv.slice(2)], {
    stdio: 'inherit',
  });

const stopServer = async (server: ChildProcess): Promise<void> => {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await Promise.race([ended, delay(graceMs, undefined, { ref: false })]);
  server.kill('SIGKILL');
  await ended;
};

const buildPage = async (): Promise<boolean> => {
  try {
    await bundlePage(page, join(import.meta.dirname, 'page-with-reload.ts'));
    await stampPage();
    return true;
  } catch {
    say('The page was not built, and the server was not restarted: see the errors above.'); // esbuild printed them
    return false;
  }
};

await buildPage();
let server = startServer();

const restart = async (): Promise<void> => {
  if (!(await buildPage())) return;
  await stopServer(server);
  server = startServer();
};

let changed = new Set<string>();
let restarting = Promise.resolve();
watch(join(root, 'src'), { recursive: true }, (_event, name) => {
  if (name === null || name.endsWith('~')) return;
  if (changed.size === 0) {
    restarting = restarting
      .then(() => delay(quietMs))
      .then(() => {
        say(`${[...changed].join(', ')} changed.`);
        changed = new Set();
        return restart();
      });
  }
  changed.add(name);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await restarting;
    await stopServer(server);
    await stop(); // Ctrl-C has ended esbuild's process too
    await bundlePage(page); // as `npm start` serves it
    await rm(stamp, { force: true });
    process.exit(0);
  });
}
