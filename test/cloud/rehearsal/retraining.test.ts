import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelNameOf } from '../../../src/store/model-name.ts';
import { deployed, type Machine, machine, ofType } from './deployed.ts';
import { type End, Interpreter } from './interpreter.ts';
import { type TaskEnd, World } from './world.ts';

/**
 * The state machine `Retraining` as it is synthesized, executed over every branch: what docs/operations.md promises
 * is what has to be seen.
 */
let interpreter: Interpreter;
let retraining: Machine;
let corpora: string;
let models: string;

beforeAll(async () => {
  const stacks = await deployed({ 'folio:preset': 'tutorial' });
  retraining = machine(stacks, 'Retraining');
  const buckets = ofType(stacks, 'AWS::ECS::TaskDefinition');
  expect(buckets).toHaveLength(1);
  [corpora, models] = ['foliodata-corpora7c7c03fa', 'foliodata-modelsc55d3500'];
  interpreter = await Interpreter.start();
});

afterAll(() => interpreter?.stop());

const start = '2026-11-27T10:00:00.123Z';
const own = '0a1b2c3d-0000-4000-8000-000000000000_1';
const id = '20261127T100000Z-0a1b-novel';

const key = (name: string) => `corpora/${name}.txt`;

/** As S3 sends it to EventBridge. */
const event = (objectKey: string, version = 'v1', type = 'Object Created', more: object = {}) => ({
  version: '0',
  'detail-type': type,
  source: 'aws.s3',
  detail: {
    bucket: { name: corpora },
    object: { key: objectKey, size: 100, ...(version && { 'version-id': version }) },
    ...(type === 'Object Deleted' && {
      reason: 'DeleteObject',
      'deletion-type': 'Delete Marker Created',
    }),
    ...more,
  },
});

/** As the API starts a training of what is there already. */
const request = (name: string, more: object = {}) => ({
  'detail-type': 'Object Created',
  detail: { bucket: { name: corpora }, object: { key: key(name) } },
  training: `20261127T095959Z-ffff-${name}`,
  model: name,
  ...more,
});

const world = (change: (world: World) => void = () => {}): World => {
  const made = new World();
  made.models = models;
  made.machine = retraining.arn;
  made.objects.set(`${corpora}/${key('novel')}`, { body: 'text', version: 'v1' });
  change(made);
  return made;
};

/** Runs the machine on this input. The execution itself is among those that run. */
const run = async (input: unknown, made: World, redrive?: true): Promise<End> => {
  made.executions.push({ name: own, start, input, status: 'RUNNING' });
  return interpreter.run(
    {
      ...{ definition: retraining.definition, input, machine: retraining.arn, name: own, start },
      ...(redrive && { redrive }),
    },
    (call) => {
      const self = made.executions.find(({ name }) => name === own);
      return self?.status === 'ABORTED' ? { abort: true } : made.answer(call);
    },
  );
};

const published = { state: 'published', version: '20261127T101000Z-aaaaaaaa' };
const failed = (code: string, message = 'why') => ({ state: 'failed', failure: { code, message } });
const record = (made: World, training = id) =>
  made.read(`trainings/${training}.json`) as Record<string, unknown> | undefined;

