import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ReadPageFile } from '../api/routes/playground.ts';

/** The built page stands beside the bundles in `dist`; the sources are two folders away from there. */
const folder = ['./web/', '../../dist/web/']
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(new URL('index.html', url)));

/** Reads the playground's files from disk. */
export const readPageFile: ReadPageFile = async (path) => {
  if (folder === undefined) return undefined;
  const file = fileURLToPath(new URL(path, folder));
  return existsSync(file) ? await readFile(file) : undefined;
};
