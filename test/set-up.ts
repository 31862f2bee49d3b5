import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether the set has a set-up of its own, `test/NAME/set-up.ts`. */
    hasSetUp: boolean;
    /** What went wrong in it: every test file of the set then fails with this (`set-up-failure.ts`). */
    setUpFailure: string;
  }
}

type End = () => Promise<void>;

/** What `test/NAME/set-up.ts` exports: fetches and builds what the set needs, once before its tests. Returns how to end, if need be. */
type SetUp = (project: TestProject) => Promise<End | undefined>;

const runSetUp = async (project: TestProject): Promise<End | undefined> => {
  try {
    const { default: setUp } = (await import(`./${project.name}/set-up.ts`)) as { default: SetUp };
    return await setUp(project);
  } catch (error) {
    project.provide(
      'setUpFailure',
      `The set-up of the set ${project.name} failed: ${(error as Error).stack ?? error}`,
    );
    return undefined;
  }
};

/**
 * Vitest calls this for each set whose tests are asked for, one after another, and for the whole run at last. The sets' own
 * set-ups then run side by side, for they wait for package registries, and one that fails takes its own set along and no other.
 */
export default async (project: TestProject): Promise<End | undefined> => {
  if (project !== project.vitest.getRootProject()) {
    project.provide('hasSetUp', true);
    return undefined;
  }
  const wanted = project.vitest.projects.filter((one) => one.getProvidedContext().hasSetUp === true);
  const ends = await Promise.all(wanted.map(runSetUp));
  return async () => {
    await Promise.all(ends.map((end) => end?.()));
  };
};
