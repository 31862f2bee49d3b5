// Prints how long each set of tests took and the closing line, from vitest's JSON report. A run that failed before or
// beside its tests counts one failure.
import { readFileSync } from 'node:fs';

const [, , file, status] = process.argv;
let report = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, testResults: [] };
try {
  report = JSON.parse(readFileSync(file, 'utf8'));
} catch {
  process.stderr.write('No test report was written.\n');
}

const spans = new Map();
for (const { name, startTime, endTime } of report.testResults) {
  const set = /[\\/]test[\\/]([^\\/]+)[\\/]/.exec(name)?.[1] ?? 'other';
  const [start, end] = spans.get(set) ?? [startTime, endTime];
  spans.set(set, [Math.min(start, startTime), Math.max(end, endTime)]);
}
for (const [set, [start, end]] of spans) {
  process.stdout.write(`${set}: ${((end - start) / 1000).toFixed(1)} s\n`);
}

const failed = status === '0' ? report.numFailedTests : Math.max(1, report.numFailedTests);
const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : '';
process.stdout.write(`${report.numPassedTests} passed, ${failed} failed${skipped}\n`);
process.exitCode = failed > 0 || report.numPassedTests === 0 ? 1 : 0;
