import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployed, type Machine, machine } from './deployed.ts';
import { type End, Interpreter } from './interpreter.ts';
import { type TaskEnd, World } from './world.ts';

/** The state machine `Grid` as it is synthesized, executed over every branch. */
let interpreter: Interpreter;
let grid: Machine;

beforeAll(async () => {
  grid = machine(await deployed({ 'folio:preset': 'tutorial' }), 'Grid');
  interpreter = await Interpreter.start();
});

afterAll(() => interpreter?.stop());

const run = (input: unknown, world: World): Promise<End> =>
  interpreter.run(
    {
      definition: grid.definition,
      input,
      machine: grid.arn,
      name: 'run-1',
      start: '2026-11-27T10:00:00.123Z',
    },
    world.answer,
  );

const world = (ends: readonly TaskEnd[] = [{ exit: 0 }]): World => {
  const made = new World();
  made.ends = ends;
  made.lambda = (payload) => ({ best: (payload as { places: string[] }).places[0] });
  return made;
};

const payload = ({ calls }: World) =>
  calls.find(({ resource }) => resource.includes('lambda'))?.arguments.Payload;

describe('a grid', () => {
  it('trains with each setting below its own place, and publishes the best', async () => {
    const made = world();
    const end = await run(
      { model: 'novel', grid: [{ seed: 1 }, { preset: 'standard', epochs: 30 }, {}] },
      made,
    );
    expect(end).toMatchObject({ status: 'SUCCEEDED', output: { best: 'grids/run-1/0' } });
    expect(payload(made)).toEqual({
      places: ['grids/run-1/0', 'grids/run-1/1', 'grids/run-1/2'],
      model: 'novel',
    });
    const commands = made.tasks.map(({ command }) => command.join(' ')).sort();
    const common = (place: number) =>
      `--corpus s3://foliodata-corpora7c7c03fa/corpora/novel.txt --name novel --store s3://foliodata-modelsc55d3500/grids/run-1/${place}`;
    const tail = '--max-seconds 43200 --log json';
    expect(commands).toEqual([
      `${common(0)} --preset tutorial --seed 1 ${tail}`,
      `${common(1)} --preset standard --epochs 30 ${tail}`,
      `${common(2)} --preset tutorial ${tail}`,
    ]);
    expect(made.tasks.map(({ provider }) => provider)).toEqual(Array(3).fill('FARGATE_SPOT'));
  });

  it('takes one point, and a corpus of another name', async () => {
    const made = world();
    await run({ model: 'novel', corpus: 'corpora/other.txt', grid: [{ epochs: 2 }] }, made);
    expect(made.tasks[0]?.command).toContain('s3://foliodata-corpora7c7c03fa/corpora/other.txt');
    expect(payload(made)).toMatchObject({ places: ['grids/run-1/0'] });
  });

  it.each([
    [{ exit: 9 }],
    [{ exit: 130 }],
    [{ exit: 137 }],
    [{ stopped: 'CannotPullContainerError: …' }],
    [{ stopped: 'Capacity is unavailable at this time.' }],
    [{ refused: 'ECS.AccessDeniedException' }],
  ] as [TaskEnd][])('tries a point again on demand, after a wait, whose task ends with %j', async (first) => {
    const made = world([first, { exit: 0 }]);
    const end = await run({ model: 'novel', grid: [{ seed: 1 }] }, made);
    expect(end.status).toBe('SUCCEEDED');
    expect(made.tasks.map(({ provider }) => provider)).toEqual(['FARGATE_SPOT', 'FARGATE']);
    expect(end.seconds).toBeGreaterThanOrEqual(150);
  });

  it.each([2, 3, 4, 5, 6, 7, 8])('does not pay twice for a point whose task ends with %i', async (exit) => {
    const made = world([{ exit }]);
    expect(await run({ model: 'novel', grid: [{ seed: 1 }] }, made)).toMatchObject({ status: 'SUCCEEDED' });
    expect(made.tasks).toHaveLength(1);
  });

  it('gives up a point after four tasks, and one out of memory or time at once; the others go on', async () => {
    for (const [end, count] of [
      [{ exit: 9 }, 4],
      [{ exit: 137, reason: 'OutOfMemoryError: Container killed due to memory usage' }, 1],
      [{ exit: 0, seconds: 10 * 86_400 }, 1],
    ] as [TaskEnd, number][]) {
      const made = world([end]);
      expect(await run({ model: 'novel', grid: [{ seed: 1 }] }, made)).toMatchObject({ status: 'SUCCEEDED' });
      expect(made.tasks).toHaveLength(count);
    }
  });

  it('fails with the reason where nothing was published, without trying that again', async () => {
    const made = world([{ exit: 5 }]);
    made.lambda = () => {
      throw Object.assign(new Error('No training of the grid has published.'), { name: 'not_found' });
    };
    const end = await run({ model: 'novel', grid: [{ seed: 1 }] }, made);
    expect(end).toMatchObject({ status: 'FAILED', error: 'not_found' });
    expect(made.calls.filter(({ resource }) => resource.includes('lambda'))).toHaveLength(1);
  });

  it('tries a publication again that S3 hindered', async () => {
    const made = world();
    made.fault = ({ resource }, count) =>
      resource.includes('lambda') && count === 1 ? { error: 'store_failed', cause: '{}' } : undefined;
    expect(await run({ model: 'novel', grid: [{}] }, made)).toMatchObject({ status: 'SUCCEEDED' });
  });

  it.each([
    [{}],
    [{ model: 'novel' }],
    [{ grid: [{}] }],
    [{ model: 'no name', grid: [{}] }],
    [{ model: 'novel', grid: [] }],
    [{ model: 'novel', grid: {} }],
    [{ model: 'novel', grid: [{ learningRate: 1 }] }],
    [{ model: 'novel', grid: [{ preset: 'huge' }] }],
    [{ model: 'novel', grid: [{ epochs: 'many' }] }],
    [{ model: 'novel', grid: [{ seed: 1 }, 3] }],
    [{ model: 'novel', grid: Array(101).fill({}) }],
  ])('refuses %j and says what it expected', async (input) => {
    const made = world();
    const end = await run(input, made);
    expect(end).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
    expect(end.cause).toContain('"grid"');
    expect(made.calls).toEqual([]);
  });

  it('runs on demand where Spot is not wanted', async () => {
    const onDemand = machine(await deployed({ 'folio:spot': false }), 'Grid');
    const made = world();
    await interpreter.run(
      {
        definition: onDemand.definition,
        input: { model: 'a', grid: [{}] },
        machine: grid.arn,
        name: 'x',
        start: '2026-11-27T10:00:00.123Z',
      },
      made.answer,
    );
    expect(made.tasks).toMatchObject([{ provider: 'FARGATE' }]);
  });
});
