import type { Pages } from '../api/deps.ts';
import { docsPages } from '../api/routes/docs-routes.ts';
import { playground } from '../api/routes/playground.ts';
import { readPageFile } from './page-files.ts';

/** What the local server shows to people. */
export const pages = (): readonly Pages[] => [playground(readPageFile), docsPages()];
