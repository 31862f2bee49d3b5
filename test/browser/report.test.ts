import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ReportKeeper } from '../../training/report/report.ts';
import { reportHtml } from '../../training/report/report-html.ts';
import { someEvents } from '../unit/training/events.ts';
import { launchChromium } from './chromium.ts';

let browser: Browser;
let folder: string;
const pages: Record<string, string> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-report-'));
  const corpus = join(folder, 'novel.txt');
  await writeFile(corpus, 'It was a dark & stormy night; <b>so</b> it was. '.repeat(60));
  const keeper = new ReportKeeper();
  for (const event of await someEvents(corpus)) keeper.update(event);
  // As it is made by the sources, and by the bundle, whose functions are made small.
  const bundle = join(import.meta.dirname, '../../dist/report-under-test.js');
  await build({
    entryPoints: [join(import.meta.dirname, '../../training/report/report-html.ts')],
    outfile: bundle,
    ...{ bundle: true, minify: true, format: 'esm', platform: 'node', packages: 'external' },
  });
  const bundled = (await import(pathToFileURL(bundle).href)) as { reportHtml: typeof reportHtml };
  await rm(bundle);
  for (const [name, html] of [
    ['sources', reportHtml],
    ['bundle', bundled.reportHtml],
  ] as const) {
    const file = join(folder, `${name}.html`);
    await writeFile(file, html(keeper.report));
    pages[name] = pathToFileURL(file).href;
  }
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** Opens a report. @returns the page, and what it complained of or asked the network for */
const open = async (address: string, width: number, colorScheme: 'light' | 'dark') => {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:')) complaints.push(request.url());
  });
  await page.goto(address);
  await page.locator('#loss canvas').waitFor();
  return { page, complaints };
};

/** Different colours on a chart's canvas: a chart that failed to draw has one. */
const coloursOf = (page: Page, chart: string): Promise<number> =>
  page.locator(`#${chart} canvas`).evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });

describe('report.html', () => {
  test.each([
    ['sources', 1280, 'light'],
    ['sources', 390, 'dark'],
    ['bundle', 1280, 'dark'],
  ] as const)('of the %s draws everything at %i pixels, %s', async (made, width, colours) => {
    const { page, complaints } = await open(pages[made]!, width, colours);
    for (const chart of ['loss', 'rate', 'norm', 'speed'])
      expect(await coloursOf(page, chart)).toBeGreaterThan(20);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    const faces = await page.evaluate(async () => {
      await document.fonts.ready;
      return [...document.fonts].filter(({ status }) => status === 'loaded').map(({ family }) => family);
    });
    expect(faces.map((family) => family.replaceAll('"', '')).sort()).toEqual([
      'EB Garamond',
      'IM Fell English',
    ]);
    expect(await page.locator('[data-epoch]:visible').allInnerTexts()).toEqual([
      expect.stringContaining('after 2'),
    ]);
    await page.locator('#epoch').press('ArrowLeft');
    expect(await page.locator('[data-epoch]:visible').allInnerTexts()).toEqual([
      expect.stringContaining('after 1'),
    ]);
    expect(await page.locator('#epoch-shown').textContent()).toBe('epoch 1, held-out loss 2.300');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
