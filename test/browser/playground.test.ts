import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import express from 'express';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folio } from '../../src/server/middleware.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { readSettings } from '../../src/settings.ts';
import { removeModel } from '../../src/store/copy-version.ts';
import { openStore } from '../../src/store/open-store.ts';
import { hasBfloat16 } from '../../src/training-jobs/bfloat16.ts';
import { publishTinyModel } from '../tiny-model.ts';
import { launchChromium } from './chromium.ts';

const desktop = { width: 1280, height: 900 };
const phone = { width: 390, height: 844 };
const sizes = [
  ['a desktop', desktop],
  ['a phone', phone],
] as const;

let browser: Browser;
let server: RunningServer;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-playground-'));
  const settings = readSettings({
    FOLIO_STORE: folder,
    FOLIO_MODEL: 'tiny',
    FOLIO_RELOAD_SECONDS: '0',
    PORT: '0',
    LOG_LEVEL: 'silent',
  });
  const store = await openStore(folder);
  await publishTinyModel(store, { units: [24], seed: 2, createdAt: new Date('2026-01-01T00:00:00Z') });
  await publishTinyModel(store, { units: [24] });
  server = await startServer(settings);
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await server?.close(0);
  if (folder) await rm(folder, { recursive: true });
});

interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Uncaught errors, and what the page logged as errors. */
  readonly consoleErrors: string[];
}

/** A new profile on the page, ready to write. */
const visit = async (
  options: { viewport?: typeof desktop; colorScheme?: 'light' | 'dark'; hash?: string } = {},
): Promise<Visit & AsyncDisposable> => {
  const { hash = '', viewport = desktop, colorScheme = 'light' } = options;
  const context = await browser.newContext({
    viewport,
    colorScheme,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const consoleErrors: string[] = [];
  page.on('pageerror', (error) => consoleErrors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') consoleErrors.push(message.text());
  });
  await page.goto(`${server.url}/${hash}`);
  await page.locator('#version option').first().waitFor({ state: 'attached' });
  return { page, context, consoleErrors, [Symbol.asyncDispose]: () => context.close() };
};

const openControls = async (page: Page): Promise<void> => {
  const controls = page.locator('#controls');
  if ((await controls.getAttribute('open')) === null) await controls.locator('> summary').click();
};

const setSlider = async (page: Page, name: string, value: number): Promise<void> => {
  await openControls(page);
  await page.locator(`#slider-${name}`).fill(String(value));
};

const setSeed = async (page: Page, seed: number): Promise<void> => {
  await openControls(page);
  await page.locator('#seed').fill(String(seed));
};

const generate = async (page: Page): Promise<string[]> => {
  await page.locator('#generate').click();
  await finished(page);
  return written(page);
};

const finished = async (page: Page): Promise<void> => {
  await page.waitForFunction(
    () =>
      document.querySelector('.completion') !== null &&
      document.querySelector('.completion[aria-busy="true"]') === null &&
      [...document.querySelectorAll('.receipt')].every((receipt) => receipt.textContent !== ''),
  );
};

/** The generated text of each completion, without the prompt. */
const written = (page: Page): Promise<string[]> =>
  page
    .locator('.completion')
    .evaluateAll((cards) =>
      cards.map((card) => [...card.querySelectorAll('.character')].map((span) => span.textContent).join('')),
    );

/** What axe finds on the page as it stands. */
const axeViolations = async (page: Page): Promise<unknown[]> => {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ html }) => html) }));
};

const askApi = async (body: Record<string, unknown>): Promise<string[]> => {
  const response = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', temperature: 0.8, top_p: 0.95, ...body }),
  });
  const { choices } = (await response.json()) as { choices: { text: string }[] };
  return choices.map(({ text }) => text);
};

/** A hundred characters, then a hundred more: the same as two hundred at once. */
const continueAndCompare = async (page: Page): Promise<void> => {
  await page.locator('#prompt').fill('And so');
  await setSlider(page, 'length', 100);
  await setSeed(page, 5);
  await generate(page);
  await page.getByRole('button', { name: 'Continue completion 1' }).click();
  await page.locator('.character').nth(199).waitFor({ state: 'attached' });
  await finished(page);
  expect(await written(page)).toEqual(await askApi({ prompt: 'And so', max_tokens: 200, seed: 5 }));
};

