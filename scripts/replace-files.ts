import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Makes the files of a folder those of another, one at a time by renaming, so that whoever reads them meanwhile finds each whole. Those that
 * are the same already stay as they are. Files of subfolders come before those that name them, and what is left over goes last.
 *
 * @param made On the same disk. Its files are moved away.
 * @param owned Subfolders that hold nothing else: files of them that are not in `made` are removed.
 */
export const replaceFiles = async (made: string, folder: string, owned: readonly string[]): Promise<void> => {
  const depth = (file: string): number => file.split(/[\\/]/).length;
  const files = (await filesOf(made)).sort((a, b) => depth(b) - depth(a));
  for (const file of files) {
    const [ours, theirs] = await Promise.all([
      readFile(join(made, file)),
      readFile(join(folder, file)).catch(() => undefined),
    ]);
    if (theirs?.equals(ours)) continue;
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await rename(join(made, file), join(folder, file));
  }
  const kept = new Set(files);
  for (const subfolder of owned) {
    for (const name of await filesOf(join(folder, subfolder))) {
      const file = join(subfolder, name);
      if (!kept.has(file)) await rm(join(folder, file), { force: true });
    }
  }
};

/** Relative to the folder. */
const filesOf = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
};
