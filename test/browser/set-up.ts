import { join } from 'node:path';
import { bundlePage } from '../../src/web/bundle.ts';
import { findChromium } from './chromium.ts';

/** Finds or installs the browser, and builds the page from the sources as they are. */
export default async function setUp(): Promise<void> {
  findChromium();
  await bundlePage(join(import.meta.dirname, '../../dist/web'));
}