describe.each(sizes)('on %s', (_, viewport) => {
  test('a typed prompt is continued, each character shaded', async () => {
    await using visited = await visit({ viewport });
    const { page, consoleErrors } = visited;
    await page.locator('#prompt').fill('Dear reader,');
    await setSeed(page, 11);
    const [text] = await generate(page);
    expect([text]).toEqual(await askApi({ prompt: 'Dear reader,', max_tokens: 400, seed: 11 }));
    expect(await page.locator('.prompt').textContent()).toBe('Dear reader,');
    expect(await page.locator('.receipt').textContent()).toMatch(
      /^tiny@\S+ · seed 11 · 400 characters on the server/,
    );
    const shades = await page
      .locator('.character')
      .evaluateAll((all) => all.map(({ className }) => className));
    expect(new Set(shades).size).toBeGreaterThan(3);
    expect(consoleErrors).toEqual([]);
  });

  test('nothing is wider than the screen', async () => {
    await using visited = await visit({ viewport });
    const { page } = visited;
    await setSlider(page, 'n', 4);
    await generate(page);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(viewport.width);
  });

  test('Stop ends generation, and the text stays', async () => {
    await using visited = await visit({ viewport });
    const { page } = visited;
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    await setSlider(page, 'length', 2000);
    await page.locator('#generate').click();
    await page.locator('.character').nth(30).waitFor({ state: 'attached' });
    await page.locator('#stop').click();
    await page.locator('#generate').waitFor();
    const [text = ''] = await written(page);
    expect(text.length).toBeGreaterThan(30);
    expect(text.length).toBeLessThan(2000);
    expect(await page.locator('.receipt').textContent()).toContain('stopped');
    await page.waitForTimeout(300);
    expect(await written(page)).toEqual([text]);
  });

  test('a shared link shows the same texts in another browser', async () => {
    await using visited = await visit({ viewport });
    const { page } = visited;
    await page.locator('#prompt').fill('To be');
    await setSlider(page, 'n', 2);
    await setSlider(page, 'temperature', 1.2);
    const texts = await generate(page);
    expect(new Set(texts).size).toBe(2);
    await page.locator('#share').click();
    await page.locator('#share', { hasText: 'Copied' }).waitFor();
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    await using other = await visit({ viewport, hash: link.hash });
    await finished(other.page);
    expect(await written(other.page)).toEqual(texts);
    expect(await other.page.locator('#slider-temperature').inputValue()).toBe('1.2');
  });

  test('Continue gives the text of one longer request', async () => {
    await using visited = await visit({ viewport });
    const { page } = visited;
    await continueAndCompare(page);
  });

  test('in the browser the text is the server’s, with the network cut off too', async () => {
    await using visited = await visit({ viewport });
    const { page, context, consoleErrors } = visited;
    await setSlider(page, 'n', 2);
    await setSeed(page, 21);
    const served = await generate(page);
    await page.locator('#in-browser').check();
    await page.getByText('runs without the server').waitFor();
    expect(await generate(page)).toEqual(served);
    expect(await page.locator('.receipt').first().textContent()).toContain('in this browser');
    expect(consoleErrors).toEqual([]);

    await context.setOffline(true);
    await page.reload(); // the switch is remembered
    await page.getByText('runs without the server').waitFor();
    await setSlider(page, 'n', 2);
    await setSeed(page, 21);
    expect(await generate(page)).toEqual(served);
  });

  test('a pattern is checked while it is typed, and every text matches it, here and on the server', async () => {
    await using visited = await visit({ viewport });
    const { page, consoleErrors } = visited;
    await openControls(page);
    await page.locator('.text-form > summary').click();
    await page.locator('#form').selectOption('pattern');
    const pattern = page.locator('#pattern');
    const hint = page.locator('#pattern-hint');
    await pattern.fill('(a');
    await hint.getByText('not valid').waitFor();
    expect(await pattern.getAttribute('aria-invalid')).toBe('true');
    await pattern.fill('\\d{4}');
    await hint.getByText('it has no \\d').waitFor();
    await pattern.fill('a{5000}');
    await hint.getByText('more than the length').waitFor();
    await pattern.fill('[A-Z][a-z]{2,9} of [A-Z][a-z]{2,9}');
    await hint.getByText('shortest that does has 10 characters').waitFor();
    expect(await pattern.getAttribute('aria-invalid')).toBe('false');
    await setSeed(page, 5);
    const [text] = await generate(page);
    expect(text).toMatch(/^[A-Z][a-z]{2,9} of [A-Z][a-z]{2,9}$/);
    expect(await page.locator('.receipt').textContent()).toContain('its pattern is complete');
    expect(await axeViolations(page)).toEqual([]);
    await page.locator('#in-browser').check();
    await page.getByText('runs without the server').waitFor();
    expect(await generate(page)).toEqual([text]);
    await page.locator('#form').selectOption('choices');
    await page.locator('#choices').fill('Ay.\nAy.');
    await hint.getByText('may stand there once').waitFor();
    await page.locator('#choices').fill('Ay.\nNot I, sir.');
    await hint.getByText('one of 2').waitFor();
    const [here] = await generate(page);
    expect(['Ay.', 'Not I, sir.']).toContain(here);
    expect(await page.locator('.receipt').textContent()).toMatch(/“Ay.” \d.*one of the choices/);
    await page.locator('#in-browser').uncheck();
    expect(await generate(page)).toEqual([here]);
    await page.locator('#form').selectOption('jsonSchema');
    await page.locator('#json-schema').fill('{"type":');
    await hint.getByText('not JSON yet').waitFor();
    await page.locator('#json-schema').fill('{"type":"integer"}');
    await hint.getByText('No text over the alphabet').waitFor();
    await page.locator('#form').selectOption('');
    await page.locator('#banned').fill('e');
    expect((await generate(page))[0]).toMatch(/^[^e]{100,}$/);
    expect(consoleErrors).toEqual([]);
  });

  test('Continue in the browser gives the text of one longer request', async () => {
    await using visited = await visit({ viewport });
    const { page } = visited;
    await page.locator('#in-browser').check();
    await continueAndCompare(page);
  });

  test('a corpus is uploaded, its training followed, and its model used', async () => {
    await using visited = await visit({ viewport, hash: `#key=${server.writeKey?.key}` });
    const { page } = visited;
    expect(page.url()).toBe(`${server.url}/`);
    const verse = 'the quick brown fox jumps over the lazy dog; and the dog sleeps on.\n';
    const paper = {
      name: 'paper.pdf',
      mimeType: 'application/pdf',
      buffer: Buffer.from('%PDF-1.7\n%âãÏÓ\n'),
    };
    await page.locator('#corpus').setInputFiles(paper);
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.locator('#train-notice').waitFor();
    await page.locator('#corpus').setInputFiles({
      name: `The Lazy Dog, ${viewport.width}.txt`,
      mimeType: 'text/plain',
      buffer: Buffer.from(verse.repeat(400)),
    });
    const name = `the-lazy-dog-${viewport.width}`;
    expect(await page.locator('#train-name').inputValue()).toBe(name);
    expect(await page.locator('#train-notice').isHidden()).toBe(true);
    await page.locator('#preset').selectOption('tiny');
    if (hasBfloat16()) await page.getByLabel('Arithmetic').selectOption('bfloat16');
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    const view = page.locator('#training-view');
    // The first training on a machine sets TensorFlow up.
    await view.locator('.state', { hasText: /^Training$/ }).waitFor({ timeout: 400_000 });
    await view.getByText('Published', { exact: true }).waitFor({ timeout: 100_000 });
    const arithmetic = view.locator('dd', { hasText: /^bfloat16$/ });
    expect(await arithmetic.count()).toBe(hasBfloat16() ? 1 : 0);
    expect(await view.locator('.plot canvas').count()).toBe(1);
    expect(await view.locator('blockquote').count()).toBeGreaterThan(0);
    for (const height of await view
      .locator('blockquote')
      .evaluateAll((all) => all.map((one) => one.clientHeight))) {
      expect(height).toBeLessThan(8.5 * 28); // eight rows
    }
    const report = await view.getByRole('link', { name: 'Report' }).getAttribute('href');
    expect(await (await fetch(report ?? '')).text()).toContain('report of a training');
    expect(await axeViolations(page)).toEqual([]);
    await view.getByRole('button', { name: 'Use this model' }).click();
    await page.waitForFunction(
      (wanted) => (document.querySelector('#model') as HTMLSelectElement).value === wanted,
      name,
    );
    await page.locator('#prompt').fill('the ');
    const [text = ''] = await generate(page);
    expect(text).toHaveLength(400);
    expect(await page.locator('.receipt').textContent()).toContain(`${name}@`);
  }, 600_000);

  test.each(['light', 'dark'] as const)('axe finds nothing, %s', async (colorScheme) => {
    await using visited = await visit({ viewport, colorScheme });
    const { page } = visited;
    await openControls(page);
    await page.locator('.advanced > summary').click();
    await page.locator('.text-form > summary').click();
    await setSlider(page, 'n', 2);
    await setSlider(page, 'length', 50);
    await setSlider(page, 'temperature', 2); // every shade there is
    await generate(page);
    await page.locator('.character', { hasText: /\S/ }).nth(20).click();
    await page.locator('#inspector').waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.locator('#code').click();
    expect(await axeViolations(page)).toEqual([]);
  });
});

