import { type Browser, launch } from 'puppeteer-core';
import type { PageDriver, PageOptions } from './page-driver.ts';

/** Debian's Firefox by WebDriver BiDi. */
export const firefoxCommand = 'firefox-esr';

let browser: Promise<Browser> | undefined;

/** A page with a new profile, in a Firefox that is shared. */
export const openFirefox = async ({ width, height }: PageOptions): Promise<PageDriver> => {
  browser ??= launch({ browser: 'firefox', executablePath: `/usr/bin/${firefoxCommand}`, headless: true });
  const running = await browser;
  const context = await running.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width, height });
  return {
    version: (await running.version()).replace('firefox/', 'Firefox '),
    async goto(url) {
      await page.goto(url);
    },
    click: (selector) => page.locator(selector).click(),
    async fill(selector, text) {
      await page.locator(selector).click();
      await page.evaluate((field) => (document.querySelector(field) as HTMLInputElement).select(), selector);
      await page.keyboard.press('Backspace');
      await page.keyboard.type(text);
    },
    evaluate: (run, argument) => page.evaluate(run as never, argument) as never,
    close: () => context.close(),
  };
};

export const closeFirefox = async (): Promise<void> => {
  await (await browser)?.close();
  browser = undefined;
};
