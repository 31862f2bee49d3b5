import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Sets of tests that run together. */
interface Group {
  /** Files at a time, in per cent of the processors. */
  readonly workers: `${number}%`;
  /** Milliseconds for a test of each. One of a real tool may have to wait for it on a small machine. */
  readonly timeouts: Readonly<Record<string, number>>;
}

/**
 * One project a set. `unit`, `processes` and `reliability` need nothing but `npm ci`; each of the others has a set-up
 * (`test/NAME/set-up.ts`) that fetches what it needs from a package registry, or says what is missing. The groups run one after
 * another: within one, files run side by side, whichever set they are of.
 */
const groups: readonly Group[] = [
  { workers: '200%', timeouts: { unit: 20_000, processes: 60_000 } }, // many wait for sockets, locks and processes
  {
    workers: '150%', // while one waits for its browser, its emulator or its training, another has the processors
    timeouts: {
      browser: 240_000,
      clients: 300_000,
      cloud: 600_000,
      documents: 600_000,
      formats: 600_000,
      image: 900_000,
      lambda: 240_000,
      reliability: 120_000,
      runtimes: 240_000,
      s3: 240_000,
      tensorflow: 300_000,
    },
  },
];

// A developer's own settings are none of the tests': each test gives those that it means.
for (const name of ['STORE', 'MODEL', 'PRECISION', 'API_KEYS', 'WRITE_KEYS', 'KEY'])
  delete process.env[`FOLIO_${name}`];

/** Threads start sooner than processes, and files that share their modules sooner still. */
const unitOptions = { pool: 'threads' as const, isolate: false, setupFiles: ['test/restore.ts'] };

export default defineConfig({
  test: {
    globalSetup: ['test/set-up.ts'],
    projects: groups.flatMap(({ workers, timeouts }, groupOrder) =>
      Object.entries(timeouts).map(([name, testTimeout]) => ({
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          testTimeout,
          hookTimeout: 900_000,
          expect: { poll: { timeout: 30_000 } }, // the machine may be busy
          maxWorkers: workers,
          pool: 'forks', // add-ons of C want a process
          sequence: { groupOrder },
          ...(existsSync(`test/${name}/set-up.ts`) && {
            globalSetup: ['test/set-up.ts'],
            setupFiles: ['test/set-up-failure.ts'],
          }),
          ...(name === 'unit' && unitOptions),
        },
      })),
    ),
  },
});
