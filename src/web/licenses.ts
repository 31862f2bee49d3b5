import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Metafile } from 'esbuild';

/** A package whose code or fonts are in a bundle. */
interface BundledPackage {
  /** `uplot 1.6.32 (MIT)` */
  readonly title: string;
  readonly text: string;
}

/** The innermost package of a path, as `../../node_modules/@scope/name`. */
const packageFolder = /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+/;
const licenseFile = /^(?:licen[cs]e|notice|copying)(?:[.-].*)?$/i;

const readPackage = async (folder: string): Promise<BundledPackage> => {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string;
  };
  const files = (await readdir(folder)).filter((file) => licenseFile.test(file)).sort();
  if (files.length === 0) throw new Error(`${name} is bundled, and has no file of its licence in ${folder}.`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return {
    title: `${name} ${version} (${license ?? 'see below'})`,
    text: texts.map((text) => text.replaceAll('\r\n', '\n').trim()).join('\n\n'),
  };
};

/**
 * Writes the licences of all packages that went into bundles, where there are any: their terms ask that they go wherever the code goes.
 *
 * @param metafiles esbuild's, of the bundles.
 * @param root The folder that the metafiles' paths are relative to.
 * @throws Error for a package without the text of its licence
 */
export const writeLicenses = async (
  metafiles: readonly Metafile[],
  root: string,
  file: string,
): Promise<void> => {
  const inputs = metafiles.flatMap(({ inputs: all }) => Object.keys(all));
  const folders = new Set(inputs.flatMap((path) => packageFolder.exec(path)?.[0] ?? []));
  if (folders.size === 0) return;
  const packages = await Promise.all([...folders].map((folder) => readPackage(resolve(root, folder))));
  const titles = new Map<string, string[]>();
  for (const { title, text } of packages.toSorted((a, b) => (a.title < b.title ? -1 : 1))) {
    titles.set(text, [...(titles.get(text) ?? []), title]);
  }
  const parts = [...titles].map(([text, names]) => `${[...new Set(names)].join('\n')}\n\n${text}\n`);
  const head = 'The licences of the packages that are part of these files.\n';
  await writeFile(file, [head, ...parts].join(`\n${'-'.repeat(80)}\n\n`));
};
