import { findChromium } from './chromium.ts';

/** Finds or installs the browser once, before the tests that need it. */
export default function setUp(): void {
  findChromium();
}
