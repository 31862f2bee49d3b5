import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type * as openai from 'openai';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../../src/server/server.ts';
import { readSettings } from '../../src/settings.ts';
import { openStore } from '../../src/store/open-store.ts';
import { publishTinyModel } from '../tiny-model.ts';
import { launchChromium } from './chromium.ts';

/** What the bundle in the page defines. */
declare const openaiClient: typeof openai;

let browser: Browser;
let folder: string;
/** Somebody's own site, with OpenAI's client in its page. */
let site: Server;
let origin: string;

const bundledClient = async (): Promise<string> => {
  const { outputFiles } = await build({
    stdin: { contents: `export * from 'openai'`, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'iife',
    globalName: 'openaiClient',
    write: false,
    logLevel: 'error',
    platform: 'browser',
  });
  return outputFiles.map(({ text }) => text).join('');
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-openai-'));
  await publishTinyModel(await openStore(folder));
  const script = await bundledClient();
  site = createServer((request, response) => {
    const isScript = request.url === '/client.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript ? script : '<!doctype html><title>A site</title><script src="/client.js"></script>',
    );
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  site?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** What OpenAI's client does in the site's page against a server with these settings. */
const callFromSite = async (settings: Readonly<Record<string, string>>, apiKey = 'none') => {
  const server = await startServer(
    readSettings({ FOLIO_STORE: folder, FOLIO_MODEL: 'tiny', PORT: '0', LOG_LEVEL: 'silent', ...settings }),
  );
  const page = await browser.newPage();
  try {
    await page.goto(origin);
    return await page.evaluate(
      async ([baseURL, key]) => {
        const { OpenAI } = openaiClient;
        const client = new OpenAI({
          baseURL,
          apiKey: key,
          organization: 'an-organization', // sends a header that the preflight asks for
          dangerouslyAllowBrowser: true,
          maxRetries: 0,
        });
        try {
          const request = { model: 'tiny', prompt: 'Dear', max_tokens: 40, seed: 7 };
          const whole = await client.completions.create(request);
          const pieces: string[] = [];
          const stream = await client.completions.create(
            { ...request, stream: true },
            { idempotencyKey: 'a-key', headers: { 'x-of-our-own': 'yes' } },
          );
          for await (const { choices } of stream) pieces.push(choices[0]?.text ?? '');
          const models: string[] = [];
          for await (const { id } of client.models.list()) models.push(id);
          return { whole: whole.choices[0]?.text, streamed: pieces.join(''), models };
        } catch (error) {
          return { failed: String(error) };
        }
      },
      [`${server.url}/v1`, apiKey] as const,
    );
  } finally {
    await page.close();
    await server.close(0);
  }
};

const everything = {
  whole: expect.stringMatching(/^.{40}$/s),
  streamed: expect.any(String),
  models: ['tiny'],
};

test('OpenAI’s client completes and streams in a page of another origin that is allowed', async () => {
  const answer = await callFromSite({ FOLIO_ORIGINS: origin });
  expect(answer).toEqual(everything);
  expect(answer.streamed).toBe(answer.whole);
});

test('an allowed origin may be written with a slash at the end', async () => {
  expect(await callFromSite({ FOLIO_ORIGINS: `${origin}/` })).toEqual(everything);
});

test('FOLIO_ORIGINS=* allows every origin that sends a key', async () => {
  const settings = { FOLIO_ORIGINS: '*', FOLIO_API_KEYS: 'open-sesame' };
  expect(await callFromSite(settings, 'open-sesame')).toEqual(everything);
  expect(await callFromSite(settings, 'mistaken')).toEqual({ failed: expect.stringContaining('401') });
});

test('OpenAI’s client sends its key from another origin', async () => {
  expect(await callFromSite({ FOLIO_ORIGINS: origin, FOLIO_API_KEYS: 'open-sesame' }, 'open-sesame')).toEqual(
    everything,
  );
});

test('an origin that is not allowed is refused by the browser', async () => {
  expect(await callFromSite({ FOLIO_ORIGINS: 'https://example.org' })).toEqual({
    failed: expect.stringContaining('Connection error'),
  });
});
