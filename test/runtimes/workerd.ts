import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { installRuntimes } from './install.ts';

export interface RunningWorker {
  fetch(path: string): Promise<Response>;
  stop(): Promise<void>;
}

export interface WorkerModule {
  readonly name: string;
  readonly kind: 'esModule' | 'wasm' | 'data';
  readonly file: string;
}

/**
 * Starts a Worker in workerd, Cloudflare's runtime.
 *
 * @param folder Where its configuration is written.
 * @param modules The entry first.
 * @throws Error with workerd's own words where the Worker does not start
 */
export const startWorker = async (
  folder: string,
  modules: readonly WorkerModule[],
  compatibilityDate: string,
  compatibilityFlags: readonly string[] = [],
): Promise<RunningWorker> => {
  const port = await freePort();
  const config = join(folder, `${port}.capnp`);
  const embedded = await Promise.all(
    modules.map(async ({ name, kind, file }, index) => {
      const copy = `${port}-${index}`; // workerd embeds files beside its configuration
      await writeFile(join(folder, copy), await readFile(file));
      return `(name = "${name}", ${kind} = embed "${copy}")`;
    }),
  );
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [${embedded.join(', ')}],
  compatibilityDate = "${compatibilityDate}",
  compatibilityFlags = [${compatibilityFlags.map((flag) => `"${flag}"`).join(', ')}],
);
`,
  );
  const process = spawn(join(await installRuntimes(), 'workerd'), ['serve', '--verbose', config]);
  let log = '';
  process.stderr.on('data', (chunk) => {
    log += String(chunk);
  });
  const stop = async (): Promise<void> => {
    if (process.exitCode !== null || process.signalCode !== null) return;
    process.kill();
    await once(process, 'exit');
  };
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const answered = await fetch(url, { method: 'HEAD' }).then(
      () => true,
      () => false,
    );
    if (answered) return { fetch: (path) => fetch(url + path), stop };
    if (process.exitCode !== null || Date.now() > end) {
      await stop();
      throw new Error(`workerd did not start: ${log}`);
    }
  }
};
