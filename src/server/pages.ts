import type { Pages } from '../api/deps.ts';
import { description } from '../api/description.ts';
import { playground } from '../api/playground.ts';
import { readPageFile } from './page-files.ts';

/** What the local server shows to people. */
export const pages = (): readonly Pages[] => [playground(readPageFile), description()];
