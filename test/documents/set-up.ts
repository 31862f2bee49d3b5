import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { setUpTensorFlow } from '../../training/setup-tensorflow.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether the documents are to be changed to what was printed: `--update`. */
    updateDocuments: boolean;
  }
}

const root = join(import.meta.dirname, '../..');

export default async ({ config, provide }: TestProject): Promise<void> => {
  provide('updateDocuments', config.snapshotOptions.updateSnapshot === 'all');
  // dist/, which `npx folio` and `import 'folio'` run, from the sources as they are now
  await promisify(execFile)(process.execPath, ['build.ts'], { cwd: root });
  await setUpTensorFlow((line) => process.stderr.write(`${line}\n`));
};
