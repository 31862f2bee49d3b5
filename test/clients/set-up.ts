import { installChromium } from '../browser/chromium.ts';
import { installNpmClients, pythonClient } from './packages.ts';

/** Fetches the clients from their registries: npm's, Python's, and Debian's browser. */
export default async function setUp(): Promise<void> {
  await Promise.all([
    installChromium(),
    installNpmClients(),
    pythonClient('lm-eval'),
    pythonClient('guidellm'),
    pythonClient('schemathesis'),
  ]);
}