describe('an upload', () => {
  it('that is trained on: published, one task on spare capacity, one mail', async () => {
    const made = world((one) => {
      one.ends = [
        { exit: 0, record: { ...published, history: [{ epoch: 1, loss: 1.5, validationLoss: 1.6 }] } },
      ];
    });
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({
      status: 'SUCCEEDED',
      output: { state: 'published', model: 'novel', training: id },
    });
    expect(made.tasks).toMatchObject([{ provider: 'FARGATE_SPOT', training: id }]);
    expect(made.tasks[0]?.command.slice(0, 6)).toEqual([
      ...['--corpus', `s3://${corpora}/${key('novel')}`, '--name', 'novel', '--preset', 'tutorial'],
    ]);
    expect(made.mails).toMatchObject([{ Subject: 'Folio: novel: published' }]);
    expect(made.mails[0]?.Message).toContain('1.6 on the held-out part');
    expect(made.mails[0]?.Message).toContain('report.html');
  });

  it('that is trained on takes away the mark of an earlier deletion', async () => {
    const made = world((one) => {
      one.ends = [{ exit: 0, record: published }];
      one.objects.set(`${models}/models/novel/corpus-deleted.json`, { body: '{}' });
    });
    await run(event(key('novel')), made);
    expect(made.read('models/novel/corpus-deleted.json')).toBeUndefined();
  });

  it('that the gate rejects: kept as a candidate, which is no failure', async () => {
    const made = world((one) => {
      one.ends = [
        {
          exit: 7,
          record: {
            ...published,
            state: 'rejected',
            failure: { code: 'rejected_by_gate', message: 'worse' },
          },
        },
      ];
    });
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({ status: 'SUCCEEDED', output: { state: 'rejected' } });
    expect(made.tasks).toHaveLength(1);
    expect(made.mails).toMatchObject([{ Subject: 'Folio: novel: kept as a candidate' }]);
  });

  it('may name its preset', async () => {
    const made = world((one) => {
      one.ends = [{ exit: 0, record: published }];
      one.objects.set(`${corpora}/${key('novel')}`, {
        body: '',
        version: 'v1',
        metadata: { preset: 'tiny' },
      });
    });
    await run(event(key('novel')), made);
    expect(made.tasks[0]?.command).toContain('tiny');
  });

  it.each([
    ['shakespeare', ['--from', 'shakespeare']],
    ['shakespeare@20261127T085714Z-678cc60b', ['--from', 'shakespeare@20261127T085714Z-678cc60b']],
    ['none', ['--from', 'none']],
    [undefined, []],
  ])('may name the model to start from: %s', async (from, expected) => {
    const made = world((one) => {
      one.ends = [{ exit: 0, record: published }];
      one.objects.set(`${corpora}/${key('novel')}`, {
        body: '',
        version: 'v1',
        metadata: from === undefined ? {} : { from },
      });
    });
    await run(event(key('novel')), made);
    const command = made.tasks[0]?.command ?? [];
    expect(command.slice(6, command.indexOf('--max-seconds'))).toEqual(expected);
  });

  it.each([
    ['a', ['--teacher', 'a']],
    ['a b@20261127T085714Z-678cc60b', ['--teacher', 'a', 'b@20261127T085714Z-678cc60b']],
  ])('may name the models to learn from: %s', async (teachers, expected) => {
    const made = world((one) => {
      one.ends = [{ exit: 0, record: published }];
      one.objects.set(`${corpora}/${key('novel')}`, {
        body: '',
        version: 'v1',
        metadata: { from: 'shakespeare', teachers },
      });
    });
    await run(event(key('novel')), made);
    const command = made.tasks[0]?.command ?? [];
    const start = ['--from', 'shakespeare'];
    expect(command.slice(6, command.indexOf('--max-seconds'))).toEqual([...start, ...expected]);
  });

  it.each(['f32', 'bf16'])('may name the precision: %s', async (precision) => {
    const made = world((one) => {
      one.ends = [{ exit: 0, record: published }];
      one.objects.set(`${corpora}/${key('novel')}`, {
        body: '',
        version: 'v1',
        metadata: { teachers: 'a b', precision },
      });
    });
    await run(event(key('novel')), made);
    const command = made.tasks[0]?.command ?? [];
    const expected = ['--teacher', 'a', 'b', '--precision', precision];
    expect(command.slice(6, command.indexOf('--max-seconds'))).toEqual(expected);
  });

  it.each(['f16', 'BF16', 'bf16 --force', "x' & $key & '"])(
    'that names a precision which there is not, %s, is refused before anything is paid for',
    async (precision) => {
      const made = world((one) => {
        one.objects.set(`${corpora}/${key('novel')}`, { body: '', version: 'v1', metadata: { precision } });
      });
      const end = await run(event(key('novel')), made);
      expect(end).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
      expect(end.cause).toContain('expected f32 or bf16');
      expect(made.tasks).toEqual([]);
    },
  );

  it.each(['../secret', 'a ', 'a  b', 'a,b', "x' & $key & '", Array(9).fill('a').join(' ')])(
    'that would learn from what can be no models, %s, is refused before anything is paid for',
    async (teachers) => {
      const made = world((one) => {
        one.objects.set(`${corpora}/${key('novel')}`, { body: '', version: 'v1', metadata: { teachers } });
      });
      const end = await run(event(key('novel')), made);
      expect(end).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
      expect(end.cause).toContain('NAME@VERSION');
      expect(made.tasks).toEqual([]);
      expect(record(made)).toMatchObject({ state: 'failed', failure: { code: 'invalid_parameter' } });
    },
  );

  it.each(['../secret', 'a@b@c', "x' & $key & '", 'a b'])(
    'that would start from what can be no model, %s, is refused before anything is paid for',
    async (from) => {
      const made = world((one) => {
        one.objects.set(`${corpora}/${key('novel')}`, { body: '', version: 'v1', metadata: { from } });
      });
      const end = await run(event(key('novel')), made);
      expect(end).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
      expect(end.cause).toContain('NAME@VERSION');
      expect(made.tasks).toEqual([]);
      expect(record(made)).toMatchObject({ state: 'failed', failure: { code: 'invalid_parameter' } });
    },
  );

  it('that names a preset which there is not is refused before anything is paid for', async () => {
    const made = world((one) => {
      one.objects.set(`${corpora}/${key('novel')}`, {
        body: '',
        version: 'v1',
        metadata: { preset: 'huge' },
      });
    });
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
    expect(end.cause).toContain('huge');
    expect(made.tasks).toEqual([]);
    expect(record(made)).toMatchObject({ state: 'failed', failure: { code: 'invalid_parameter' } });
  });

  it.each([2, 3, 4, 5, 6, 7, 8])('whose task ends with %i is not tried again', async (exit) => {
    const made = world((one) => {
      one.ends = [{ exit, record: failed('some_code') }];
    });
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({ status: 'FAILED', error: 'some_code', cause: 'why' });
    expect(made.tasks).toHaveLength(1);
    expect(made.mails).toMatchObject([{ Subject: 'Folio: novel: failed' }]);
    expect(record(made)).toMatchObject({ state: 'failed' });
  });

  it('whose task ends with 2 before it has a record fails with its exit code as the reason', async () => {
    const made = world((one) => {
      one.ends = [{ exit: 2 }];
    });
    const end = await run(event(key('novel')), made);
    expect(end.status).toBe('FAILED');
    expect(end.cause).toContain('exit code 2');
    expect(record(made)).toMatchObject({
      state: 'failed',
      failure: { message: expect.stringContaining('exit code 2') },
    });
  });

  it.each([
    ['9, infrastructure', { exit: 9, record: failed('store_failed') }],
    [
      '130, an interruption of Spot',
      { exit: 130, record: { state: 'stopped' }, stopCode: 'SpotInterruption' },
    ],
    ['137, killed', { exit: 137 }],
    ['1, a bug', { exit: 1 }],
    [
      'an image that cannot be pulled',
      { stopped: 'CannotPullContainerError: pull image manifest has been retried 7 time(s)' },
    ],
    [
      'a network interface that did not come',
      { stopped: 'Timeout waiting for network interface provisioning to complete.' },
    ],
    ['a refusal of ECS', { refused: 'ECS.ServerException', cause: 'internal' }],
  ] as [string, TaskEnd][])(
    'whose task ends with %s is tried again on demand, and published',
    async (_, first) => {
      const made = world((one) => {
        one.ends = [first, { exit: 0, record: published }];
      });
      const end = await run(event(key('novel')), made);
      expect(end).toMatchObject({ status: 'SUCCEEDED', output: { state: 'published' } });
      expect(made.tasks.map(({ provider }) => provider)).toEqual(['FARGATE_SPOT', 'FARGATE']);
      expect(made.mails).toHaveLength(1);
    },
  );

  it.each([
    ['9', { exit: 9, record: failed('store_failed') }, 'store_failed'],
    ['130', { exit: 130, record: { state: 'stopped' } }, 'unavailable'],
    ['137', { exit: 137 }, 'unavailable'],
    ['an image that cannot be pulled', { stopped: 'CannotPullContainerError: not found' }, 'unavailable'],
    ['a refusal without a cause', { refused: 'ECS.AccessDeniedException' }, 'unavailable'],
  ] as [string, TaskEnd, string][])(
    'whose tasks all end with %s fails after four, with the reason and a closed record',
    async (_, all, code) => {
      const made = world((one) => {
        one.ends = [all];
      });
      const end = await run(event(key('novel')), made);
      expect(end.status).toBe('FAILED');
      expect(made.tasks).toHaveLength(4);
      expect(made.mails).toMatchObject([{ Subject: 'Folio: novel: failed' }]);
      expect(record(made)).toMatchObject({ state: 'failed', failure: { code } });
      expect(record(made)).not.toMatchObject({ failure: { message: '' } });
    },
  );

  it('whose task ran out of memory is not tried again with the same memory', async () => {
    const made = world((one) => {
      one.ends = [{ exit: 137, reason: 'OutOfMemoryError: Container killed due to memory usage' }];
    });
    const end = await run(event(key('novel')), made);
    expect(end.status).toBe('FAILED');
    expect(end.cause).toContain('folio:trainer-memory');
    expect(made.tasks).toHaveLength(1);
    expect(record(made)).toMatchObject({ state: 'failed', failure: { code: 'out_of_memory' } });
  });

  it('that exits 0 without a record counts as published', async () => {
    const made = world();
    expect(await run(event(key('novel')), made)).toMatchObject({ output: { state: 'published' } });
  });

  it.each([
    ['a cause', { cause: 'timed out' }],
    ['no cause', {}],
  ])('whose task takes longer than it may, with %s, fails as time_limit', async (_, more) => {
    const made = world((one) => {
      one.ends = [{ exit: 0, seconds: 10 * 86_400, ...more }];
    });
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({ status: 'FAILED', error: 'time_limit' });
    expect(made.tasks).toHaveLength(1);
    expect(made.mails).toHaveLength(1);
    expect(record(made)).toMatchObject({ state: 'failed', failure: { code: 'time_limit' } });
  });

  it('gives the trainer a time limit of its own, below that of its state', async () => {
    const made = world((one) => {
      one.ends = [{ exit: 0, record: published }];
    });
    await run(event(key('novel')), made);
    const { command = [] } = made.tasks[0] ?? {};
    const seconds = Number(command[command.indexOf('--max-seconds') + 1]);
    expect(command).toContain('--max-seconds');
    const limit = made.calls.find(({ resource }) => resource.includes('runTask'))?.timeout ?? 0;
    expect(seconds).toBeGreaterThanOrEqual(12 * 3600);
    expect(limit - seconds).toBeGreaterThanOrEqual(600);
  });

  const shortages: [string, TaskEnd][] = [
    [
      'no Spot capacity',
      {
        stopped:
          'Capacity is unavailable at this time. Please try again later or in a different availability zone',
        seconds: 20,
      },
    ],
    [
      'RunTask without capacity',
      { refused: 'ECS.AmazonECSException', cause: 'Capacity is unavailable at this time.', seconds: 1 },
    ],
    [
      'a limit of vCPUs',
      {
        refused: 'ECS.ClientException',
        cause: 'You have reached the limit on the number of vCPUs you can run concurrently',
        seconds: 1,
      },
    ],
    ['RunTask throttled', { refused: 'ECS.ThrottlingException', cause: 'Rate exceeded', seconds: 1 }],
  ];

  it.each(shortages)('that meets %s once is trained on demand soon', async (_, shortage) => {
    const made = world((one) => {
      one.ends = [shortage, { exit: 0, record: published }];
    });
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({ output: { state: 'published' } });
    expect(made.tasks.map(({ provider }) => provider)).toEqual(['FARGATE_SPOT', 'FARGATE']);
    expect(end.seconds).toBeLessThan(300);
  });

  it.each(shortages)('survives an hour of %s', async (_, shortage) => {
    const made = world((one) => {
      one.fault = ({ resource, now }) =>
        resource.includes('runTask') && now < '2026-11-27T11:00:00.000Z'
          ? {
              error: shortage.refused ?? 'States.TaskFailed',
              cause:
                shortage.cause ??
                JSON.stringify({
                  Containers: [{}],
                  StopCode: 'TaskFailedToStart',
                  StoppedReason: shortage.stopped,
                }),
              seconds: 5,
            }
          : undefined;
      one.ends = [{ exit: 0, record: published }];
    });
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({ status: 'SUCCEEDED', output: { state: 'published' } });
  });

  it.each(shortages)('ends for good after hours of %s, and says so', async (_, shortage) => {
    const made = world((one) => {
      one.ends = [shortage];
    });
    const end = await run(event(key('novel')), made);
    expect(end.status).toBe('FAILED');
    expect(end.seconds).toBeGreaterThan(2 * 3600);
    expect(end.seconds).toBeLessThan(12 * 3600);
    expect(made.tasks.length).toBeLessThan(12);
    expect(record(made)).toMatchObject({ state: 'failed', failure: { code: 'unavailable' } });
  });
});