test('by keyboard alone: generate, go through the characters, choose an alternative', async () => {
  await using visited = await visit();
  const { page } = visited;
  await setSlider(page, 'length', 100);
  await page.locator('#prompt').focus();
  await page.keyboard.type('!');
  await page.keyboard.press('Control+Enter');
  await finished(page);
  const [before = ''] = await written(page);
  await page.locator('.text').focus();
  const place = (): Promise<number> =>
    page.locator('.character.inspected').evaluate((character) => {
      return [...document.querySelectorAll('.character')].indexOf(character);
    });
  await page.keyboard.press('End');
  expect(await place()).toBe(99);
  await page.keyboard.press('ArrowUp');
  const above = await place();
  expect(above).toBeLessThan(99);
  await page.keyboard.press('ArrowDown');
  expect(await place()).toBeGreaterThan(above);
  await page.keyboard.press('Home');
  expect(await place()).toBe(0);
  for (let step = 0; step < 10; step++) await page.keyboard.press('ArrowRight');
  expect(await page.locator('.character.inspected').evaluateAll((all) => all.length)).toBe(1);
  expect(await page.locator('#announcement').textContent()).toMatch(
    /^.+, (?:under )?[\d.]+%\. Alternatives: .+%, /,
  );
  await page.keyboard.press('Enter');
  const others = page.locator('.candidate:not(.chosen)');
  const wanted = await others.first().locator('.glyph').textContent();
  await others.first().focus();
  await page.keyboard.press('Enter');
  await page.locator('.character').nth(110).waitFor({ state: 'attached' });
  await finished(page);
  const [after = ''] = await written(page);
  const character = { space: ' ', 'new line': '\n' }[wanted ?? ''] ?? wanted;
  expect(after.slice(0, 11)).toBe(before.slice(0, 10) + character);
  expect(after.length).toBe(111);
});

