import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { writeLicenses } from './licenses.ts';

const source = import.meta.dirname;
const copied = ['icon.svg', 'folio.webmanifest'];

/**
 * Builds the playground: page, styles and fonts, the engine's worker, and a service worker that knows all of them.
 *
 * @param folder Where `index.html`, `service-worker.js` and `assets/` go.
 * @param main The page's script; `npm run dev` has one that reloads the page.
 */
export const bundlePage = async (folder: string, main = 'main.ts'): Promise<void> => {
  const assets = join(folder, 'assets');
  await rm(assets, { recursive: true, force: true });
  await mkdir(assets, { recursive: true });
  const shared = {
    absWorkingDir: source,
    bundle: true,
    format: 'esm',
    target: 'es2023',
    minify: true,
    sourcemap: false,
    logLevel: 'warning',
  } as const;
  const page = await build({
    ...shared,
    entryPoints: { page: main },
    splitting: true, // what is imported when it is needed
    chunkNames: '[name]',
    outdir: assets,
    metafile: true,
  });
  const engine = await build({
    ...shared,
    entryPoints: { engine: 'engine.ts' },
    splitting: true,
    chunkNames: 'engine-[name]',
    outdir: assets,
    metafile: true,
  });
  const styles = await build({
    ...shared,
    entryPoints: { page: 'style/page.css' },
    outdir: assets,
    loader: { '.woff2': 'file' },
    assetNames: '[name]',
    metafile: true,
  });
  await copyFile(join(source, 'index.html'), join(folder, 'index.html'));
  await Promise.all(copied.map((name) => copyFile(join(source, name), join(assets, name))));
  await writeLicenses(
    [page, engine, styles].map(({ metafile }) => metafile),
    source,
    join(assets, 'licenses.txt'),
  );
  const built = [page, engine, styles].flatMap(({ metafile: { outputs } }) =>
    Object.keys(outputs).map((output) => relative(folder, join(source, output))),
  );
  const assetPaths = [...built, ...copied.map((name) => `assets/${name}`)].sort();
  const digest = createHash('sha256');
  for (const path of ['index.html', ...assetPaths]) {
    digest.update(`${path}\n`).update(await readFile(join(folder, path)));
  }
  await build({
    ...shared,
    entryPoints: ['service-worker.ts'],
    outdir: folder,
    define: {
      SHELL: JSON.stringify(['', ...assetPaths]),
      BUILD: JSON.stringify(digest.digest('hex').slice(0, 16)),
    },
  });
};
