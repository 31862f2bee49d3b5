// Prints the closing line from vitest's JSON report. A run that failed before or beside its tests counts one failure.
import { readFileSync } from 'node:fs';

const [, , file, status] = process.argv;
let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
try {
  counts = JSON.parse(readFileSync(file, 'utf8'));
} catch {
  process.stderr.write('No test report was written.\n');
}
const failed = status === '0' ? counts.numFailedTests : Math.max(1, counts.numFailedTests);
const skipped = counts.numPendingTests > 0 ? `, ${counts.numPendingTests} skipped` : '';
process.stdout.write(`${counts.numPassedTests} passed, ${failed} failed${skipped}\n`);
process.exitCode = failed > 0 || counts.numPassedTests === 0 ? 1 : 0;