test('the prompt is in the manner of the chosen model, until somebody writes one', async () => {
  const store = await openStore(folder);
  const { version } = await publishTinyModel(store, { name: 'verse', units: [24] });
  const report = { samples: [{ epoch: 1, temperature: 0.7, text: '\nShe walked along\nthe shore' }] };
  await store.write(`models/verse/${version}/report.json`, Buffer.from(JSON.stringify(report)));
  await store.remove(`models/verse/${version}/digests.json`);
  try {
    await using visited = await visit();
    const { page } = visited;
    const prompt = page.locator('#prompt');
    await page.waitForFunction(() => (document.querySelector('#prompt') as HTMLTextAreaElement).value === '');
    await page.locator('#model').selectOption('verse');
    await page.waitForFunction(
      () => (document.querySelector('#prompt') as HTMLTextAreaElement).value === 'She walked along',
    );
    await prompt.fill('My own');
    await page.locator('#model').selectOption('tiny');
    await page.waitForFunction(() => document.querySelectorAll('#version option').length === 2);
    await page.waitForTimeout(300);
    expect(await prompt.inputValue()).toBe('My own');
  } finally {
    await removeModel(store, 'verse');
  }
});

test('on a phone no keys are named, and a version is shown whole', async () => {
  await using visited = await visit({ viewport: phone });
  const { page } = visited;
  await generate(page);
  expect(await page.locator('.keys:visible').count()).toBe(0);
  expect(await page.locator('.touch').isVisible()).toBe(true);
  const room = await page.locator('#version').evaluate((select) => {
    const context = document.createElement('canvas').getContext('2d')!;
    context.font = getComputedStyle(select).font;
    const { selectedOptions } = select as HTMLSelectElement;
    return select.clientWidth - context.measureText(selectedOptions[0]?.text ?? '').width;
  });
  expect(room).toBeGreaterThan(30); // of the arrow and the padding
});

