import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployed, type Machine, machine } from './deployed.ts';
import { type End, executionArn, Interpreter } from './interpreter.ts';
import { World } from './world.ts';

/** The state machine that closes the records of trainings whose executions were ended from outside. */
let interpreter: Interpreter;
let closing: Machine;
const models = 'foliodata-modelsc55d3500';
const retraining = 'arn:aws:states:eu-central-1:123456789012:stateMachine:Retraining';

beforeAll(async () => {
  closing = machine(await deployed(), 'RetrainingClosing');
  interpreter = await Interpreter.start();
});

afterAll(() => interpreter?.stop());

const upload = { 'detail-type': 'Object Created', detail: { object: { key: 'corpora/novel.txt' } } };
const id = '20261127T100000Z-0a1b-novel';

/** As EventBridge reports the end of an execution that began at 10:00:00.123. */
const ended = (status: string, input: unknown = upload, more: object = {}) => ({
  'detail-type': 'Step Functions Execution Status Change',
  source: 'aws.states',
  detail: {
    executionArn: executionArn(retraining, '0a1b-1'),
    stateMachineArn: retraining,
    name: '0a1b-1',
    status,
    startDate: Date.parse('2026-11-27T10:00:00.123Z'),
    stopDate: Date.parse('2026-11-27T11:00:00.000Z'),
    input: JSON.stringify(input),
    output: null,
    ...more,
  },
});

const run = async (input: unknown, world: World): Promise<End> => {
  world.models = models;
  return interpreter.run(
    {
      definition: closing.definition,
      input,
      machine: closing.arn,
      name: 'one',
      start: '2026-11-27T11:00:01.000Z',
    },
    world.answer,
  );
};

const withRecord = (record: object, training = id): World => {
  const world = new World();
  world.objects.set(`${models}/trainings/${training}.json`, {
    body: JSON.stringify({
      id: training,
      model: 'novel',
      history: [{ epoch: 1 }],
      logTail: ['a'],
      ...record,
    }),
  });
  return world;
};

describe('closing a record', () => {
  it('of a waiting training that was superseded: stopped, at once', async () => {
    const world = withRecord({ state: 'queued' });
    const end = await run(ended('ABORTED', upload, { error: 'superseded', cause: 'A later event' }), world);
    expect(end.status).toBe('SUCCEEDED');
    expect(end.seconds).toBeLessThan(10);
    expect(world.read(`trainings/${id}.json`)).toMatchObject({
      state: 'stopped',
      failure: { code: 'superseded', message: 'A later event' },
      history: [{ epoch: 1 }],
    });
  });

  it('of a running training, after its task had time to end', async () => {
    const world = withRecord({ state: 'running' });
    const end = await run(ended('ABORTED'), world);
    expect(end.seconds).toBeGreaterThanOrEqual(120);
    expect(world.read(`trainings/${id}.json`)).toMatchObject({ state: 'stopped' });
  });

  it('leaves what the trainer wrote meanwhile', async () => {
    const world = withRecord({ state: 'running' });
    world.fault = ({ resource }, count) => {
      if (resource.includes('getObject') && count === 2) {
        world.objects.set(`${models}/trainings/${id}.json`, { body: '{"state":"published"}' });
      }
      return undefined;
    };
    await run(ended('ABORTED'), world);
    expect(world.read(`trainings/${id}.json`)).toEqual({ state: 'published' });
  });

  it.each([
    ['TIMED_OUT', {}, 'time_limit'],
    ['FAILED', { error: 'States.Runtime', cause: 'why' }, 'States.Runtime'],
  ])('of an execution that ended as %s: failed', async (status, more, code) => {
    const world = withRecord({ state: 'queued' });
    await run(ended(status, upload, more), world);
    expect(world.read(`trainings/${id}.json`)).toMatchObject({ state: 'failed', failure: { code } });
  });

  it('of a training that was requested over the API, by its own id', async () => {
    const training = '20261127T095959Z-ffff-other';
    const world = withRecord({ state: 'queued' }, training);
    await run(ended('ABORTED', { ...upload, training, model: 'other' }), world);
    expect(world.read(`trainings/${training}.json`)).toMatchObject({ state: 'stopped' });
  });

  it.each(['published', 'rejected', 'failed', 'stopped'])('leaves one that is %s', async (state) => {
    const world = withRecord({ state });
    expect(await run(ended('FAILED'), world)).toMatchObject({ status: 'SUCCEEDED' });
    expect(world.read(`trainings/${id}.json`)).toMatchObject({ state });
    expect(world.calls).toHaveLength(1);
  });

  it('has nothing to do where there is none', async () => {
    const world = new World();
    expect(await run(ended('ABORTED'), world)).toMatchObject({ status: 'SUCCEEDED' });
    expect(world.calls).toHaveLength(1);
  });

  it('has nothing to do where the input was no event of a corpus', async () => {
    for (const input of [{}, { detail: {} }]) {
      expect(await run(ended('FAILED', input), new World())).toMatchObject({ status: 'SUCCEEDED' });
    }
  });
});
