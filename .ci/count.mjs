// Prints the work of each set of tests, what failed, and the closing line, from vitest's JSON report. A file that failed without
// a failed test (its set-up, its beforeAll) counts as one failure, and so does a run that failed before or beside its tests.
import { readFileSync } from 'node:fs';

const [, , file, status] = process.argv;
let report = { numPassedTests: 0, numPendingTests: 0, testResults: [] };
try {
  report = JSON.parse(readFileSync(file, 'utf8'));
} catch {
  process.stderr.write('No test report was written.\n');
}

const seconds = new Map();
let failed = 0;
for (const { name, startTime, endTime, status: outcome, message, assertionResults } of report.testResults) {
  const [, path = name, set = 'other'] = /[\\/](test[\\/]([^\\/]+)[\\/].+)/.exec(name) ?? [];
  seconds.set(set, (seconds.get(set) ?? 0) + (endTime - startTime) / 1000);
  const faults = assertionResults
    .filter((one) => one.status === 'failed')
    .map(({ fullName, failureMessages }) => [fullName, failureMessages.join('\n')]);
  if (outcome === 'failed' && faults.length === 0) faults.push(['the file as a whole', message]);
  for (const [name, reason] of faults) {
    process.stdout.write(
      `FAILED  ${path}: ${name}\n${reason.slice(0, 2000).replaceAll(/^/gm, '        ')}\n`,
    );
  }
  failed += faults.length;
}
// Files run side by side: together, these are more than the time of the run.
for (const [set, sum] of seconds) process.stdout.write(`${set}: ${sum.toFixed(1)} s\n`);

if (status !== '0') failed = Math.max(1, failed);
const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : '';
process.stdout.write(`${report.numPassedTests} passed, ${failed} failed${skipped}\n`);
process.exitCode = failed > 0 || report.numPassedTests === 0 ? 1 : 0;
