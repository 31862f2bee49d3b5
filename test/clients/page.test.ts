import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import type OpenAI from 'openai';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../browser/chromium.ts';
import { npmClientsFolder } from './packages.ts';
import { type ServerUnderTest, serve } from './server-under-test.ts';

/** What the bundle in the page defines. */
declare const openai: { readonly default: typeof OpenAI };

let browser: Browser;
let page: Page;
let theirs: Server;
let folio: ServerUnderTest;

/** OpenAI's own client, as a bundler makes it for a page. */
const bundledClient = async (): Promise<string> => {
  const { outputFiles } = await build({
    stdin: { contents: `export { default } from 'openai'`, resolveDir: npmClientsFolder },
    bundle: true,
    format: 'iife',
    globalName: 'openai',
    write: false,
    logLevel: 'error',
    platform: 'browser',
  });
  return outputFiles.map(({ text }) => text).join('');
};

beforeAll(async () => {
  const script = await bundledClient();
  theirs = createServer((request, response) => {
    if (request.url === '/openai.js') response.setHeader('content-type', 'text/javascript').end(script);
    else {
      response
        .setHeader('content-type', 'text/html')
        .end(`<!doctype html><title>Somebody's page</title><script src="openai.js"></script>`);
    }
  });
  await new Promise<void>((resolve) => theirs.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(theirs.address() as AddressInfo).port}`;
  folio = await serve({ FOLIO_ORIGINS: `${origin}/`, FOLIO_API_KEYS: 'a-key-for-pages' });
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(`${origin}/`);
});

afterAll(async () => {
  await browser?.close();
  theirs?.close();
  await folio?.[Symbol.asyncDispose]();
});

test('OpenAI’s client in a page of another origin completes, streams and reads errors', async () => {
  const seen = await page.evaluate(async (baseURL) => {
    const Client = openai.default;
    const client = new Client({
      baseURL,
      apiKey: 'a-key-for-pages',
      dangerouslyAllowBrowser: true,
      maxRetries: 0,
      organization: 'org',
      project: 'proj',
    });
    const request = { model: 'tiny', prompt: 'Once', max_tokens: 30, seed: 1 };
    const whole = await client.completions.create(request, { idempotencyKey: 'once' });
    let streamed = '';
    for await (const chunk of await client.completions.create({ ...request, stream: true })) {
      streamed += chunk.choices[0]?.text ?? '';
    }
    const chat = await client.chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: 'Once' }],
      max_tokens: 30,
    });
    const failure = await client.completions.create({ ...request, temperature: 9 }).catch((error) => error);
    return {
      whole: whole.choices[0]?.text,
      streamed,
      chat: chat.choices[0]?.message.content?.length,
      status: failure.status as number,
      param: failure.param as string,
      id: failure.requestID as string,
    };
  }, `${folio.url}/v1`);
  expect(seen).toMatchObject({ streamed: seen.whole, chat: 30, status: 400, param: 'temperature' });
  expect(seen.whole).toHaveLength(30);
  expect(seen.id).toMatch(/^[\da-f-]{36}$/);
});
