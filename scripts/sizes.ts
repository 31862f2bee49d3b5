import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundleFunctions } from '../functions/bundle.ts';
import { bundlePage } from '../src/web/bundle.ts';

/** `npm run sizes`: bytes of what is shipped, minified, and as a server sends them (gzip). */
const dist = join(import.meta.dirname, '..', 'dist');
const scratch = mkdtempSync(join(tmpdir(), 'folio-sizes-'));

const filesIn = (folder: string, type: RegExp): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => type.test(file))
    .map((file) => join(folder, file));

const print = (name: string, files: readonly string[]): void => {
  const contents = files.map((file) => readFileSync(file));
  const bytes = contents.reduce((sum, content) => sum + content.length, 0);
  const zipped = contents.reduce((sum, content) => sum + gzipSync(content).length, 0);
  const kilobytes = (count: number): string => (count / 1000).toFixed(1).padStart(8);
  process.stdout.write(`${name.padEnd(36)}${kilobytes(bytes)} kB${kilobytes(zipped)} kB gzip\n`);
};

try {
  const page = join(scratch, 'page');
  await bundlePage(page);
  const functions = await bundleFunctions(join(scratch, 'functions'));
  print('library for browsers', [join(dist, 'browser.js')]);
  print('folio/client', [join(dist, 'client.js')]);
  print('page: script', [join(page, 'assets/page.js')]);
  print('page: engine in a worker', [join(page, 'assets/engine.js')]);
  print('page: styles', [join(page, 'assets/page.css')]);
  print('page: fonts', filesIn(page, /\.woff2$/));
  for (const [name, folder] of Object.entries(functions)) {
    print(`function: ${name}`, filesIn(folder, /\.mjs$/));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
