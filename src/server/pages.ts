import type { Pages } from '../api/deps.ts';
import { description } from '../api/description.ts';

/** What the local server shows to people. */
export const pages = (): readonly Pages[] => [description()];
