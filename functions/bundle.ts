import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { bundlePage } from '../src/web/bundle.ts';

export const root = join(import.meta.dirname, '..');

/** One bundle a file of functions/, each a folder with `index.mjs` that is deployed as it is. */
export const functionNames = ['generate', 'manage', 'authorise', 'install'] as const;
export type FunctionName = (typeof functionNames)[number];
export type Bundles = Readonly<Record<FunctionName, string>>;

const options: BuildOptions = {
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  alias: { '@aws-sdk/credential-provider-node': './functions/lambda-credentials.ts' },
  legalComments: 'none',
  logLevel: 'warning',
  // For packages that are CommonJS still.
  banner: {
    js: "import{createRequire as __folioRequire}from'node:module';const require=__folioRequire(import.meta.url);",
  },
};

/** Bundles every function into a folder. @returns the folder of each */
export async function bundleFunctions(into = join(root, 'dist/functions')): Promise<Bundles> {
  const folders = await Promise.all(
    functionNames.map(async (name) => {
      const folder = join(into, name);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      await build({
        ...options,
        absWorkingDir: root,
        entryPoints: [`functions/${name}.ts`],
        outfile: join(folder, 'index.mjs'),
      });
      if (name === 'manage') await bundlePage(join(folder, 'page'));
      return [name, folder] as const;
    }),
  );
  return Object.fromEntries(folders) as Record<FunctionName, string>;
}
