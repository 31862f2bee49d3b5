import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../src/cache-folder.ts';
import { loadModel } from '../../src/index.ts';

const own = ['.git', 'models', 'corpora', 'checkpoints', 'trainings', 'candidates'];

/**
 * A folder that is the checkout to the commands that run in it, and may be written to: links to all that is in the
 * checkout, and a copy of `models/shakespeare`.
 *
 * @param withText Whether it holds `shakespeare.txt`, which readers download: the default corpus where a training has fetched
 * it, and otherwise text of the model's own.
 */
export const createCheckout = async (withText: boolean): Promise<{ path: string } & AsyncDisposable> => {
  const root = join(import.meta.dirname, '../..');
  const folder = await mkdtemp(join(tmpdir(), 'folio-documents-'));
  const path = join(folder, 'folio'); // a project beside it is at ../my-app, and sees it as ../folio
  await mkdir(path);
  for (const name of await readdir(root)) {
    if (!own.includes(name)) await symlink(join(root, name), join(path, name));
  }
  await cp(join(root, 'models/shakespeare'), join(path, 'models/shakespeare'), { recursive: true });
  if (withText) await provideShakespeare(join(root, 'models/shakespeare'), join(path, 'shakespeare.txt'));
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
};

const provideShakespeare = async (folder: string, target: string): Promise<void> => {
  const fetched = join(cacheFolder('corpora'), 'shakespeare.txt');
  if (existsSync(fetched)) return copyFile(fetched, target);
  const model = await loadModel(folder);
  const text: string[] = [];
  for await (const piece of model.generate({ length: 120_000, temperature: 0.8, seed: 1 })) text.push(piece);
  model.dispose();
  await writeFile(target, text.join(''));
};
