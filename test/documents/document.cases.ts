import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type CommandBlock, commandBlocks, type runDocuments } from '../document-blocks.ts';
import { freePort } from '../free-port.ts';
import { createCheckout } from './checkout.ts';

const update = inject('updateDocuments');
const usualPort = 3000;

interface Workplace {
  readonly path: string;
  readonly port: number;
  readonly servers: ChildProcess[];
}

const start = ({ language, code }: CommandBlock, { path, port }: Workplace): ChildProcess => {
  const command = code.replaceAll(`127.0.0.1:${usualPort}`, `127.0.0.1:${port}`);
  const [file, ...parameters] = {
    sh: ['bash', '-euo', 'pipefail', '-c', command],
    js: ['npx', 'node', '--input-type=module', '-e', command],
    ts: ['npx', 'node', '--input-type=module-typescript', '-e', command],
    py: ['python3', '-c', command],
  }[language] as [string, ...string[]];
  return spawn(file, parameters, {
    cwd: path,
    detached: true, // a group of its own, which ends as a whole
    env: { ...process.env, PORT: String(port), FOLIO_STORE: undefined, NODE_ENV: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
};

/** Runs a block to its end, or to the test's. @returns standard output. @throws Error with both outputs where it fails */
const run = async (block: CommandBlock, place: Workplace, signal: AbortSignal): Promise<string> => {
  const child = start(block, place);
  signal.addEventListener('abort', () => process.kill(-child.pid!, 'SIGKILL'));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [out, err, code] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
  if (code !== 0) throw new Error(`exit code ${code}\n${out}${err}`);
  return out
    .replaceAll(`127.0.0.1:${place.port}`, `127.0.0.1:${usualPort}`)
    .replaceAll(place.path, '/home/you/folio');
};

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );

/** Starts a server and waits until it answers. */
const serve = async (block: CommandBlock, place: Workplace): Promise<void> => {
  const child = start(block, place);
  const output = Promise.all([text(child.stdout!), text(child.stderr!)]);
  place.servers.push(child);
  const url = block.mark.value.replace(`:${usualPort}`, `:${place.port}`);
  for (let tries = 0; !(await answers(url)); tries++) {
    if (child.exitCode !== null || tries > 300) throw new Error(`${url}: ${(await output).join('')}`);
    await setTimeout(100);
  }
};

/** Ends the servers, and all that they started. */
const stop = async (servers: ChildProcess[]): Promise<void> => {
  for (const server of servers.splice(0)) {
    const closed = new Promise((resolve) => server.once('close', resolve));
    process.kill(-server.pid!, 'SIGTERM');
    await closed;
  }
};

/**
 * Every command block of a document is run as a reader would, one after another in one folder, and prints what the
 * document says. `npx vitest run --project documents --update` writes what was printed into the document.
 */
export const documentCases = (file: (typeof runDocuments)[number]): void => {
  const source = readFileSync(file, 'utf8');
  let checkout: Awaited<ReturnType<typeof createCheckout>>;
  let place: Workplace;
  const printed: { readonly from: number; readonly to: number; readonly text: string }[] = [];

  beforeAll(async () => {
    checkout = await createCheckout(source.includes('shakespeare.txt'));
    place = { path: checkout.path, port: await freePort(), servers: [] };
  });
  afterAll(async () => {
    await stop(place.servers);
    await checkout[Symbol.asyncDispose]();
    if (!update) return;
    expect(await readFile(file, 'utf8')).toBe(source); // an edit made meanwhile would be lost
    let document = source;
    for (const { from, to, text } of printed.reverse()) {
      document = document.slice(0, from) + text + document.slice(to);
    }
    await writeFile(file, document);
  });

  for (const block of commandBlocks(source)) {
    const name = `line ${block.line}: ${block.code.trim().split('\n')[0]}`;
    test.skipIf(block.mark.kind === 'not run')(name, async ({ signal }) => {
      if (block.mark.kind === 'starts') {
        await stop(place.servers); // one at a time has the port
        await serve(block, place);
        return;
      }
      const text = await run(block, place, signal);
      if (block.output === undefined) return;
      if (update) printed.push({ ...block.output, text: `${text.replace(/^\n|\n$/g, '')}\n` });
      else if (block.output.differs !== undefined) expect(text.trim()).not.toBe('');
      else expect(text.trim()).toBe(block.output.text.trim());
    });
  }
};
