import { defineConfig } from 'vitest/config';

/**
 * One project a set of tools: `unit` needs nothing but `npm ci`; each of the others has a global set-up that
 * fetches what it needs from a package registry and says so.
 */
const project = (name: string, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: 60_000, hookTimeout: 600_000, ...extra },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', { testTimeout: 20_000 }),
      project('tensorflow', { testTimeout: 300_000, fileParallelism: false, pool: 'forks' }),
      project('browser', { testTimeout: 120_000, fileParallelism: false }),
      project('s3', { testTimeout: 120_000 }),
      project('lambda', { testTimeout: 120_000, fileParallelism: false }),
      project('cloud', { testTimeout: 600_000, fileParallelism: false }),
      project('image', { testTimeout: 900_000, fileParallelism: false }),
    ],
  },
});
