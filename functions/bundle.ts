import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { builtins } from '../scripts/builtins.ts';
import { kernelBytes } from '../src/model/kernel/kernel-bytes.ts';
import { bundlePage } from '../src/web/bundle.ts';
import { writeLicenses } from '../src/web/licenses.ts';

export const root = join(import.meta.dirname, '..');

/** One bundle a file of functions/, each a folder with `index.mjs` that is deployed as it is. */
export const functionNames = [
  'generate',
  'admin',
  'authorise',
  'install-model',
  'bulk',
  'publish-best',
] as const;
export type FunctionName = (typeof functionNames)[number];
export type Bundles = Readonly<Record<FunctionName, string>>;

/** Code that is loaded when it is asked for, and that nobody asks a function for: it generates nothing, or takes no file. */
const neverLoaded: Readonly<Partial<Record<FunctionName, RegExp>>> = {
  admin: /\/(?:constraints|compile-pattern|multipart)\.ts$/,
  generate: /\/multipart\.ts$/,
};

const without = (filter: RegExp): Plugin => ({
  name: 'without',
  setup({ onResolve, onLoad }) {
    onResolve({ filter }, ({ path }) => ({ path, namespace: 'without' }));
    onLoad({ filter: /.*/, namespace: 'without' }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`This function has been built without ${path}.`)});`,
    }));
  },
});

/** Node 24 has relaxed SIMD on each kind of processor that Lambda has, so the kernel's other build stays out. */
const relaxedKernel: Plugin = {
  name: 'relaxed-kernel',
  setup({ onLoad }) {
    onLoad({ filter: /\/kernel-bytes\.ts$/ }, () => ({
      contents: `export const kernelBytes = ${JSON.stringify({ relaxed: kernelBytes.relaxed })}`,
      loader: 'ts',
    }));
  },
};

const options = {
  bundle: true,
  minify: true,
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  alias: { '@aws-sdk/credential-provider-node': './functions/lambda-credentials.ts' },
  legalComments: 'none',
  logLevel: 'warning',
  outExtension: { '.js': '.mjs' },
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
} as const satisfies BuildOptions;

/** Bundles a function into a folder, in place of what is there. @returns what it is made of */
export async function bundleFunction(name: FunctionName, folder: string): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { metafile } = await build({
    ...options,
    ...(name === 'generate' && { inject: ['functions/fetch-objects.ts'] }),
    plugins: [builtins, relaxedKernel, ...(neverLoaded[name] ? [without(neverLoaded[name])] : [])],
    metafile: true,
    absWorkingDir: root,
    entryPoints: { index: `functions/${name}.ts` },
    outdir: folder,
  });
  return metafile;
}

/** Bundles every function into a folder. @returns the folder of each */
export async function bundleFunctions(into = join(root, 'dist/functions')): Promise<Bundles> {
  const folders = await Promise.all(
    functionNames.map(async (name) => {
      const folder = join(into, name);
      const metafile = await bundleFunction(name, folder);
      await writeLicenses([metafile], root, join(folder, 'licenses.txt'));
      if (name === 'admin') await bundlePage(join(folder, 'page'));
      return [name, folder] as const;
    }),
  );
  return Object.fromEntries(folders) as Record<FunctionName, string>;
}