describe('a training that failed for infrastructure’s sake', () => {
  const lost = (): World =>
    world((one) => {
      one.ends = [{ exit: 9, record: failed('store_failed') }];
    });

  it('would only fail again by a redrive', async () => {
    const made = lost();
    expect((await run(event(key('novel')), made)).status).toBe('FAILED');
    const tasks = made.tasks.length;
    made.ends = [{ exit: 0, record: published }];
    const end = await run(event(key('novel')), made, true);
    expect(end).toMatchObject({ status: 'FAILED', path: ['Failed'] });
    expect(made.tasks).toHaveLength(tasks);
  });

  it('goes on when it is started again with the same input, as the runbook says', async () => {
    const made = lost();
    await run(event(key('novel')), made);
    made.executions.splice(0);
    made.ends = [{ exit: 0, record: published }];
    expect(await run(event(key('novel')), made)).toMatchObject({
      status: 'SUCCEEDED',
      output: { state: 'published' },
    });
    expect(made.tasks.at(-1)?.command).not.toContain('--fresh'); // from the checkpoint
  });
});

describe('reading the corpus', () => {
  it('survives a 503 of S3', async () => {
    const made = world((one) => {
      one.ends = [{ exit: 0, record: published }];
      one.fault = ({ resource }, count) =>
        resource.includes('headObject') && count <= 2
          ? {
              error: 'S3.S3Exception',
              cause: 'Please reduce your request rate. (Service: S3, Status Code: 503)',
            }
          : undefined;
    });
    expect(await run(event(key('novel')), made)).toMatchObject({ output: { state: 'published' } });
  });

  it('that is forbidden fails with a mail, and is not taken for a later upload', async () => {
    const made = world((one) => {
      one.fault = ({ resource }) =>
        resource.includes('headObject')
          ? { error: 'S3.S3Exception', cause: '(Service: S3, Status Code: 403)' }
          : undefined;
    });
    const end = await run(event(key('novel')), made);
    expect(end.status).toBe('FAILED');
    expect(end.cause).toContain('403');
    expect(made.mails).toHaveLength(1);
    expect(made.tasks).toEqual([]);
    expect(record(made)).toMatchObject({ state: 'failed', failure: { code: 'store_failed' } });
  });

  it('that is missing by its status alone, without the name of the error, is missing', async () => {
    const made = world((one) => {
      one.fault = ({ resource }) =>
        resource.includes('headObject')
          ? { error: 'S3.S3Exception', cause: '(Service: S3, Status Code: 404, Request ID: 1)' }
          : undefined;
    });
    expect(await run(event(key('novel')), made)).toMatchObject({ output: { state: 'superseded' } });
  });

  it('of an upload that is gone again ends in silence: the deletion has an execution of its own', async () => {
    const made = world((one) => one.objects.clear());
    expect(await run(event(key('novel')), made)).toMatchObject({
      status: 'SUCCEEDED',
      output: { state: 'superseded' },
    });
    expect(made.mails).toEqual([]);
  });

  it('of a request whose corpus is missing closes its record', async () => {
    const made = world((one) => {
      one.objects.clear();
      one.objects.set(`${models}/trainings/20261127T095959Z-ffff-novel.json`, {
        body: JSON.stringify({ state: 'queued' }),
      });
    });
    const end = await run(request('novel'), made);
    expect(end).toMatchObject({ status: 'FAILED', error: 'corpus_not_found' });
    expect(record(made, '20261127T095959Z-ffff-novel')).toMatchObject({
      state: 'failed',
      failure: { code: 'corpus_not_found' },
    });
    expect(made.tasks).toEqual([]);
  });
});

