import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/**
 * One project a set of tools, run one after another: `unit`, `processes` and `reliability` need nothing but `npm ci`; each of
 * the others has a set-up (`test/NAME/set-up.ts`) that fetches what it needs from a package registry, or says what is missing.
 */
const names = [
  'unit',
  'processes',
  'reliability',
  'tensorflow',
  'documents',
  'formats',
  'browser',
  'runtimes',
  's3',
  'lambda',
  'clients',
  'cloud',
  'image',
] as const;

/** Milliseconds. A test of a real tool may have to wait for it on a small machine. */
const timeoutMs: Record<(typeof names)[number], number> = {
  unit: 20_000,
  processes: 60_000,
  reliability: 60_000,
  tensorflow: 300_000,
  documents: 600_000,
  formats: 600_000,
  browser: 120_000,
  runtimes: 120_000,
  s3: 120_000,
  lambda: 120_000,
  clients: 300_000,
  cloud: 600_000,
  image: 900_000,
};

export default defineConfig({
  test: {
    maxWorkers: '200%', // twice the processors: many unit tests wait for sockets, locks and processes
    projects: names.map((name, order) => {
      const setUp = `test/${name}/set-up.ts`;
      return {
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          testTimeout: timeoutMs[name],
          hookTimeout: 900_000,
          fileParallelism: name === 'unit' || name === 'processes',
          pool: name === 'unit' ? 'threads' : 'forks', // threads start sooner; add-ons of C want a process
          sequence: { groupOrder: order },
          ...(existsSync(setUp) ? { globalSetup: [setUp] } : {}),
        },
      };
    }),
  },
});
