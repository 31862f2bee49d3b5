import { join } from 'node:path';
import { bundlePage } from '../../src/web/bundle.ts';
import { ensureCommands } from '../debian.ts';
import { findChromium } from './chromium.ts';
import { firefoxCommand } from './firefox.ts';
import { webkitPackages } from './webkit.ts';

/** Finds or installs the browsers, and builds the page from the sources as they are. */
export default async function setUp(): Promise<void> {
  findChromium();
  await ensureCommands(
    { [firefoxCommand]: firefoxCommand, ...webkitPackages },
    'the tests in Firefox and WebKit',
  );
  await bundlePage(join(import.meta.dirname, '../../dist/web'));
}
