import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { startServer } from '../server/server.ts';
import { readSettings } from '../settings.ts';
import { type AlphabetOptions, addAlphabet, alphabetFrom } from './alphabet-options.ts';
import { newCommand } from './command.ts';
import { onInterrupt } from './on-interrupt.ts';
import { print, printStatus } from './print.ts';
import { startBanner } from './start-banner.ts';
import { applyWideVectors } from './wide-vectors.ts';

/** Milliseconds that the default model may take to open before the server's address is printed without it. */
const openingMs = 3_000;

interface ServeFlags extends AlphabetOptions {
  readonly port?: string;
  readonly host?: string;
  readonly store?: string;
  readonly model?: string;
}

/** `folio serve`: the API and the playground on this machine, until it is interrupted. */
export const command = (): Command =>
  addAlphabet(
    newCommand('serve', 'answer requests, with a playground', [
      'folio serve',
      'folio serve --port 8080 --store my-models --model novel',
      'FOLIO_API_KEYS=a-long-secret folio serve --host 0.0.0.0',
    ]),
  )
    .option('--port <number>', 'port to listen on (default: PORT, else 3000)')
    .option('--host <address>', 'address to listen on (default: HOST, else 127.0.0.1)')
    .option('--store <location>', 'a folder or s3://BUCKET/PREFIX (default: FOLIO_STORE)')
    .option('--model <name>', 'the model that answers when a request names none (default: FOLIO_MODEL)')
    .action(async ({ port, host, store, model, ...alphabet }: ServeFlags) => {
      const settings = { ...readSettings(undefined, { port, store, model }), ...(host && { host }) };
      await applyWideVectors(settings);
      const server = await startServer(settings, await alphabetFrom(alphabet));
      onInterrupt(() => {
        printStatus('Stopping: requests under way may end.');
        server.close().catch((error: unknown) => printStatus(String(error)));
      });
      // A store that is slow to answer does not keep the address back.
      const fault = Promise.race([server.defaultModelFault, delay(openingMs, undefined, { ref: false })]);
      await print(await startBanner(settings, server, await fault));
    });
