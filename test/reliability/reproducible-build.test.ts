import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const sources = [
  'src',
  'functions',
  'training',
  'scripts',
  'build.ts',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
const program =
  "await import('./build.ts'); const { bundleFunctions } = await import('./functions/bundle.ts'); await bundleFunctions();";

/** Every file that is built, and its digest. Packages are linked, which chunks' names see by the depth of the folder alone. */
const build = async (folder: string): Promise<Readonly<Record<string, string>>> => {
  for (const source of sources) await cp(resolve(source), join(folder, source), { recursive: true });
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  const types = ['--input-type=module-typescript', '--eval', program];
  await promisify(execFile)(process.execPath, types, { cwd: folder });
  const files = await readdir(join(folder, 'dist'), { recursive: true, withFileTypes: true });
  const digests = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        const digest = createHash('sha256')
          .update(await readFile(path))
          .digest('hex');
        return [relative(folder, path), digest] as const;
      }),
  );
  return Object.fromEntries(digests.sort());
};

test('package, page and functions are built twice, in two places, and are the same to the byte', async () => {
  const root = await mkdtemp(join(tmpdir(), 'folio-build-'));
  try {
    const first = await build(join(root, 'a'));
    const second = await build(join(root, 'another-place'));
    expect(Object.keys(first)).toEqual(
      expect.arrayContaining([
        ...['dist/index.js', 'dist/browser.js', 'dist/web/index.html', 'dist/web/assets/page.js'],
        ...['dist/functions/generate/index.mjs', 'dist/functions/admin/licenses.txt'],
      ]),
    );
    expect(second).toEqual(first);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}, 300_000);
