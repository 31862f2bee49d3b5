import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { Builder, By, Capabilities } from 'selenium-webdriver';
import { freePort } from '../free-port.ts';
import { type PageDriver, type PageOptions, waitFor } from './page-driver.ts';

/** Command to Debian package: the browser's driver brings the browser itself, which wants a display. */
export const webkitPackages = { WebKitWebDriver: 'webkit2gtk-driver', Xvfb: 'xvfb' } as const;

const findMiniBrowser = (): string => {
  const [path] = globSync('/usr/lib/*/webkit2gtk-*/MiniBrowser');
  if (path === undefined) throw new Error('WebKitGTK has no MiniBrowser in /usr/lib/*/webkit2gtk-*/.');
  return path;
};

/** A virtual display of this size. @returns its name, such as `:3` */
const startDisplay = async ({ width, height }: PageOptions): Promise<[ChildProcess, string]> => {
  const screen = ['-screen', '0', `${width}x${height}x24`];
  const display = spawn('Xvfb', ['-displayfd', '3', ...screen, '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const [number] = (await once(display.stdio[3] as NodeJS.ReadableStream, 'data')) as [Buffer];
  return [display, `:${number.toString().trim()}`];
};

/**
 * A page in WebKitGTK's MiniBrowser with a new profile, as large as its display: a window with a toolbar cannot be
 * narrower than 447 pixels. The language is that of a machine without one, for which `navigator.language` is "C".
 */
export const openWebKit = async (options: PageOptions): Promise<PageDriver> => {
  const [display, name] = await startDisplay(options);
  const port = await freePort();
  const driver = spawn('WebKitWebDriver', ['--host=127.0.0.1', `--port=${port}`], {
    stdio: 'ignore',
    env: { ...process.env, DISPLAY: name, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', NO_AT_BRIDGE: '1' },
  });
  const stop = async (): Promise<void> => {
    for (const process of [driver, display]) {
      if (process.exitCode !== null || process.signalCode !== null) continue;
      process.kill();
      await once(process, 'exit');
    }
  };
  try {
    const server = `http://127.0.0.1:${port}`;
    await waitFor('WebKitWebDriver', () =>
      fetch(`${server}/status`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    const browser = await new Builder()
      .usingServer(server)
      .withCapabilities(
        new Capabilities({
          browserName: 'MiniBrowser',
          'webkitgtk:browserOptions': {
            binary: findMiniBrowser(),
            args: ['--automation', '--full-screen'],
          },
        }),
      )
      .build();
    await browser
      .manage()
      .window()
      .setRect({ x: 0, y: 0, ...options });
    await browser.manage().setTimeouts({ script: 60_000 });
    const find = (selector: string) => browser.findElement(By.css(selector));
    return {
      version: `WebKitGTK ${(await browser.getCapabilities()).get('browserVersion')}`,
      goto: (url) => browser.get(url),
      click: (selector) => find(selector).click(),
      async fill(selector, text) {
        await find(selector).clear();
        await find(selector).sendKeys(text);
      },
      async evaluate<Result>(run: (argument: never) => unknown, argument: unknown): Promise<Result> {
        const { value, error } = await browser.executeAsyncScript<{ value: Result; error?: string }>(
          `const [argument, done] = arguments;
          Promise.resolve(argument).then(${run}).then((value) => done({ value }), (error) => done({ error: String(error) }));`,
          argument,
        );
        if (error !== undefined) throw new Error(error);
        return value;
      },
      async close() {
        await browser.quit();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