describe('a request over the API', () => {
  it('trains under its own id, model and preset', async () => {
    const made = world((one) => {
      one.ends = [{ exit: 0, record: published }];
    });
    const input = {
      ...request('novel'),
      model: 'other',
      preset: 'tiny',
      training: '20261127T095959Z-ffff-other',
    };
    expect(await run(input, made)).toMatchObject({ output: { state: 'published', model: 'other' } });
    expect(made.tasks).toMatchObject([{ training: '20261127T095959Z-ffff-other' }]);
    expect(made.tasks[0]?.command).toEqual(
      expect.arrayContaining(['other', 'tiny', `s3://${corpora}/${key('novel')}`]),
    );
  });

  it('takes a name of 64 characters', async () => {
    const name = 'n'.repeat(64);
    const made = world((one) => {
      one.objects.set(`${corpora}/${key(name)}`, { body: 'text', version: 'v1' });
      one.ends = [{ exit: 0, record: published }];
    });
    expect(await run(request(name), made)).toMatchObject({ output: { state: 'published', model: name } });
  });

  it('with a model name that no model can have is refused', async () => {
    const made = world();
    const end = await run({ ...request('novel'), model: '../novel' }, made);
    expect(end).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
    expect(made.tasks).toEqual([]);
  });
});

describe('names', () => {
  it.each(['a', 'A.b-c_9', '9', 'n'.repeat(64)])('takes corpora/%s.txt', async (name) => {
    const made = world((one) => {
      one.objects.set(`${corpora}/${key(name)}`, { body: 'text', version: 'v1' });
      one.ends = [{ exit: 0, record: published }];
    });
    expect(await run(event(key(name)), made)).toMatchObject({ output: { state: 'published', model: name } });
  });

  it.each([
    'My Novel (v2)',
    'a+b',
    'größe',
    'École ÅÄÖ'.normalize('NFD'),
    'Việt Nam ½',
    '.hidden',
    '-x-',
    'a.b.c d',
    `${'n'.repeat(63)} ${'m'.repeat(300)}`,
    `it's "quoted"`,
    'Война и мир 2',
  ])('makes the same name of corpora/%s.txt as the page and the command line', async (file) => {
    const made = world((one) => {
      one.objects.set(`${corpora}/${key(file)}`, { body: 'text', version: 'v1' });
      one.ends = [{ exit: 0, record: published }];
    });
    const model = modelNameOf(key(file));
    expect(await run(event(key(file)), made)).toMatchObject({ output: { state: 'published', model } });
  });

  it.each([
    'corpora/a\nb.txt',
    'corpora/sub/novel.txt',
    'corpora/novel.docx',
    'corpora/Война.txt',
    'corpora/---.txt',
    'corpora/.txt',
  ])('refuses %j with a mail that says why', async (objectKey) => {
    const made = world((one) => one.objects.set(`${corpora}/${objectKey}`, { body: 'text', version: 'v1' }));
    const end = await run(event(objectKey), made);
    expect(end).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
    expect(end.cause).toContain('corpora/NAME.txt');
    expect(made.mails).toHaveLength(1);
    expect(made.tasks).toEqual([]);
  });

  it('ignores a folder, and the deletion of what was no corpus', async () => {
    for (const input of [
      event('corpora/'),
      event('corpora/sub/'),
      event('corpora/my novel.docx', 'v1', 'Object Deleted'),
    ]) {
      const made = world();
      expect(await run(input, made)).toMatchObject({ status: 'SUCCEEDED', output: { state: 'ignored' } });
      expect(made.mails).toEqual([]);
    }
  });

  it('refuses an input that is no event', async () => {
    for (const input of [{}, { detail: {} }, { model: 'novel' }]) {
      expect(await run(input, world())).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
    }
  });
});

