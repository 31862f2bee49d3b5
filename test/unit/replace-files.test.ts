import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { replaceFiles } from '../../scripts/replace-files.ts';

let work: string;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'folio-replace-files-'));
});
afterEach(() => rm(work, { recursive: true }));

const write = async (folder: string, files: Readonly<Record<string, string>>): Promise<string> => {
  for (const [name, content] of Object.entries(files)) {
    const path = join(work, folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  return join(work, folder);
};

it('moves what differs, leaves what is the same untouched, and removes what is left over in the folders it owns', async () => {
  const folder = await write('dist', {
    'index.js': 'old',
    'chunks/same.js': 'same',
    'chunks/left.js': 'left over',
    'functions/other.js': 'of another program',
  });
  const before = await stat(join(folder, 'chunks/same.js'));
  const made = await write('made', {
    'index.js': 'new',
    'chunks/same.js': 'same',
    'types/a/b.d.ts': 'types',
  });

  await replaceFiles(made, folder, ['chunks', 'types']);

  expect(await readFile(join(folder, 'index.js'), 'utf8')).toBe('new');
  expect(await readFile(join(folder, 'types/a/b.d.ts'), 'utf8')).toBe('types');
  expect(await readdir(join(folder, 'chunks'))).toEqual(['same.js']);
  expect(await readdir(join(folder, 'functions'))).toEqual(['other.js']);
  const after = await stat(join(folder, 'chunks/same.js'));
  expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
});

it('makes a folder that is not there yet', async () => {
  const made = await write('made', { 'index.js': 'new', 'chunks/one.js': 'one' });
  await replaceFiles(made, join(work, 'dist'), ['chunks']);
  expect(await readdir(join(work, 'dist'), { recursive: true })).toEqual(
    expect.arrayContaining(['index.js', 'chunks', join('chunks', 'one.js')]),
  );
});
