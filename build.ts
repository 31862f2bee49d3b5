import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { builtins } from './scripts/builtins.ts';
import { functionExpressions, markFirstCalls } from './scripts/first-calls.ts';
import { oneChunk } from './scripts/one-chunk.ts';
import { replaceFiles } from './scripts/replace-files.ts';
import { kernelWasm } from './src/model/kernel/kernel-module.ts';
import { bundlePage } from './src/web/bundle.ts';
import { writeLicenses } from './src/web/licenses.ts';

/**
 * Makes `dist/`, what package.json exports: the library, the client, the Express middleware and the command line for
 * Node, the library for browsers, the playground, and the types of all. Run by npm after every install in a checkout, and after every
 * `npm install PATH` of one from another project, while its server or a training may run: so all is built beside `dist/` first.
 */
const dist = join(import.meta.dirname, 'dist');
const made = await mkdtemp(join(import.meta.dirname, '.dist-')); // beside it: source maps have the same relative paths

const common = {
  absWorkingDir: import.meta.dirname,
  bundle: true,
  format: 'esm',
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
} as const;

/**
 * Packages of many files that a command needs at its start: as part of ours they are read some 35 ms sooner. Of commander that is all:
 * whoever installs the package, in Node 20 too, for which commander itself is not made, gets no other.
 */
const bundled = Object.fromEntries(
  ['zod/mini', 'commander', 'lru-cache'].map((name) => [name, fileURLToPath(import.meta.resolve(name))]),
);

/** What does without the library: the client, a check of TensorFlow, and the command line until it knows the command. */
const startsAlone = /[\\/](client[\\/]client|tensorflow|cli[\\/](main|folio))\.ts$/;

const model = join(import.meta.dirname, 'models', 'shakespeare');

/** A program that uses the library. */
const firstText = `
  import { loadModel } from ${JSON.stringify(pathToFileURL(join(made, 'index.js')))};
  const model = await loadModel(${JSON.stringify(model)});
  for await (const text of model.generate({ prompt: '\\n', length: 9 })) process.stdout.write(text);
`;

const bundles = async (): Promise<void> => {
  const built = await Promise.all([
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
      outdir: made,
      platform: 'node',
      target: 'node20',
      packages: 'external',
      supported: functionExpressions,
      alias: bundled,
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      plugins: [builtins, oneChunk(join(import.meta.dirname, 'src', 'index.ts'), startsAlone)],
    }),
    build({
      ...common,
      entryPoints: { browser: 'src/browser.ts' },
      outdir: made,
      platform: 'browser',
      target: 'es2022',
      minifyIdentifiers: true,
      minifySyntax: true, // white space stays: with it go the marks by which bundlers drop what is not used
      splitting: true, // what is imported when it is needed
      chunkNames: 'chunks/[name]-[hash]',
    }),
  ]);
  await markFirstCalls(made, [
    ['--input-type=module', '--eval', firstText],
    [join(made, 'cli.js'), 'generate', '--model', model, '--length', '9'],
  ]);
  const metafiles = built.map(({ metafile }) => metafile);
  await writeLicenses(metafiles, import.meta.dirname, join(made, 'licenses.txt'));
};

const typesOf = async (): Promise<void> => {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  await promisify(execFile)(process.execPath, [
    join(dirname(typescript), 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
    '--outDir',
    join(made, 'types'),
  ]);
};

/** The kernel as files, for hosts that compile WebAssembly themselves. */
const kernels = async (): Promise<void> => {
  await writeFile(join(made, 'kernel.wasm'), kernelWasm('plain'));
  await writeFile(join(made, 'kernel-relaxed.wasm'), kernelWasm('relaxed'));
  await writeFile(
    join(made, 'kernel.d.ts'),
    'declare const kernel: WebAssembly.Module;\nexport default kernel;\n',
  );
};

try {
  await Promise.all([bundles(), kernels(), bundlePage(join(made, 'web')), typesOf()]);
  await chmod(join(made, 'cli.js'), 0o755);
  await replaceFiles(made, dist, ['chunks', 'types', 'web']);
} finally {
  await rm(made, { recursive: true, force: true });
}
