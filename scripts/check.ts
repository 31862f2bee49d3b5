import { spawn } from 'node:child_process';
import { join } from 'node:path';

/**
 * `npm run check` and `npm test`: everything that reads the code without running it, side by side, then the tests, whatever
 * was found before. Says how long each took. Arguments go to `vitest run`.
 */
const root = join(import.meta.dirname, '..');

interface Outcome {
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

/** Runs a command of node_modules/.bin, or of this Node. @param shown Whether its output is printed as it comes */
const run = (command: string, parameters: readonly string[], shown = false): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(command, parameters, {
      cwd: root,
      stdio: ['ignore', shown ? 'inherit' : 'pipe', shown ? 'inherit' : 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ ok: code === 0, seconds: (performance.now() - start) / 1000, output }),
    );
  });

const steps: Readonly<Record<string, readonly [string, ...string[]]>> = {
  types: ['tsc', '--noEmit'],
  'types of the stack': ['tsc', '--noEmit', '-p', 'cdk'],
  lint: ['biome', 'check', '--error-on-warnings', '.'],
  'unused code (knip)': ['knip', '--no-progress', '--no-config-hints'],
  'package (publint, attw)': ['node', 'scripts/check-package.ts'],
};

const results = await Promise.all(
  Object.entries(steps).map(async ([name, [command, ...parameters]]) => {
    const outcome = await run(command, parameters);
    process.stdout.write(`${outcome.ok ? 'ok' : 'FAILED'}  ${name}  ${outcome.seconds.toFixed(1)} s\n`);
    if (!outcome.ok) process.stdout.write(outcome.output);
    return outcome;
  }),
);
const tests = await run('vitest', ['run', ...process.argv.slice(2)], true);
process.stdout.write(
  `Checked in ${(performance.now() / 1000).toFixed(1)} s, ${tests.seconds.toFixed(1)} s of them tests.\n`,
);
const failed = Object.keys(steps).filter((_, at) => !results[at]?.ok);
if (failed.length > 0) process.stdout.write(`FAILED before the tests: ${failed.join(', ')}\n`);
process.exitCode = tests.ok && failed.length === 0 ? 0 : 1;
