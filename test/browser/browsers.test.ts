import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { readSettings } from '../../src/settings.ts';
import { openStore } from '../../src/store/open-store.ts';
import { queuedRecord, writeRecord } from '../../src/training-jobs/records.ts';
import type { TrainingRecord } from '../../src/training-jobs/training-jobs.ts';
import { ReportKeeper } from '../../training/report/report.ts';
import { reportHtml } from '../../training/report/report-html.ts';
import { publishTinyModel } from '../tiny-model.ts';
import { someEvents } from '../unit/training/events.ts';
import { closeFirefox, openFirefox } from './firefox.ts';
import { type PageDriver, waitFor } from './page-driver.ts';
import { openWebKit } from './webkit.ts';

const desktop = { width: 1280, height: 900 };
const phone = { width: 390, height: 844 };

let folder: string;
let server: RunningServer;
let page: PageDriver | undefined;

/** A training that has ended, as a trainer records it. */
const endedTraining = (model: string): TrainingRecord => ({
  ...queuedRecord(`20260101T000000Z-0a1b-${model}`, { model, corpusKey: `corpora/${model}.txt` }),
  state: 'published',
  version: '20260101T000000Z-00000000',
  history: [
    { epoch: 1, loss: 2.5, validationLoss: 2.6 },
    { epoch: 2, loss: 2.1, validationLoss: 2.3 },
  ],
  logTail: [`training ${model}: ${'a line that does not break '.repeat(9)}`],
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-browsers-'));
  const store = await openStore(folder);
  await publishTinyModel(store, { units: [24] });
  await writeRecord(store, endedTraining('tiny'));
  server = await startServer(
    readSettings({ FOLIO_STORE: folder, FOLIO_MODEL: 'tiny', PORT: '0', LOG_LEVEL: 'silent' }),
  );
});

afterEach(async () => {
  await page?.close();
  page = undefined;
  await server?.close(0);
  if (folder) await rm(folder, { recursive: true });
});

afterAll(closeFirefox);

