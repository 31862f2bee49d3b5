import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

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

/** Debian's own package, where this process may install it. */
const install = (): void => {
  const apt = (...parameters: string[]) =>
    execFileSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...parameters], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  apt('update');
  apt('install', '-y', '--no-install-recommends', 'chromium');
};

/** The path of a Chromium on this machine, installed first where there is none. @throws with what to do otherwise */
export const findChromium = (): string => {
  const here = found();
  if (here !== undefined) return here;
  const advice = 'Install Chromium or Chrome (Debian: apt-get install chromium) and run the tests again.';
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`No Chromium was found at ${usual.join(', ')}. ${advice}`);
  }
  try {
    install();
  } catch (cause) {
    throw new Error(`Chromium could not be installed by apt-get. ${advice}`, { cause });
  }
  const installed = found();
  if (installed === undefined) throw new Error(`apt-get installed no Chromium. ${advice}`);
  return installed;
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
