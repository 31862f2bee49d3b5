import { buildPackage } from '../built-package.ts';
import { installRuntimes } from './install.ts';

/** Installs the runtimes, and builds the package. */
export default async function setUp(): Promise<void> {
  await Promise.all([installRuntimes(), buildPackage()]);
}
