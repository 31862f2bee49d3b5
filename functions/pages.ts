import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { docsPages } from '../src/api/routes/docs-routes.ts';
import { playground } from '../src/api/routes/playground.ts';

/** The playground, built beside the bundle of the function, and the description of the API. */
export const pages = [
  playground(
    (path) => readFile(join(import.meta.dirname, 'page', path)).catch(() => undefined),
    ['https://*.amazonaws.com'],
  ),
  docsPages(),
];
