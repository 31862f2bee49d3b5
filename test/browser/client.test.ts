import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type * as client from '../../src/client/client.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { readSettings } from '../../src/settings.ts';
import { openStore } from '../../src/store/open-store.ts';
import { publishTinyModel } from '../tiny-model.ts';
import { launchChromium } from './chromium.ts';

/** What the bundle in the page defines. */
declare const folioClient: typeof client;

let browser: Browser;
let server: RunningServer;
let folder: string;
let page: Page;

/** The package's entry `folio/client`, as a bundler makes it for somebody's page. */
const bundledClient = async (): Promise<string> => {
  const { outputFiles } = await build({
    stdin: { contents: `export * from 'folio/client'`, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'iife',
    globalName: 'folioClient',
    write: false,
    logLevel: 'error',
    platform: 'browser',
  });
  return outputFiles.map(({ text }) => text).join('');
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-client-'));
  await publishTinyModel(await openStore(folder));
  server = await startServer(
    readSettings({ FOLIO_STORE: folder, FOLIO_MODEL: 'tiny', PORT: '0', LOG_LEVEL: 'silent' }),
  );
  browser = await launchChromium();
  page = await browser.newPage();
  const body = `<!doctype html><title>Somebody's page</title><script>${await bundledClient()}</script>`;
  await page.route('**/their-page', (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(`${server.url}/their-page`);
});

afterAll(async () => {
  await browser?.close();
  await server?.close(0);
  if (folder) await rm(folder, { recursive: true });
});

test('folio/client generates, streams and scores in a page', async () => {
  const results = await page.evaluate(async () => {
    const { FolioClient } = folioClient;
    const folio = new FolioClient({ baseUrl: location.origin });
    const whole = await folio.generate({ prompt: 'Dear', length: 60, seed: 4 });
    const stream = await folio.stream({ prompt: 'Dear', length: 60, seed: 4 });
    const pieces: string[] = [];
    for await (const piece of stream) pieces.push(piece);
    const score = await folio.score({ text: 'Dear' });
    const models = await folio.models();
    return {
      whole: whole.text,
      seed: stream.receipt.seed,
      streamed: pieces.join(''),
      models: models.map(({ id }) => id),
      scored: JSON.stringify(score).includes('perplexity'),
    };
  });
  expect(results.whole).toHaveLength(60);
  expect(results.streamed).toBe(results.whole);
  expect(results.seed).toBe(4);
  expect(results.models).toEqual(['tiny']);
  expect(results.scored).toBe(true);
});

test('folio/client says in a page what the API refuses', async () => {
  const refused = await page.evaluate(async () => {
    const { ApiError, FolioClient } = folioClient;
    const folio = new FolioClient({ baseUrl: location.origin });
    try {
      await folio.generate({ prompt: 'Dear', temperature: -1 });
    } catch (error) {
      return error instanceof ApiError ? { status: error.status, param: error.param } : undefined;
    }
    return undefined;
  });
  expect(refused).toEqual({ status: 400, param: 'temperature' });
});