describe.each([
  ['Firefox', openFirefox],
  ['WebKitGTK', openWebKit],
])('%s', (_, openBrowser) => {
  const open = async (size: typeof desktop, hash = ''): Promise<PageDriver> => {
    page = await openBrowser(size);
    await page.goto(`${server.url}/${hash}`);
    await waitFor('the list of versions', () => has('#version option'));
    return page;
  };

  const has = (selector: string): Promise<boolean> =>
    page!.evaluate((wanted) => document.querySelector(wanted) !== null, selector);

  const text = (selector: string): Promise<string> =>
    page!.evaluate((wanted) => document.querySelector(wanted)?.textContent ?? '', selector);

  const written = (): Promise<string> =>
    page!.evaluate(
      (selector) => [...document.querySelectorAll(selector)].map((span) => span.textContent).join(''),
      '.character',
    );

  const finished = (): Promise<void> =>
    waitFor('the end of the text', () =>
      page!.evaluate(
        (selector) =>
          document.querySelector(selector) !== null && document.querySelector('.receipt')?.textContent !== '',
        '.completion[aria-busy="false"]',
      ),
    );

  const generate = async (): Promise<string> => {
    await page!.click('#generate');
    await finished();
    return written();
  };

  /** A fixed seed, and a tenth of the usual length. */
  const prepare = async (): Promise<void> => {
    await page!.fill('#prompt', 'Dear reader,');
    await page!.fill('#seed', '11');
  };

  const fromApi = async (): Promise<string> => {
    const response = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'tiny',
        temperature: 0.8,
        top_p: 0.95,
        prompt: 'Dear reader,',
        max_tokens: 400,
        seed: 11,
      }),
    });
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    return choices[0]?.text ?? '';
  };

  test('a typed prompt is continued as the API continues it', async () => {
    await open(desktop);
    await prepare();
    expect(await generate()).toBe(await fromApi());
    expect(await text('.receipt')).toMatch(
      /^tiny@\S+ · seed 11 · 400 characters on the server · .*characters\/s/,
    );
    expect(await text('#notice')).toBe('');
  });

  test('in the browser the text is the server’s, also with the server stopped', async () => {
    await open(desktop);
    await prepare();
    const expected = await fromApi();
    await page!.click('#in-browser');
    await waitFor('the model', async () =>
      (await text('#backend-status')).includes('runs without the server'),
    );
    expect(await generate()).toBe(expected);
    expect(await text('.receipt')).toContain('in this browser');
    await server.close(0);
    await page!.goto(`${server.url}/`);
    await waitFor('the model', async () =>
      (await text('#backend-status')).includes('runs without the server'),
    );
    await prepare();
    expect(await generate()).toBe(expected);
  });

  test('Stop ends generation, and an alternative is continued', async () => {
    await open(desktop);
    await page!.evaluate((length) => {
      (document.querySelector('#slider-length') as HTMLInputElement).value = length;
    }, '2000');
    await page!.click('#generate');
    await waitFor('characters', async () => (await written()).length > 30);
    await page!.click('#stop');
    await finished();
    const before = await written();
    expect(before.length).toBeLessThan(2000);
    expect(await text('.receipt')).toContain('stopped');
    await page!.click('.character:nth-of-type(12)'); // the prompt's element comes first
    await page!.click('.candidate:not(.chosen)');
    await finished();
    const after = await written();
    expect(after.slice(0, 10)).toBe(before.slice(0, 10));
    expect(after.slice(0, 11)).not.toBe(before.slice(0, 11));
  });

  test('a shared link shows the same text in another browser', async () => {
    await open(desktop);
    await prepare();
    const expected = await generate();
    await page!.click('#share');
    const hash = await page!.evaluate(() => location.hash, undefined);
    await page!.close();
    await open(desktop, hash);
    await finished();
    expect(await written()).toBe(expected);
  });

  test('a training shows its losses and their chart', async () => {
    await open(desktop);
    await waitFor('the chart', () => has('#training-view canvas'));
    expect(await text('#training-view .state')).toBe('Published');
    expect(await text('#training-view figcaption')).toContain('2.300 on the held-out text');
    expect(await text('#train-notice')).toBe('');
  });

  test('nothing is wider than a phone, however long the names are', async () => {
    const store = await openStore(folder);
    const name = 'the-complete-works-of-an-author-with-a-long-name-and-many-titles'; // 64 characters
    await publishTinyModel(store, { units: [24], name });
    await writeRecord(store, endedTraining(name));
    await open(phone, `#prompt=A&model=${name}`);
    await finished();
    await waitFor('the training', () => has('#training-view .log'));
    await page!.evaluate((selector) => {
      for (const details of document.querySelectorAll<HTMLDetailsElement>(selector)) details.open = true;
    }, '#controls, .advanced, .text-form, .log');
    const { width, beyond, wide } = await page!.evaluate(
      (selector) => ({
        width: innerWidth,
        beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth, // pixels
        wide: [...document.querySelectorAll(selector)]
          .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
          .map(({ outerHTML }) => outerHTML.slice(0, 120)),
      }),
      'body *:not(.visually-hidden, .skip)',
    );
    expect(wide).toEqual([]);
    expect(width).toBe(phone.width);
    expect(beyond).toBeLessThanOrEqual(0);
  });

  test('a training report draws its charts', async () => {
    const corpus = join(folder, 'novel.txt');
    await writeFile(corpus, 'It was a dark and stormy night, and so it was. '.repeat(60));
    const keeper = new ReportKeeper();
    for (const event of await someEvents(corpus)) keeper.update(event);
    const report = join(folder, 'report.html');
    await writeFile(report, reportHtml(keeper.report));
    page = await openBrowser(desktop);
    await page.goto(pathToFileURL(report).href);
    await waitFor('four charts', () =>
      page!.evaluate((selector) => document.querySelectorAll(selector).length === 4, 'canvas'),
    );
  });
});