const earlier = (name: string, input: unknown, seconds = 60, ends?: string) => ({
  name,
  start: new Date(Date.parse(start) - seconds * 1000).toISOString(),
  input,
  status: 'RUNNING' as const,
  ...(ends !== undefined && { ends }),
});

describe('a second upload', () => {
  it('stops the first, whether it trains or waits, and is trained on', async () => {
    const made = world((one) => {
      one.objects.set(`${corpora}/${key('novel')}`, { body: 'text', version: 'v2' });
      one.executions.push(earlier('first', event(key('novel'))), earlier('other', event(key('other'))));
      one.ends = [{ exit: 0, record: published }];
    });
    expect(await run(event(key('novel'), 'v2'), made)).toMatchObject({ output: { state: 'published' } });
    expect(made.executions.map(({ name, status }) => [name, status])).toEqual([
      ['first', 'ABORTED'],
      ['other', 'RUNNING'],
      [own, 'RUNNING'],
    ]);
  });

  it('whose event comes before that of the first: the late one stops nobody', async () => {
    const made = world((one) => {
      one.objects.set(`${corpora}/${key('novel')}`, { body: 'text', version: 'v2' });
      one.executions.push(earlier('second', event(key('novel'), 'v2'), 2));
    });
    expect(await run(event(key('novel'), 'v1'), made)).toMatchObject({ output: { state: 'superseded' } });
    expect(made.executions[0]?.status).toBe('RUNNING');
    expect(made.tasks).toEqual([]);
    expect(made.mails).toEqual([]);
  });

  it('of the same millisecond: exactly one of the two goes on', async () => {
    const both = ['00000000-first', 'ffffffff-last'];
    const survivors: string[] = [];
    for (const other of both) {
      const made = world((one) => {
        one.executions.push({ ...earlier(other, event(key('novel'))), start });
        one.ends = [{ exit: 0, record: published }];
      });
      await run(event(key('novel')), made);
      if (made.executions[0]?.status === 'RUNNING') survivors.push(other);
    }
    expect(survivors).toHaveLength(1);
  });

  it('is found behind hundreds of other executions', async () => {
    const made = world((one) => {
      for (let number = 0; number < 450; number++) {
        one.executions.push(
          earlier(`other-${number}`, event(key(`other-${number}`)), 500 - number, '2026-11-27T10:00:01.000Z'),
        );
      }
      one.executions.push(earlier('first', event(key('novel')), 3600));
      // They end while this one waits for later uploads; those that are listed are all there.
      for (const execution of one.executions) Object.assign(execution, { ends: '2026-11-27T12:00:00.000Z' });
      one.ends = [{ exit: 0, record: published }];
    });
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({ output: { state: 'published' } });
    expect(made.executions.find(({ name }) => name === 'first')?.status).toBe('ABORTED');
  });

  it('survives that the first ends meanwhile, and throttling of Step Functions', async () => {
    const made = world((one) => {
      one.executions.push(earlier('first', event(key('novel'))));
      one.ends = [{ exit: 0, record: published }];
      one.fault = ({ resource }, count) => {
        if (/stopExecution/.test(resource)) return { error: 'Sfn.ExecutionDoesNotExistException' };
        return /listExecutions|describeExecution/.test(resource) && count === 1
          ? { error: 'Sfn.SfnException', cause: 'Rate exceeded' }
          : undefined;
      };
    });
    expect(await run(event(key('novel')), made)).toMatchObject({ output: { state: 'published' } });
  });
});

