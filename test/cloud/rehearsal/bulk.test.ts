import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployed, type Machine, machine } from './deployed.ts';
import { type End, Interpreter } from './interpreter.ts';
import { World } from './world.ts';

/** The state machine `Bulk` as it is synthesized, executed over every branch, its distributed map by a driver here. */
let interpreter: Interpreter;
let bulk: Machine;
const models = 'foliodata-modelsc55d3500';

beforeAll(async () => {
  bulk = machine(await deployed(), 'Bulk');
  interpreter = await Interpreter.start();
});

afterAll(() => interpreter?.stop());

const run = (input: unknown, world: World, redrive?: true): Promise<End> =>
  interpreter.run(
    {
      ...{ definition: bulk.definition, input, machine: bulk.arn, name: 'job' },
      ...{ start: '2026-11-27T10:00:00.123Z', ...(redrive && { redrive }) },
    },
    world.answer,
  );

interface Batch {
  readonly BatchInput: Readonly<Record<string, unknown>>;
  readonly Items: readonly { readonly index: number; readonly row: unknown }[];
}

const world = (rows: readonly unknown[] = [{ prompt: 'a' }]): World => {
  const made = new World();
  made.objects.set(`${models}/bulk/prompts.jsonl`, {
    body: rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  });
  made.objects.set(`${models}/models/shakespeare/current.json`, { body: '{"version":"v7"}' });
  made.objects.set(`${models}/models/shakespeare/v7/model.json`, { body: '{}' });
  made.lambda = (payload) => {
    const { BatchInput, Items } = payload as Batch;
    return { key: `${String(BatchInput.output)}/${Items[0]?.index}.jsonl`, rows: Items.length, faults: 0 };
  };
  return made;
};

const batches = ({ calls }: World): Batch[] =>
  calls
    .filter(({ resource }) => resource.includes('lambda'))
    .map(({ arguments: { Payload } }) => Payload as Batch);

const job = { task: 'generate', input: 'bulk/prompts.jsonl' };

