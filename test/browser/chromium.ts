import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { ensureCommands } from '../debian.ts';

/** Where a Chromium or Chrome is usually found: Debian, other Linuxes, macOS, Windows. */
const usual = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

const found = (): string | undefined => usual.find((path) => existsSync(path));

/** Debian's own package, where there is no Chromium yet and this process may install it. */
export const installChromium = async (): Promise<void> => {
  if (found() === undefined) await ensureCommands({ chromium: 'chromium' }, 'the tests in Chromium');
};

const findChromium = (): string => {
  const path = found();
  if (path === undefined) {
    throw new Error(`No Chromium was found at ${usual.join(', ')} (Debian: apt-get install chromium).`);
  }
  return path;
};

/** A fresh Chromium with a fresh profile, which calls nobody by itself. */
export const launchChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: findChromium(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