describe('waiting for a place', () => {
  const busyUntil =
    (until: string, count = 2) =>
    (one: World) => {
      for (let number = 0; number < count; number++) {
        one.executions.push(earlier(`other-${number}`, event(key(`other-${number}`)), 60 + number, until));
      }
      one.ends = [{ exit: 0, record: published }];
    };

  it('trains as soon as fewer than folio:trainings-at-once run before it', async () => {
    const made = world(busyUntil('2026-11-27T10:30:00.000Z'));
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({ output: { state: 'published' } });
    expect(made.tasks[0]?.at).toMatch(/T10:3/);
  });

  it('has a record while it waits', async () => {
    const made = world(busyUntil('2026-11-27T10:30:00.000Z'));
    let seen: unknown;
    made.fault = ({ resource, now }) => {
      if (/listExecutions/.test(resource) && now > '2026-11-27T10:10:00') seen ??= record(made);
      return undefined;
    };
    await run(event(key('novel')), made);
    expect(seen).toMatchObject({ id, state: 'queued', model: 'novel', preset: 'tutorial' });
  });

  // Thousands of loops of an interpreted language.
  it('waits for days with fewer than 25,000 events, and with the same work however many wait', async () => {
    const made = world(busyUntil('2026-12-02T10:00:00.000Z', 4));
    const end = await run(event(key('novel')), made);
    expect(end).toMatchObject({ output: { state: 'published' } });
    expect(end.events).toBeLessThan(20_000);
    const describes = made.calls.filter(({ resource }) => resource.includes('describeExecution')).length;
    expect(describes).toBe(4);
  });

  it('gives up before the history is full, with the reason and a closed record', async () => {
    const made = world(busyUntil('2027-11-27T10:00:00.000Z'));
    const end = await run(event(key('novel')), made);
    expect(end.status).toBe('FAILED');
    expect(end.cause).toMatch(/place/);
    expect(end.events).toBeLessThan(25_000);
    expect(record(made)).toMatchObject({ state: 'failed', failure: { code: 'unavailable' } });
    expect(made.mails).toHaveLength(1);
  });

  it('with five hundred before it stays below 256 KiB a state', async () => {
    const made = world(busyUntil('2026-11-27T10:20:00.000Z', 500));
    expect(await run(event(key('novel')), made)).toMatchObject({ output: { state: 'published' } });
  });
});

