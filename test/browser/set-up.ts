import { buildPackage } from '../built-package.ts';
import { ensureCommands } from '../debian.ts';
import { installChromium } from './chromium.ts';
import { firefoxCommand } from './firefox.ts';
import { webkitPackages } from './webkit.ts';

/** Finds or installs the browsers, and builds the page and the package's entries for pages. */
export default async function setUp(): Promise<void> {
  const built = buildPackage();
  await installChromium();
  await ensureCommands(
    { [firefoxCommand]: firefoxCommand, ...webkitPackages },
    'the tests in Firefox and WebKit',
  );
  await built;
}
