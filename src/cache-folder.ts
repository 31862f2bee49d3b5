import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';
import { readSettings } from './settings.ts';

/**
 * A folder for what is downloaded or built once and outlives a checkout: TensorFlow, corpora, tools of the tests.
 *
 * @param names Folders below it, made when they are missing: `cacheFolder('tensorflow', '2.21.0')`.
 */
export function cacheFolder(...names: readonly string[]): string {
  const root = readSettings().cacheFolder;
  const folder = join(root === undefined ? envPaths('folio', { suffix: '' }).cache : resolve(root), ...names);
  mkdirSync(folder, { recursive: true });
  return folder;
}