test('hovering over a character shows its alternatives', async () => {
  await using visited = await visit();
  const { page } = visited;
  await generate(page);
  await page.locator('.character', { hasText: /\S/ }).nth(15).hover();
  const inspector = page.locator('#inspector');
  await inspector.waitFor();
  expect(await inspector.locator('.candidate').count()).toBeGreaterThanOrEqual(5);
  expect(await inspector.locator('.chosen .glyph').count()).toBe(1);
  await page.mouse.move(2, 2);
  await inspector.waitFor({ state: 'hidden' });
});

const run = promisify(execFile);

test('the copied curl and JavaScript give the text that the page shows', async () => {
  await using visited = await visit();
  const { page } = visited;
  await page.locator('#prompt').fill(`It's "fine"`);
  const [text = ''] = await generate(page);
  const copied = async (language: string): Promise<string> => {
    await page.getByRole('tab', { name: language }).click();
    await page.locator('#copy-code').click();
    await page.locator('#copy-code', { hasText: 'Copied' }).waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  await page.locator('#code').click();
  const curl = await run('sh', ['-c', `${await copied('curl')} -s`]);
  expect((JSON.parse(curl.stdout) as { choices: { text: string }[] }).choices[0]?.text).toBe(text);
  const javascript = await run(process.execPath, ['--input-type=module', '-e', await copied('JavaScript')]);
  expect(javascript.stdout).toBe(`${text}\n`);
});

test('an older version is chosen, and named by the receipt', async () => {
  await using visited = await visit();
  const { page } = visited;
  await setSeed(page, 3);
  const [current] = await generate(page);
  const [, older] = await page
    .locator('#version option')
    .evaluateAll((all) => all.map((one) => one.getAttribute('value')));
  await page.locator('#version').selectOption(older ?? '');
  const [pinned] = await generate(page);
  expect(pinned).not.toBe(current);
  expect(await page.locator('.receipt').textContent()).toContain(`tiny@${older}`);
});

test('the page shows the server’s error messages', async () => {
  await using visited = await visit();
  const { page } = visited;
  await openControls(page);
  await page.locator('.advanced > summary').click();
  await page.locator('#unknown').selectOption('error');
  await page.locator('#prompt').fill('日本');
  await page.locator('#generate').click();
  await page.locator('#notice').waitFor();
  expect(await page.locator('#notice').textContent()).toMatch(/does not know "日", "本"/);
});

test('the page works where it is mounted in an Express app', async () => {
  const settings = readSettings({ FOLIO_STORE: folder, FOLIO_MODEL: 'tiny', LOG_LEVEL: 'silent' });
  const theirs = express().use('/deep/folio', folio(settings)).listen(0, '127.0.0.1');
  await once(theirs, 'listening');
  try {
    const { port } = theirs.address() as AddressInfo;
    const page = await browser.newPage({ reducedMotion: 'reduce' });
    await page.goto(`http://127.0.0.1:${port}/deep/folio`);
    await page.locator('#version option').first().waitFor({ state: 'attached' });
    expect((await generate(page))[0]).toHaveLength(400);
    await page.locator('#in-browser').check();
    await page.getByText('runs without the server').waitFor();
    await page.close();
  } finally {
    theirs.closeAllConnections();
    theirs.close();
  }
});

test('the page asks for a key, keeps it, and sends it with each request', async () => {
  const settings = { FOLIO_STORE: folder, FOLIO_MODEL: 'tiny', PORT: '0', LOG_LEVEL: 'silent' };
  const locked = await startServer(readSettings({ ...settings, FOLIO_API_KEYS: 'open-sesame' }));
  try {
    const context = await browser.newContext({ reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(locked.url);
    await page.locator('#key').fill('mistaken');
    await page.locator('#key-form').getByText('Use key').click();
    await page.getByText('not one of this server').waitFor();
    await page.reload();
    await page.locator('#key').fill('open-sesame');
    await page.keyboard.press('Enter');
    await page.locator('#version option').first().waitFor({ state: 'attached' });
    expect((await generate(page))[0]).toHaveLength(400);
    await page.locator('#in-browser').check();
    await page.getByText('runs without the server').waitFor();
    expect((await generate(page))[0]).toHaveLength(400);
    await page.locator('#code').click();
    expect(await page.locator('#code-panel').textContent()).toContain('$FOLIO_KEY');
    expect(await page.locator('#code-panel').textContent()).not.toContain('open-sesame');
    await context.close();
  } finally {
    await locked.close(0);
  }
});

test('a training is shown without its chart where the chart’s code cannot be loaded', async () => {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  const page = await context.newPage();
  const training = {
    id: '20260101T000000Z-0a1b-tiny',
    model: 'tiny',
    preset: 'tiny',
    corpus: { source: 'corpora/tiny.txt' },
    state: 'published',
    started_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:01:00Z',
    history: [{ epoch: 1, loss: 2.5, validation_loss: 2.6 }],
    samples: [],
    log_tail: [],
  };
  const stopped = { ...training, id: '20251231T000000Z-0a1b-tiny', state: 'stopped' }; // and resumed
  const progress = {
    epoch: 1,
    epochs: 2,
    step: 9,
    steps: 18,
    loss: 2.5,
    characters_per_second: 9,
    seconds_left: 9,
  };
  await page.route('**/v1/trainings', (route) =>
    route.fulfill({ json: { object: 'list', data: [training, stopped] } }),
  );
  const event = (shown: object) => `event: training\ndata: ${JSON.stringify(shown)}\n\n`;
  let asked = 0;
  await page.route('**/v1/trainings/*', (route) => {
    asked++;
    if (asked === 2) return route.abort(); // as where a server is started anew
    const bodies = [event({ ...training, state: 'running' }), '', event({ ...stopped, progress })];
    const body = bodies[asked - 1] ?? `${event(training)}event: end\ndata:\n\n`;
    return route.fulfill({ contentType: 'text/event-stream', body });
  });
  await page.route('**/uPlot*.js', (route) => route.abort());
  await page.goto(server.url);
  await page.locator('#train-notice').getByText('The chart cannot be drawn').waitFor();
  await page.locator('#train-notice').getByText('trying again').waitFor();
  const state = page.locator('#training-view .state');
  await state.getByText(/^Training\. The trainer has written nothing since 1 Jan 2026, \d\d:\d\d/).waitFor();
  await state
    .getByText('Stopped. Train the same text with the same name and settings, and it goes on')
    .waitFor();
  await state.getByText('Published', { exact: true }).waitFor();
  expect(await page.locator('#train-notice').isHidden()).toBe(true);
  expect(await page.locator('#training-view figcaption').textContent()).toContain(
    '2.600 on the held-out text',
  );
  expect(await page.locator('#training option').count()).toBe(1);
  expect((await generate(page))[0]).toHaveLength(400);
  await context.close();
});
