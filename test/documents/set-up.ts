import type { TestProject } from 'vitest/node';
import { buildPackage } from '../built-package.ts';
import { installTensorFlow } from '../tensorflow/install.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether the documents are to be changed to what was printed: `--update`. */
    updateDocuments: boolean;
  }
}

export default async ({ config, provide }: TestProject): Promise<void> => {
  provide('updateDocuments', config.snapshotOptions.updateSnapshot === 'all');
  await Promise.all([buildPackage(), installTensorFlow()]); // `npx folio` and `import 'folio'` run dist/
};
