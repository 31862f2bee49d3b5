import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type Bundles, bundleFunctions, type FunctionName, functionNames } from '../functions/bundle.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder with a folder for each function's bundle, for all test files of a run: they are read and not changed. */
    functionBundles: string;
  }
}

/** The folders of the bundles in a folder that `bundleFunctions` made, or in a copy of it. */
export const bundlesIn = (folder: string): Bundles =>
  Object.fromEntries(functionNames.map((name) => [name, join(folder, name)])) as Record<FunctionName, string>;

let made: Promise<string> | undefined;

const make = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'folio-bundles-'));
  await bundleFunctions(folder);
  return folder;
};

/** Bundles the functions once for all set-ups of a run, and provides them to the tests of a set. @returns how to end */
export const provideFunctionBundles = async ({ provide }: TestProject): Promise<() => Promise<void>> => {
  made ??= make();
  const folder = await made;
  provide('functionBundles', folder);
  return () => rm(folder, { recursive: true, force: true });
};