describe('a deletion', () => {
  const marker = () => event(key('novel'), 'v3', 'Object Deleted');
  const gone = (one: World) => void one.objects.delete(`${corpora}/${key('novel')}`);

  it('marks the models of the name, stops a training of it and sends a mail', async () => {
    const made = world((one) => {
      gone(one);
      one.executions.push(earlier('first', event(key('novel'))));
    });
    const end = await run(marker(), made);
    expect(end).toMatchObject({ status: 'SUCCEEDED', output: { state: 'corpus deleted' } });
    expect(made.read('models/novel/corpus-deleted.json')).toMatchObject({
      corpus: `s3://${corpora}/${key('novel')}`,
      deletedAt: start,
    });
    expect(made.executions[0]?.status).toBe('ABORTED');
    expect(made.mails).toMatchObject([{ Subject: 'Folio: novel: corpus deleted' }]);
    expect(made.tasks).toEqual([]);
  });

  it('stops a training of another model on the same corpus', async () => {
    const made = world((one) => {
      gone(one);
      one.executions.push(earlier('first', { ...request('novel'), model: 'other' }));
    });
    await run(marker(), made);
    expect(made.executions[0]?.status).toBe('ABORTED');
  });

  it('whose corpus is there again marks nothing and stops nobody', async () => {
    const made = world((one) => void one.executions.push(earlier('first', event(key('novel')))));
    const end = await run(marker(), made);
    expect(end).toMatchObject({ status: 'SUCCEEDED', output: { state: 'ignored' } });
    expect(made.read('models/novel/corpus-deleted.json')).toBeUndefined();
    expect(made.executions[0]?.status).toBe('RUNNING');
    expect(made.mails).toEqual([]);
  });

  it('of an old version, by hand or by the lifecycle, is nothing: the clean training goes on', async () => {
    for (const reason of ['DeleteObject', 'Lifecycle Expiration']) {
      const made = world((one) => void one.executions.push(earlier('clean', event(key('novel')))));
      const purge = event(key('novel'), 'v0', 'Object Deleted', {
        reason,
        'deletion-type': 'Permanently Deleted',
      });
      expect(await run(purge, made)).toMatchObject({ status: 'SUCCEEDED', output: { state: 'ignored' } });
      expect(made.executions[0]?.status).toBe('RUNNING');
      expect(made.mails).toEqual([]);
    }
  });
});

