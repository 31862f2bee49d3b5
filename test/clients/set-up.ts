import { findChromium } from '../browser/chromium.ts';
import { installNpmClients, pythonClient } from './packages.ts';

/** Fetches the clients from their registries: npm's, Python's, and Debian's browser. */
export default async function setUp(): Promise<void> {
  findChromium();
  await installNpmClients();
  await pythonClient('lm-eval');
  await pythonClient('guidellm');
  await pythonClient('schemathesis');
}
