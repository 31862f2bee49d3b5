import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page, Worker } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { readSettings } from '../../src/settings.ts';
import { openStore } from '../../src/store/open-store.ts';
import { publishTinyModel } from '../tiny-model.ts';
import { launchChromium } from './chromium.ts';

let browser: Browser;
let folder: string;
let server: RunningServer;
let context: BrowserContext;
let page: Page;

const start = (settings: Readonly<Record<string, string>> = {}): Promise<RunningServer> =>
  startServer(
    readSettings({
      FOLIO_STORE: folder,
      FOLIO_MODEL: 'tiny',
      FOLIO_RELOAD_SECONDS: '0',
      PORT: '0',
      LOG_LEVEL: 'silent',
      ...settings,
    }),
  );

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-offline-'));
  await publishTinyModel(await openStore(folder), { units: [24] });
  server = await start();
  context = await browser.newContext({ reducedMotion: 'reduce' });
  page = await context.newPage();
});

afterEach(async () => {
  await context?.close();
  await server?.close(0);
  if (folder) await rm(folder, { recursive: true });
});

const generate = async (): Promise<string> => {
  await page.locator('#generate').click();
  await page.waitForFunction(
    () =>
      document.querySelector('.completion[aria-busy="false"]') !== null &&
      document.querySelector('.receipt')?.textContent !== '',
  );
  return page.locator('.character').evaluateAll((all) => all.map((span) => span.textContent).join(''));
};

const loadInBrowser = async (): Promise<void> => {
  await page.locator('#in-browser').check();
  await page.getByText('runs without the server').waitFor();
};

const setSeed = (seed: number): Promise<void> => page.locator('#seed').fill(String(seed));

/** The page, opened again with the server stopped, generates as before. */
const expectSameOffline = async (text: string): Promise<void> => {
  await server.close(0);
  await page.reload();
  await page.getByText('runs without the server').waitFor(); // the switch is remembered
  await setSeed(5);
  expect(await generate()).toBe(text);
  expect(await page.locator('.receipt').textContent()).toContain('in this browser');
};

test('a model that was loaded on the first visit works without the server', async () => {
  await page.goto(server.url);
  await loadInBrowser();
  await setSeed(5);
  await expectSameOffline(await generate());
});

test('a model of a server that wants a key works without the server', async () => {
  await server.close(0);
  server = await start({ FOLIO_API_KEYS: 'open-sesame' });
  await page.goto(server.url);
  await page.locator('#key').fill('open-sesame');
  await page.keyboard.press('Enter');
  await page.locator('#version option').first().waitFor({ state: 'attached' });
  await loadInBrowser();
  await setSeed(5);
  await expectSameOffline(await generate());
});

test('the copy guard works without the server', async () => {
  await server.close(0);
  server = await start({ FOLIO_STORE: join(import.meta.dirname, '../..'), FOLIO_MODEL: 'shakespeare' });
  await page.goto(server.url);
  await loadInBrowser();
  await setSeed(5);
  await page.locator('.advanced > summary').click();
  await page.locator('#slider-copyGuard').fill('20');
  await server.close(0);
  await generate();
  expect(await page.locator('.receipt').textContent()).toMatch(/quotation|quotes/);
});

/** The installed service worker. */
const serviceWorker = async (): Promise<Worker> => {
  const [worker = await context.waitForEvent('serviceworker')] = context.serviceWorkers();
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  return worker;
};

test('a full cache spoils no answer', async () => {
  await page.goto(server.url);
  const worker = await serviceWorker();
  await worker.evaluate(() => {
    Cache.prototype.put = () => Promise.reject(new DOMException('The disk is full.', 'QuotaExceededError'));
  });
  await page.reload();
  await loadInBrowser();
  expect(await generate()).toHaveLength(400);
});

test('a cache that cannot be opened spoils no answer', async () => {
  await page.goto(server.url);
  const worker = await serviceWorker();
  await worker.evaluate(() => {
    caches.open = () => Promise.reject(new DOMException('Storage is off.', 'SecurityError'));
  });
  await page.reload();
  await loadInBrowser();
  expect(await generate()).toHaveLength(400);
});

const cached = (): Promise<string[]> =>
  page.evaluate(async () => {
    const names = await caches.keys();
    const urls = await Promise.all(
      names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)),
    );
    return urls.flat().map((url) => decodeURIComponent(new URL(url).pathname));
  });

test('a new version takes the place of the old one in the cache', async () => {
  await page.goto(server.url);
  await loadInBrowser();
  const old = await page.locator('#version').inputValue();
  expect(await cached()).toContain(`/v1/models/tiny@${old}/files/model.json`);
  await publishTinyModel(await openStore(folder), { units: [24], seed: 9 });
  await page.reload();
  await page.locator(`#version option:not([value="${old}"])`).waitFor({ state: 'attached' });
  await page.getByText('runs without the server').waitFor();
  const current = await page.locator('#version').inputValue();
  expect(current).not.toBe(old);
  await expect.poll(cached).toContain(`/v1/models/tiny@${current}/files/model.json`);
  await expect.poll(async () => (await cached()).filter((path) => path.includes(old))).toEqual([]);
});

test('caches of other builds of the page are removed', async () => {
  await page.goto(server.url);
  await page.evaluate(async () => {
    await (await navigator.serviceWorker.getRegistration())?.unregister();
    await caches.open('folio-shell'); // as the first releases named it
    await caches.open('folio-shell-0123');
    await caches.open('theirs');
  });
  await page.reload();
  await serviceWorker();
  await expect.poll(() => page.evaluate(() => caches.keys())).not.toContain('folio-shell');
  const names = await page.evaluate(() => caches.keys());
  expect(names).toContain('theirs');
  expect(names.filter((name) => name.startsWith('folio-shell'))).toEqual([
    expect.stringMatching(/^folio-shell-[0-9a-f]{16}$/),
  ]);
  expect(names).not.toContain('folio-shell-0123');
});
