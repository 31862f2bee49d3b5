import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundlePage } from '../../../src/web/bundle.ts';
import { writeLicenses } from '../../../src/web/licenses.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-licenses-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the page carries the licences of its fonts and packages', async () => {
  await bundlePage(folder);
  const text = await readFile(join(folder, 'assets/licenses.txt'), 'utf8');
  const page = await readFile(join(folder, 'assets/page.css'), 'utf8');
  expect(page).toContain('.woff2');
  for (const name of [
    '@fontsource-variable/eb-garamond',
    '@fontsource/im-fell-english',
    'uplot',
    'eventsource-parser',
  ]) {
    expect(text).toMatch(new RegExp(`^${name.replace('/', '\\/')} \\d`, 'm'));
  }
  expect(text).toContain('SIL OPEN FONT LICENSE Version 1.1');
  expect(text).toContain('Copyright 2017 The EB Garamond Project Authors');
  expect(text).toContain('THE SOFTWARE IS PROVIDED "AS IS"');
});

test('a bundled package without the text of its licence stops the build', async () => {
  const bare = join(folder, 'node_modules/@scope/bare');
  await mkdir(bare, { recursive: true });
  await writeFile(join(bare, 'package.json'), '{"name":"@scope/bare","version":"1.0.0","license":"MIT"}');
  const metafile = {
    inputs: { 'node_modules/@scope/bare/deep/index.js': { bytes: 1, imports: [] } },
    outputs: {},
  };
  const file = join(folder, 'out.txt');
  await expect(writeLicenses([metafile], folder, file)).rejects.toThrow(/@scope\/bare is bundled/);
  await writeFile(join(bare, 'LICENSE.md'), 'Do as you like.\r\n');
  await writeFile(join(bare, 'NOTICE'), 'Written by somebody.');
  await writeLicenses([metafile, metafile], folder, file);
  expect(await readFile(file, 'utf8')).toContain(
    '@scope/bare 1.0.0 (MIT)\n\nDo as you like.\n\nWritten by somebody.\n',
  );
});
