import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { docsPages } from '../src/api/routes/docs-routes.ts';
import { playground } from '../src/api/routes/playground.ts';

/**
 * The playground, built beside the bundle of the function, and the description of the API.
 *
 * @param uploadOrigin Of the bucket of corpora: the one other place that the page may send to.
 */
export const pages = (uploadOrigin: string | undefined) => [
  playground(
    (path) => readFile(join(import.meta.dirname, 'page', path)).catch(() => undefined),
    uploadOrigin === undefined ? [] : [uploadOrigin],
  ),
  docsPages(),
];
