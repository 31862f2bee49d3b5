import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as library from '../../src/browser.ts';
import { openModel } from '../../src/model/open-model.ts';
import { filesOf, randomFiles, randomNetwork } from '../random-model.ts';
import { launchChromium } from './chromium.ts';

/** What the bundle in the page defines. */
declare const folio: typeof library;

/** As large as a real one, so that the test covers what a small model does not: every tile and every edge. */
const { json, weights } = randomFiles(randomNetwork(undefined, 77));
const alphabet = '\n abcdefghijklmnopqrstuvwxyz.,!?ABC';
const files = filesOf({ ...json, userDefinedMetadata: { alphabet: [...alphabet] } }, weights);
const origin = 'https://models.example';

let browser: Browser;
let page: Page;

/** The library as somebody's bundler would make it of `dist/browser.js`'s source. */
const bundle = async (): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: ['src/browser.ts'],
    bundle: true,
    minify: true,
    format: 'iife',
    globalName: 'folio',
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
};

beforeAll(async () => {
  const script = await bundle();
  browser = await launchChromium();
  page = await browser.newPage();
  await page.route(`${origin}/**`, (route) => {
    const path = new URL(route.request().url()).pathname;
    if (path === '/')
      return route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Folio</title>' });
    const file = files[path.replace('/tiny/', '')];
    return file === undefined ? route.fulfill({ status: 404 }) : route.fulfill({ body: Buffer.from(file) });
  });
  await page.goto(`${origin}/`);
  await page.addScriptTag({ content: script });
});

afterAll(() => browser?.close());

describe('the library in Chromium', () => {
  it('generates and scores in int8 the same bits as Node', async () => {
    const here = await openModel((file) => Promise.resolve(files[file]));
    const sampling = { temperature: 0.9, topP: 0.95, typicalP: 0.97, repetitionPenalty: 1.05 };
    const request = { ...sampling, prompt: 'A cab', length: 2000, seed: 77, n: 2, stop: ['zzz'] };
    const there = await page.evaluate(async (options) => {
      const model = await folio.loadModel('/tiny');
      const { choices } = await model.complete(options).result();
      const { nats } = await model.score('a page');
      return {
        info: { digest: model.info.digest, precision: model.info.precision },
        texts: choices.map(({ text }) => text),
        state: [...choices[1]!.state],
        nats,
      };
    }, request);
    const { choices } = await here.complete(request).result();
    expect(there.info).toEqual({ digest: here.info.digest, precision: 'int8' });
    expect(there.texts).toEqual(choices.map(({ text }) => text));
    expect(there.state).toEqual([...choices[1]!.state]);
    expect(there.nats).toBe((await here.score('a page')).nats);
  });

  it('generates without blocking the page, and stops when its signal is aborted', async () => {
    const { frames, text } = await page.evaluate(async () => {
      const model = await folio.loadModel(`${location.origin}/tiny/model.json`, { precision: 'f32' });
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 500);
      let frames = 0;
      const count = (): void => {
        frames++;
        if (!stop.signal.aborted) requestAnimationFrame(count);
      };
      requestAnimationFrame(count);
      let text = '';
      for await (const piece of model.generate({ length: 1e9, signal: stop.signal })) text += piece;
      return { frames, text: text.length };
    });
    expect(frames).toBeGreaterThan(5);
    expect(text).toBeGreaterThan(100);
  });

  it('names what is wrong with a model', async () => {
    const codes = await page.evaluate(async () => {
      const codeOf = (error: unknown): string => (folio.isFolioError(error) ? error.code : String(error));
      const absent = await folio.loadModel('/absent').catch(codeOf);
      const broken = await folio
        .openModel(async () => new TextEncoder().encode('{"modelTopology":{}}'))
        .catch(codeOf);
      return [absent, broken];
    });
    expect(codes).toEqual(['model_not_found', 'model_invalid']);
  });
});
