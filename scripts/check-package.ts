import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Packs the package as npm would publish it, and asks publint and Are The Types Wrong whether others can import it. */
const folder = mkdtempSync(join(tmpdir(), 'folio-package-'));
const run = (command: string, ...parameters: readonly string[]): string =>
  execFileSync(command, parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  const packed = run('npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  for (const [command, ...parameters] of [
    ['publint', '--strict'],
    ['attw', '--profile', 'esm-only'],
  ] as const) {
    try {
      run(command, join(folder, filename), ...parameters);
    } catch (error) {
      process.stdout.write((error as { stdout?: string }).stdout ?? '');
      throw new Error(`${command} finds faults in the package: see above.`, { cause: error });
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