describe('a bulk job', () => {
  it('gives every row its place, in batches of 100, of one version, and says where the results are', async () => {
    const made = world(Array.from({ length: 250 }, (_, i) => ({ prompt: `row ${i}` })));
    const end = await run({ ...job, defaults: { length: 20 }, seed: 5 }, made);
    expect(end).toMatchObject({
      status: 'SUCCEEDED',
      output: { model: 'shakespeare@v7', results: { Bucket: models, Prefix: 'bulk/prompts-out/' } },
    });
    expect(batches(made).map(({ Items }) => Items.length)).toEqual([100, 100, 50]);
    expect(batches(made).flatMap(({ Items }) => Items)).toEqual(
      Array.from({ length: 250 }, (_, i) => ({ index: i, row: { prompt: `row ${i}` } })),
    );
    expect(batches(made)[2]?.BatchInput).toEqual({
      task: 'generate',
      model: 'shakespeare@v7',
      defaults: { length: 20 },
      seed: 5,
      output: 'bulk/prompts-out',
    });
    const written = [...made.objects.keys()].filter((key) => key.includes('-summary/'));
    expect(written.length).toBe(2);
  });

  it('keeps batches of long rows below the limit of a payload', async () => {
    const made = world(Array.from({ length: 60 }, () => ({ prompt: 'x'.repeat(10_000) })));
    expect(await run(job, made)).toMatchObject({ status: 'SUCCEEDED' });
    expect(batches(made).length).toBeGreaterThan(2);
    for (const batch of batches(made)) expect(JSON.stringify(batch).length).toBeLessThan(256_000);
  });

  it('takes a pinned version, an output and a task of its own', async () => {
    const made = world();
    const end = await run(
      { ...job, task: 'score', model: 'shakespeare@v7', output: 'bulk/here', concurrency: 50 },
      made,
    );
    expect(end).toMatchObject({ status: 'SUCCEEDED', output: { model: 'shakespeare@v7' } });
    expect(batches(made)[0]?.BatchInput).toMatchObject({ task: 'score', output: 'bulk/here' });
  });

  it('of no rows ends well', async () => {
    expect(await run(job, world([]))).toMatchObject({ status: 'SUCCEEDED' });
  });

  it.each([
    [{}],
    [{ task: 'generate' }],
    [{ input: 'bulk/prompts.jsonl' }],
    [{ ...job, task: 'translate' }],
    [{ ...job, input: 'elsewhere/prompts.jsonl' }],
    [{ ...job, input: 'bulk/prompts.csv' }],
    [{ ...job, input: 3 }],
    [{ ...job, output: 'models/x' }],
    [{ ...job, output: 'bulk/out/' }],
    [{ ...job, model: 'no name' }],
    [{ ...job, model: 7 }],
    [{ ...job, defaults: 'long' }],
    [{ ...job, seed: 'one' }],
    [{ ...job, concurrency: 0 }],
    [{ ...job, concurrency: 1.5 }],
    [{ ...job, concurrency: '10' }],
  ])('refuses %j and says what it expected', async (input) => {
    const made = world();
    const end = await run(input, made);
    expect(end).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
    expect(end.cause).toContain('"task"');
    expect(made.calls).toEqual([]);
  });

  it.each(['nosuch', 'shakespeare@v8'])(
    'of the model %s, which there is not, fails before anything is paid for',
    async (model) => {
      const made = world();
      const end = await run({ ...job, model }, made);
      expect(end).toMatchObject({ status: 'FAILED', error: 'model_not_found' });
      expect(end.cause).toContain(model);
      expect(batches(made)).toEqual([]);
    },
  );

  it('whose input is missing, or is no JSON, fails with the reason', async () => {
    const missing = await run({ ...job, input: 'bulk/nosuch.jsonl' }, world());
    expect(missing).toMatchObject({ status: 'FAILED', error: 'States.ItemReaderFailed' });
    const made = world();
    made.objects.set(`${models}/bulk/prompts.jsonl`, { body: 'no JSON\n' });
    expect(await run(job, made)).toMatchObject({ status: 'FAILED', error: 'States.ItemReaderFailed' });
  });

  it.each(['Lambda.TooManyRequestsException', 'Lambda.ServiceException', 'store_failed', 'States.Timeout'])(
    'tries a batch again that met %s once',
    async (error) => {
      const made = world();
      made.fault = ({ resource }, count) =>
        resource.includes('lambda') && count === 1 ? { error, cause: 'x' } : undefined;
      expect((await run(job, made)).status).toBe(error === 'States.Timeout' ? 'FAILED' : 'SUCCEEDED');
    },
  );

  it('outlasts a minute and a half in which all functions of the account are at work', async () => {
    const made = world();
    made.fault = ({ resource, now }) =>
      resource.includes('lambda') && now < '2026-11-27T10:01:30'
        ? { error: 'Lambda.TooManyRequestsException', cause: 'Rate Exceeded.' }
        : undefined;
    const end = await run(job, made);
    expect(end.status).toBe('SUCCEEDED');
    expect(end.seconds).toBeLessThan(300); // an express execution ends there
  });

  it.each(['model_invalid', 'model_not_found', 'invalid_parameter'])(
    'does not try %s again',
    async (error) => {
      const made = world();
      made.fault = ({ resource }) => (resource.includes('lambda') ? { error, cause: 'x' } : undefined);
      expect(await run(job, made)).toMatchObject({
        status: 'FAILED',
        error: 'States.ExceedToleratedFailureThreshold',
      });
      expect(batches(made)).toHaveLength(1);
    },
  );

  it('that failed is redriven: batches that were done are not done again', async () => {
    const made = world(Array.from({ length: 450 }, (_, i) => ({ prompt: `row ${i}` })));
    const isBroken = ({ resource, arguments: { Payload } }: World['calls'][number]): boolean =>
      resource.includes('lambda') && [100, 300].includes((Payload as Batch).Items[0]?.index ?? -1);
    made.fault = (call) => (isBroken(call) ? { error: 'model_invalid', cause: 'x' } : undefined);
    expect((await run(job, made)).status).toBe('FAILED');
    expect(batches(made)).toHaveLength(5);
    made.calls.splice(0);
    made.fault = () => undefined;
    const end = await run(job, made, true);
    expect(end).toMatchObject({ status: 'SUCCEEDED', output: { model: 'shakespeare@v7' } });
    expect(end.path[0]).toBe('Rows');
    expect(batches(made).map(({ Items }) => Items[0]?.index)).toEqual([100, 300]);
    expect(batches(made)[0]?.BatchInput).toMatchObject({
      model: 'shakespeare@v7',
      output: 'bulk/prompts-out',
    });
    const [, summary = ''] = [...made.objects].find(([key]) => key.endsWith('SUCCEEDED_0.jsonl')) ?? [];
    expect((summary as { body: string }).body.split('\n')).toHaveLength(5);
  });

  it('passes through no state more than 256 KiB, however long the texts', async () => {
    const made = world(Array.from({ length: 3_000 }, () => ({ prompt: 'a' })));
    expect(await run(job, made)).toMatchObject({ status: 'SUCCEEDED' });
  });
});
