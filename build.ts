import { execFile } from 'node:child_process';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { kernelWasm } from './src/model/kernel/kernel-module.ts';
import { bundlePage } from './src/web/bundle.ts';

/**
 * Makes `dist/`, what package.json exports: the library, the client, the Express middleware and the command line for
 * Node, the library for browsers, the playground, and the types of all. Run by npm after every install in a checkout.
 */
const dist = join(import.meta.dirname, 'dist');

const common = {
  absWorkingDir: import.meta.dirname,
  bundle: true,
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
} as const;

/** Packages of many files that a command needs at its start: as part of ours they are read some 35 ms sooner. */
const bundled = Object.fromEntries(
  ['zod/mini', 'commander'].map((name) => [name, fileURLToPath(import.meta.resolve(name))]),
);

const bundles = () => [
  build({
    ...common,
    entryPoints: {
      index: 'src/index.ts',
      client: 'src/client/client.ts',
      express: 'src/server/middleware.ts',
      cli: 'src/cli/main.ts',
      tensorflow: 'training/loop/tensorflow.ts', // loaded by a process of its own, to see whether it loads
      'import-worker': 'src/import/import-worker.ts', // run by a thread of its own
    },
    outdir: 'dist',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    alias: bundled,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
  }),
  build({
    ...common,
    entryPoints: { browser: 'src/browser.ts' },
    outdir: 'dist',
    platform: 'browser',
    target: 'es2022',
    minifyIdentifiers: true,
    minifySyntax: true, // white space stays: with it go the marks by which bundlers drop what is not used
    splitting: true, // what is imported when it is needed
    chunkNames: 'chunks/[name]-[hash]',
  }),
];

const typesOf = async (): Promise<void> => {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  await promisify(execFile)(process.execPath, [
    join(dirname(typescript), 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  ]);
};

/** The kernel as files, for hosts that compile WebAssembly themselves. */
const kernels = async (): Promise<void> => {
  await mkdir(dist, { recursive: true });
  await writeFile(join(dist, 'kernel.wasm'), kernelWasm('plain'));
  await writeFile(join(dist, 'kernel-relaxed.wasm'), kernelWasm('relaxed'));
  await writeFile(
    join(dist, 'kernel.d.ts'),
    'declare const kernel: WebAssembly.Module;\nexport default kernel;\n',
  );
};

for (const folder of ['chunks', 'types']) await rm(join(dist, folder), { recursive: true, force: true });
await Promise.all([...bundles(), kernels(), bundlePage(join(dist, 'web')), typesOf()]);
await chmod(join(dist, 'cli.js'), 0o755);
