import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';

/**
 * Keeps what `core` imports in one file. Where code is split, esbuild makes a file for every set of entry points that have
 * some in common, and Node takes a third of a millisecond and more for each that a program starts with. So whatever is an
 * entry point, or loaded by a dynamic import, imports the core too. Which files these are, a build before this one says: when a
 * file is loaded, nobody knows who else will import it.
 *
 * @param core a module's path
 * @param apart the paths of what shall start without the core
 */
export const oneChunk = (core: string, apart: RegExp): Plugin => ({
  name: 'one-chunk',
  setup({ initialOptions, onStart, onResolve, onLoad, resolve }) {
    const roots = new Set<string>();
    onStart(async () => {
      const plugins = initialOptions.plugins?.filter(({ name }) => name !== 'one-chunk');
      const { metafile } = await build({
        ...initialOptions,
        plugins: plugins ?? [],
        metafile: true,
        write: false,
      });
      const folder = initialOptions.absWorkingDir ?? process.cwd();
      for (const { entryPoint } of Object.values(metafile.outputs)) {
        if (entryPoint !== undefined) roots.add(join(folder, entryPoint));
      }
    });
    onResolve({ filter: /\.ts$/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === core) return undefined; // asked below
      if (path === core) return { path, sideEffects: true };
      const found = await resolve(path, { ...from, pluginData: core });
      return found.path === core ? { ...found, sideEffects: true } : found;
    });
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (!roots.has(path) || path === core || apart.test(path)) return undefined;
      const specifier = `./${relative(dirname(path), core).replaceAll('\\', '/')}`; // the same wherever the checkout is
      const contents = `${await readFile(path, 'utf8')}\nimport '${specifier}';\n`;
      return { contents, loader: 'ts', resolveDir: dirname(path) };
    });
  },
});
