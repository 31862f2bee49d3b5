import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build, transform } from 'esbuild';

/**
 * Packs the package as npm would publish it and uses it as others do: publint and Are The Types Wrong judge it, programs of a
 * strict TypeScript project are compiled against it, and a bundler drops what is not imported.
 */
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'folio-package-'));

const run = (command: string, parameters: readonly string[], cwd = root): string => {
  try {
    return execFileSync(command, parameters, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  } catch (error) {
    process.stdout.write((error as { stdout?: string }).stdout ?? '');
    throw new Error(`${command} finds faults in the package: see above.`, { cause: error });
  }
};

const assertEmpty = (problem: string, found: readonly string[]): void => {
  if (found.length > 0) throw new Error(`${problem}: ${found.join(', ')}`);
};

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** Installs the package and what it depends on, and nothing else, as a checkout has it. @returns the package's folder */
const install = (tarball: string, project: string, ...others: readonly string[]): string => {
  const installed = join(project, 'node_modules/folio');
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
  for (const name of [...Object.keys(dependencies), ...others]) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link);
  }
  return installed;
};

/** Files of the package that were not made for whoever installs it. */
const checkFiles = (installed: string): void => {
  const files = globSync('**/*', { cwd: installed });
  if (files.length < 100) throw new Error(`The package has ${files.length} files: dist/ is not complete.`);
  assertEmpty(
    'The package holds files of the stack, the functions or tests',
    files.filter((file) => /^dist\/functions|(^|\/)cdk(\.out)?\/|\.template\.json$|\.test\./.test(file)),
  );
};

/** Packages that the bundles import without package.json naming them. */
const checkImports = (installed: string): void => {
  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  ) as Manifest;
  const allowed = new Set([
    ...Object.keys(dependencies),
    ...Object.keys(peerDependencies),
    ...builtinModules,
  ]);
  const imported = globSync('dist/**/*.{js,d.ts}', { cwd: installed, exclude: ['dist/web/**'] }).flatMap(
    (file) => {
      const text = readFileSync(join(installed, file), 'utf8').replace(/^\s*\/?\*.*$/gm, '');
      const found = text.matchAll(
        /(?:^import |\bfrom |\bimport\()['"]((?:@[\w-]+\/)?[a-z][\w.-]*)(?:\/[\w./-]*)?['"]/gm,
      );
      return [...found].map(([, name]) => ({ file, name: name! }));
    },
  );
  if (imported.length < 20) throw new Error('No imports were found in dist/.');
  assertEmpty(
    'Packages are imported that package.json does not name',
    imported.filter(({ name }) => !allowed.has(name)).map(({ file, name }) => `${file} imports ${name}`),
  );
};

/**
 * Names that esbuild gave to the `this` and `arguments` of arrow functions which it wrote as function expressions
 * (`scripts/first-calls.ts`), and that nothing declares: it forgets those in class fields. They are what esbuild's `define`
 * replaces, for it does so with unbound names alone.
 */
const checkThis = async (installed: string): Promise<void> => {
  const lost = '__lost__';
  const names = ['_this', '_arguments'].flatMap((name) =>
    ['', 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `${name}${n}`),
  );
  const define = Object.fromEntries(names.map((name) => [name, lost]));
  const faults: string[] = [];
  for (const file of globSync('dist/**/*.js', { cwd: installed, exclude: ['dist/web/**'] })) {
    const { code } = await transform(readFileSync(join(installed, file), 'utf8'), { define });
    if (code.includes(lost)) faults.push(file);
  }
  assertEmpty('Arrow functions of class fields lost their this: assign them in the constructor', faults);
};

const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
  target: 'es2022',
  types: [],
};

/** A use of each entry, and what its types must refuse. */
const libraryProgram = `
import { FolioError, type Model, isFolioError, loadModel, openStore, type Store } from 'folio';
import { FolioClient } from 'folio/client';
import { type Middleware, folio } from 'folio/express';

export const read = async (): Promise<string> => {
  const store: Store = await openStore('my-models');
  const model: Model = await loadModel({ store, name: 'novel' });
  let text = '';
  for await (const piece of model.generate({ prompt: 'A', length: 3 })) text += piece;
  return text;
};
export const middleware: Middleware = folio({ store: 'my-models' });
export const client = new FolioClient({ baseUrl: 'http://127.0.0.1:3000' });
export const codeOf = (error: unknown): FolioError['code'] | undefined =>
  isFolioError(error) ? error.code : undefined;
// @ts-expect-error There is no such setting.
folio({ colour: 1 });
// @ts-expect-error There is no such method.
client.colour();
// @ts-expect-error A prompt is a text.
read().then(async () => (await loadModel('x')).generate({ prompt: 1 }));
`;

const expressProgram = `
import { createServer } from 'node:http';
import express from 'express';
import { folio } from 'folio/express';

express().use('/folio', folio({ store: 'my-models' }));
const middleware = folio();
createServer((request, response) => middleware(request, response, () => response.end()));
`;

const browserProgram = `
import { loadModel } from 'folio';
import kernel from 'folio/kernel.wasm';

const model = await loadModel('https://example.org/model/', { kernel });
for await (const piece of model.generate({ prompt: 'A' })) console.log(piece.length);
`;

/** Compiles a program in a project that has the package and nothing else, but for the packages that are named. */
const compile = (
  tarball: string,
  name: string,
  program: string,
  options: object,
  ...others: readonly string[]
): void => {
  const project = join(folder, name);
  install(tarball, project, ...others);
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project, 'program.ts'), program);
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...strict, ...options }, files: ['program.ts'] }),
  );
  run(join(root, 'node_modules/.bin/tsc'), ['-p', project], project);
};

const most = 4000; // bytes: the table of error codes is half of it

/** Whoever imports one small function has neither the kernel nor a server in the bundle. */
const checkTreeShaking = async (project: string): Promise<void> => {
  for (const platform of ['browser', 'node'] as const) {
    const { outputFiles } = await build({
      stdin: {
        contents: "import { isFolioError } from 'folio'; console.log(isFolioError(0));",
        resolveDir: project,
      },
      bundle: true,
      external: ['@aws-sdk/*', 'express', 'pino'], // not installed; esbuild resolves also what it drops
      minify: true,
      format: 'esm',
      platform,
      write: false,
    });
    const bytes = outputFiles[0]!.contents.length;
    if (bytes > most)
      throw new Error(`isFolioError alone is ${bytes} bytes in a bundle for ${platform}: more than ${most}.`);
  }
};

try {
  run(process.execPath, ['build.ts']);
  const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  const tarball = join(folder, filename);
  run('publint', [tarball, '--strict']);
  run('attw', [tarball, '--profile', 'esm-only']);
  const bundler = { module: 'esnext', moduleResolution: 'bundler' };
  compile(tarball, 'library', libraryProgram, { module: 'nodenext' });
  compile(tarball, 'bundled', libraryProgram, bundler);
  compile(tarball, 'browser', browserProgram, { ...bundler, customConditions: ['browser'] });
  compile(
    tarball,
    'express',
    expressProgram,
    { module: 'nodenext', types: ['node'] },
    '@types/node',
    'express',
    '@types/express',
  );
  const installed = join(folder, 'library/node_modules/folio');
  checkFiles(installed);
  checkImports(installed);
  await checkThis(installed);
  await checkTreeShaking(join(folder, 'library'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
