import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * `npm run reliability`: the tests of test/reliability at ten times the size of CI, some twenty minutes, and a table of what
 * was found. Arguments go to `vitest run`: `npm run reliability -- test/reliability/load.test.ts`. `--small` runs them as CI does.
 */
const folder = mkdtempSync(join(tmpdir(), 'folio-reliability-'));
const figures = join(folder, 'figures.jsonl');
const given = process.argv.slice(2);
const isSmall = given.includes('--small');
const { status } = spawnSync(
  'vitest',
  ['run', '--project', 'reliability', ...given.filter((word) => word !== '--small')],
  {
    stdio: 'inherit',
    env: { ...process.env, RELIABILITY_NIGHT: isSmall ? '0' : '1', RELIABILITY_FIGURES: figures },
  },
);

const lines = ((): readonly string[] => {
  try {
    return readFileSync(figures, 'utf8').trim().split('\n');
  } catch {
    return []; // no test came to its end
  }
})();
rmSync(folder, { recursive: true, force: true });
const rows = lines.map((line) => JSON.parse(line) as { what: string; found: string });
process.stdout.write(
  `\n| what | found |\n|---|---|\n${rows.map(({ what, found }) => `| ${what} | ${found} |\n`).join('')}` +
    `\nNode ${process.version}, ${availableParallelism()} processors, ${new Date().toISOString().slice(0, 10)}.\n`,
);
process.exitCode = status ?? 1;
