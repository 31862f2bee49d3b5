import '../../build.ts'; // dist/, which `npx folio` and `import 'folio'` run, from the sources as they are now
import type { TestProject } from 'vitest/node';
import { setUpTensorFlow } from '../../training/setup-tensorflow.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether the documents are to be changed to what was printed: `--update`. */
    updateDocuments: boolean;
  }
}

export default async ({ config, provide }: TestProject): Promise<void> => {
  provide('updateDocuments', config.snapshotOptions.updateSnapshot === 'all');
  await setUpTensorFlow((line) => process.stderr.write(`${line}\n`));
};