describe('the end', () => {
  it('survives a record that cannot be read', async () => {
    const made = world((one) => {
      one.fault = ({ resource, arguments: { Key } }) =>
        resource.includes('getObject') && String(Key).startsWith('trainings/')
          ? { error: 'S3.S3Exception', cause: '500' }
          : undefined;
    });
    expect(await run(event(key('novel')), made)).toMatchObject({ output: { state: 'published' } });
  });

  it('survives a record that is not JSON, and one of more than 256 KiB', async () => {
    for (const body of ['{', JSON.stringify({ state: 'published', logTail: ['x'.repeat(300_000)] })]) {
      const made = world((one) => {
        one.fault = ({ resource, arguments: { Key } }) =>
          resource.includes('getObject') && String(Key).startsWith('trainings/')
            ? { result: { Body: body } }
            : undefined;
      });
      expect(await run(event(key('novel')), made)).toMatchObject({ output: { state: 'published' } });
    }
  });

  it('survives a topic that is busy', async () => {
    const made = world((one) => {
      one.ends = [{ exit: 0, record: published }];
      one.fault = ({ resource }, count) =>
        resource.includes('sns') && count === 1 ? { error: 'SNS.InternalErrorException' } : undefined;
    });
    expect(await run(event(key('novel')), made)).toMatchObject({ output: { state: 'published' } });
    expect(made.mails).toHaveLength(1);
  });

  it('has a limit of time, in the definition itself', () => {
    expect(retraining.definition).toHaveProperty('TimeoutSeconds');
  });
});
