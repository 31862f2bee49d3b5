import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startServer } from '../../src/server/server.ts';
import { readSettings } from '../../src/settings.ts';
import { launchChromium } from './chromium.ts';

/** `npm run screenshots`: takes the documentation's pictures of the playground and the report, with the committed model. */
const root = join(import.meta.dirname, '../..');
const pictures = [
  { file: 'playground-light.png', width: 1280, height: 1000, dark: false, link: 'prompt=ROMEO%3A&seed=11' },
  { file: 'playground-dark.png', width: 390, height: 1100, dark: true, link: 'prompt=JULIET%3A&seed=7' },
];

const server = await startServer(readSettings({ FOLIO_STORE: root, PORT: '0', LOG_LEVEL: 'silent' }));
const browser = await launchChromium();
await mkdir(join(root, 'docs/images'), { recursive: true });
for (const { file, width, height, dark, link } of pictures) {
  const phone = width < 600;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    isMobile: phone,
    hasTouch: phone,
    deviceScaleFactor: phone ? 2 : 1,
  });
  const page = await context.newPage();
  await page.goto(`${server.url}/#${link}`);
  await page.locator('.character').nth(399).waitFor({ state: 'attached' });
  await page.waitForFunction(() => document.querySelector('.receipt')?.textContent !== '');
  await page.evaluate(async () => {
    await document.fonts.ready;
    scrollTo(0, 0);
  });
  if (!phone) await page.locator('.character:is(.s4, .s5, .s6, .s7, .s8)').nth(2).hover();
  await page.screenshot({ path: join(root, 'docs/images', file) });
  await context.close();
}
const { version } = JSON.parse(await readFile(join(root, 'models/shakespeare/current.json'), 'utf8')) as {
  version: string;
};
const report = await browser.newPage({ viewport: { width: 1100, height: 1240 }, colorScheme: 'light' });
await report.goto(pathToFileURL(join(root, 'models/shakespeare', version, 'report.html')).href);
await report.evaluate(async () => void (await document.fonts.ready));
await report.screenshot({ path: join(root, 'docs/images/report.png') });
await browser.close();
await server.close(0);
