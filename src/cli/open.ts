import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { cacheFolder } from '../cache-folder.ts';
import { FolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { findVersion, prefixOf } from '../store/copy-version.ts';
import { parseModelReference } from '../store/model-name.ts';
import { openStore } from '../store/open-store.ts';
import { resolveVersion } from '../store/resolve-version.ts';
import { newCommand } from './command.ts';
import { print, printStatus } from './print.ts';
import { isRemote, placeOf } from './store-contents.ts';

interface OpenFlags {
  readonly store?: string;
  readonly print?: true;
}

const REPORT = 'report.html';

/** What opens a file in the browser of a desktop, by platform. */
const openers: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
  linux: ['xdg-open'],
};

/** Milliseconds in which a program that cannot open anything says so. */
const failsWithinMs = 2_000;

/** `folio open`: the report of a training in the browser; its path on stdout. */
export const command = (): Command =>
  newCommand('open', 'open the report of a model’s training in the browser', [
    'folio open novel',
    'folio open novel@previous --store s3://my-bucket',
    'folio open novel --print',
  ])
    .argument('<model>', 'NAME, or NAME@VERSION, the beginning of a version, or previous; candidates too')
    .option('--store <location>', 'a folder, s3://BUCKET/PREFIX or https://ENDPOINT (default: FOLIO_STORE)')
    .option('--print', 'print its path and open nothing')
    .action(run);

async function run(model: string, flags: OpenFlags): Promise<void> {
  const store = await openStore(flags.store ?? readSettings().store);
  const { name, version = 'current' } = parseModelReference(model);
  const meant = await resolveVersion(store, name, version, { candidates: true });
  const key = prefixOf(await findVersion(store, name, meant)) + REPORT;
  const place = placeOf(store);
  let path = join(place, key);
  const object = await store.read(key);
  if (object === undefined) {
    throw new FolioError('not_found', `${name}@${meant} has no report: it was not trained by Folio.`, {
      where: 'model',
      received: `${name}@${meant}`,
    });
  }
  if (isRemote(place)) {
    const folder = join(cacheFolder('reports'), `${name}@${meant}`);
    await mkdir(folder, { recursive: true });
    path = join(folder, REPORT);
    await writeFile(path, object.bytes);
  }
  await print(`${path}\n`);
  if (!flags.print && !(await opened(path)))
    printStatus('No browser could be opened here: open that file in one.');
}

const opened = async (path: string): Promise<boolean> => {
  const [program, ...args] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(program, [...args, path], { stdio: 'ignore', detached: true });
  const timeout = new AbortController();
  const failed = once(child, 'exit').then(
    ([code]) => code !== 0,
    () => true, // there is no such program
  );
  const waited = delay(failsWithinMs, false, { signal: timeout.signal }).catch(() => false);
  const isOpened = !(await Promise.race([failed, waited]));
  timeout.abort();
  child.unref();
  return isOpened;
};
