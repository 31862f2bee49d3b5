import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { runSimulation } from '@cloud-copilot/iam-simulate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../../functions/bundle.ts';
import { installModel } from '../../../functions/install-model.ts';
import { publishBest } from '../../../functions/publish-best.ts';
import { createApp } from '../../../src/api/app.ts';
import { limitsFrom } from '../../../src/api/request/limits.ts';
import { readSettings } from '../../../src/settings.ts';
import { parseModelReference } from '../../../src/store/model-name.ts';
import { openModels } from '../../../src/store/open-models.ts';
import { S3Store } from '../../../src/store/s3-store.ts';
import { createSigningSecret, readSigningSecret } from '../../../src/store/signing-secret.ts';
import { queuedRecord, writeRecord } from '../../../src/training-jobs/records.ts';
import { type Gateway, startGateway } from '../../s3/gateway.ts';
import { tinyModel } from '../../tiny-model.ts';
import { type Deployed, deployed, type Machine, machine, ofType } from './deployed.ts';
import { type Call, executionArn, Interpreter } from './interpreter.ts';
import { type IamCall, Recorder } from './recorder.ts';
import { World } from './world.ts';

/**
 * Each call that functions, trainer and state machines make, recorded from what they do here, is judged by the roles
 * as they are synthesized. Nothing may be denied, and nothing be granted that nobody uses.
 */
const account = '123456789012';
const [corpora, models] = ['foliodata-corpora7c7c03fa', 'foliodata-modelsc55d3500'];

let stacks: Deployed;
let interpreter: Interpreter;
let gateway: Gateway;
let recorder: Recorder;
let store: S3Store;
const used = new Map<string, Set<string>>();

beforeAll(async () => {
  stacks = await deployed();
  interpreter = await Interpreter.start();
  gateway = await startGateway();
  await Promise.all([corpora, models].map((name) => gateway.createBucket(name)));
  recorder = await Recorder.start(gateway.endpoint);
  store = at(models);
});

afterAll(async () => {
  interpreter?.stop();
  recorder?.stop();
  await gateway?.stop();
});

const at = (place: string): S3Store => {
  const { region, credentials } = gateway;
  return S3Store.at(`s3://${place}`, {
    endpoint: recorder.endpoint,
    region,
    credentials,
    forcePathStyle: true,
  });
};

interface Statement {
  readonly Action: string | readonly string[];
}

/** The policies of the role whose logical id begins so. */
const policiesOf = (role: string): { name: string; policy: unknown }[] => {
  const [[id] = ['']] = ofType(stacks, 'AWS::IAM::Role').filter(([one]) => one.startsWith(role));
  return ofType(stacks, 'AWS::IAM::Policy')
    .filter(([, { Roles }]) => (Roles as string[]).some((name) => name.endsWith(`-${id}`)))
    .map(([name, { PolicyDocument }]) => ({ name, policy: PolicyDocument }));
};

/** The calls that these policies deny, in words. */
const denied = async (role: string, calls: readonly IamCall[]): Promise<string[]> => {
  const identityPolicies = policiesOf(role);
  expect(identityPolicies.length, role).toBeGreaterThan(0);
  expect(calls.length, role).toBeGreaterThan(0);
  const verdicts = await Promise.all(
    calls.map(async ({ action, resource, context = {} }) => {
      const seen = used.get(role) ?? new Set();
      used.set(role, seen.add(action));
      const result = await runSimulation(
        {
          request: {
            principal: `arn:aws:iam::${account}:role/x`,
            action,
            resource: { resource, accountId: account },
            contextVariables: context,
          },
          identityPolicies,
          serviceControlPolicies: [],
          resourceControlPolicies: [],
        },
        {},
      );
      const verdict = result.resultType === 'error' ? JSON.stringify(result.errors) : result.overallResult;
      return verdict === 'Allowed'
        ? []
        : [`${role}: ${action} on ${resource} ${JSON.stringify(context)}: ${verdict}`];
    }),
  );
  return verdicts.flat();
};

/** What a state asks, as IAM judges it. `ecs:runTask.sync` asks for all that waiting and stopping take. */
const ofCall = ({ resource, arguments: values }: Call, own: Machine): readonly IamCall[] => {
  const { Bucket, Key } = values as Record<string, string>;
  const object = `arn:aws:s3:::${Bucket}/${Key}`;
  const list: IamCall = {
    action: 's3:ListBucket',
    resource: `arn:aws:s3:::${Bucket}`,
    context: { 's3:prefix': String(Key) },
  };
  const action = resource.replace('arn:aws:states:::', '').replace('aws-sdk:', '');
  switch (action) {
    case 's3:getObject':
    case 's3:headObject':
      return [{ action: 's3:GetObject', resource: object }, list];
    case 's3:putObject':
      return [{ action: 's3:PutObject', resource: object }];
    case 's3:deleteObject':
      return [{ action: 's3:DeleteObject', resource: object }];
    case 'sfn:listExecutions':
      return [{ action: 'states:ListExecutions', resource: String(values.StateMachineArn) }];
    case 'sfn:describeExecution':
      return [{ action: 'states:DescribeExecution', resource: String(values.ExecutionArn) }];
    case 'sfn:stopExecution':
      return [{ action: 'states:StopExecution', resource: String(values.ExecutionArn) }];
    case 'sns:publish':
      return [{ action: 'sns:Publish', resource: String(values.TopicArn) }];
    case 'lambda:invoke':
      return [{ action: 'lambda:InvokeFunction', resource: String(values.FunctionName) }];
    case 'states:startExecution': {
      const child = `${executionArn(own.arn, '').replace(/:$/, '')}/Rows:1`;
      return [
        { action: 'states:StartExecution', resource: own.arn },
        ...['DescribeExecution', 'StopExecution', 'RedriveExecution'].map((name) => ({
          action: `states:${name}`,
          resource: child,
        })),
      ];
    }
    case 'ecs:runTask.sync': {
      const cluster = String(values.Cluster);
      const task = `${cluster.replace(':cluster/', ':task/')}/0123456789abcdef`;
      const rule = 'arn:aws:events:eu-central-1:123456789012:rule/StepFunctionsGetEventsForECSTaskRule';
      const [, definition] = ofType(stacks, 'AWS::ECS::TaskDefinition')[0] ?? [];
      return [
        {
          action: 'ecs:RunTask',
          resource: String(values.TaskDefinition),
          context: { 'ecs:cluster': cluster },
        },
        { action: 'ecs:TagResource', resource: task, context: { 'ecs:CreateAction': 'RunTask' } },
        { action: 'ecs:StopTask', resource: task },
        { action: 'ecs:DescribeTasks', resource: task },
        ...['PutTargets', 'PutRule', 'DescribeRule'].map((name) => ({
          action: `events:${name}`,
          resource: rule,
        })),
        ...[definition?.TaskRoleArn, definition?.ExecutionRoleArn].map((role) => ({
          action: 'iam:PassRole',
          resource: String(role),
          context: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
        })),
      ];
    }
    default:
      throw new Error(`The rehearsal does not know the rights of ${action}.`);
  }
};

const record = async (own: Machine, input: unknown, change: (world: World) => void): Promise<IamCall[]> => {
  const world = new World();
  world.models = models;
  world.machine = own.arn;
  world.ends = [{ exit: 0, record: { state: 'published', version: 'v' } }];
  change(world);
  await interpreter.run(
    { definition: own.definition, input, machine: own.arn, name: 'a1', start: '2026-11-27T10:00:00.123Z' },
    world.answer,
  );
  return world.calls.flatMap((call) => ofCall(call, own));
};

const upload = (type = 'Object Created') => ({
  'detail-type': type,
  detail: {
    bucket: { name: corpora },
    object: { key: 'corpora/novel.txt' },
    'deletion-type': 'Delete Marker Created',
  },
});

describe('state machines', () => {
  it('Retraining: an upload behind an earlier one, a failure, a deletion', async () => {
    const own = machine(stacks, 'RetrainingMachine');
    const present = (world: World) => {
      world.objects.set(`${corpora}/corpora/novel.txt`, { body: '' });
      world.executions.push({
        name: 'e',
        start: '2026-11-27T09:00:00.000Z',
        input: upload(),
        status: 'RUNNING',
      });
    };
    const calls = [
      ...(await record(own, upload(), present)),
      ...(await record(own, upload(), (world) => {
        present(world);
        world.ends = [{ exit: 5 }];
      })),
      ...(await record(own, upload('Object Deleted'), () => {})),
    ];
    expect(await denied('RetrainingRole', calls)).toEqual([]);
  });

  it('Closing', async () => {
    const own = machine(stacks, 'RetrainingClosing');
    const input = { detail: { status: 'ABORTED', name: 'a', startDate: 0, input: JSON.stringify(upload()) } };
    const calls = await record(own, input, (world) => {
      world.objects.set(`${models}/trainings/19700101T000000Z-a000-novel.json`, {
        body: '{"state":"queued"}',
      });
    });
    expect(calls.map(({ action }) => action)).toContain('s3:PutObject');
    expect(await denied('RetrainingClosingRole', calls)).toEqual([]);
  });

  it('Grid', async () => {
    const own = machine(stacks, 'Grid');
    expect(await denied('GridRole', await record(own, { model: 'novel', grid: [{}] }, () => {}))).toEqual([]);
  });

  it('Bulk, redriven too', async () => {
    const own = machine(stacks, 'Bulk');
    const calls = (
      await Promise.all(
        ['shakespeare', 'shakespeare@v7'].map((model) => ({ task: 'score', input: 'bulk/a.jsonl', model })),
      )
    ).map(
      (input) => () =>
        record(own, input, (world) => {
          world.objects.set(`${models}/bulk/a.jsonl`, { body: '{"text":"a"}\n' });
          world.objects.set(`${models}/models/shakespeare/current.json`, { body: '{"version":"v7"}' });
          world.objects.set(`${models}/models/shakespeare/v7/model.json`, { body: '{}' });
        }),
    );
    const all: IamCall[] = [];
    for (const call of calls) all.push(...(await call()));
    // Of the writer of results, which sends large ones in parts.
    const part = `arn:aws:s3:::${models}/bulk/a-out-summary/x`;
    for (const action of ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts']) {
      all.push({ action, resource: part });
    }
    expect(await denied('BulkRole', all)).toEqual([]);
  });
});

const model = tinyModel({ name: 'shakespeare' });

describe('functions', () => {
  it('InstallModel', async () => {
    await installModel(store, model);
    await installModel(store, { ...model, earlier: '20250101T000000Z-00000000' });
    await createSigningSecret(store);
    await createSigningSecret(store);
    expect(await denied('PrebuiltModelInstallModelRole', recorder.take())).toEqual([]);
  });

  it('Generate: a model, a model that is missing, weights for the browser, the secret for states', async () => {
    const settings = readSettings({ FOLIO_STORE: `s3://${models}` });
    const cache = openModels(store, settings);
    (await cache.acquire(parseModelReference('shakespeare'))).release();
    await cache.acquire(parseModelReference('nosuch')).catch(() => {});
    await cache.acquire(parseModelReference('shakespeare@20250101T000000Z-00000000')).catch(() => {});
    await readSigningSecret(store);
    expect(await denied('GenerateRole', recorder.take())).toEqual([]);
  });

  it('Admin: models, versions, activation, removal, trainings', async () => {
    const settings = readSettings({ FOLIO_STORE: `s3://${models}` });
    await writeRecord(
      store,
      queuedRecord('20261127T100000Z-0a1b-novel', { model: 'novel', corpusKey: 'corpora/novel.txt' }),
    );
    const jobs = {
      start: () => Promise.reject(new Error('no')),
      checkCapacity: () => undefined,
      checkPrecision: () => undefined,
      nextRecord: () => Promise.resolve(undefined),
      stop: () => Promise.resolve(),
      list: async () => (await import('../../../src/training-jobs/records.ts')).listRecords(store),
      get: async (id: string) =>
        (await import('../../../src/training-jobs/records.ts')).readRecord(store, id),
    };
    const app = createApp({
      store,
      limits: limitsFrom(settings),
      authorise: () => ({ id: 'w', rights: ['read', 'write'] }),
      trainings: jobs,
      live: false,
    });
    const second = tinyModel({ name: 'shakespeare', seed: 2, createdAt: new Date('2026-02-02T00:00:00Z') });
    const own = recorder.take(); // the record's
    await installModel(store, second);
    recorder.take(); // another function's
    const ask = async (method: string, path: string, body?: object) => {
      const response = await app.request(path, {
        method,
        ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      expect(response.status, `${method} ${path}`).toBeLessThan(500);
      return response;
    };
    for (const path of [
      '/v1/models',
      '/v1/models/shakespeare',
      '/v1/models/nosuch',
      '/v1/models/shakespeare/versions',
      '/v1/models/shakespeare/report',
      `/v1/models/shakespeare/versions/${model.version}/report`,
      '/v1/trainings',
      '/v1/trainings/20261127T100000Z-0a1b-novel',
      '/v1/trainings/20261127T100000Z-0a1b-nosuch',
    ]) {
      await ask('GET', path);
    }
    await ask('POST', '/v1/models/shakespeare/activate', { version: second.version });
    expect((await ask('DELETE', `/v1/models/shakespeare@${model.version}`)).status).toBeLessThan(300);
    const states = machine(stacks, 'RetrainingMachine').arn;
    const calls: IamCall[] = [
      ...own,
      ...recorder.take(),
      // A form is signed by this role; S3 judges it when it is used.
      { action: 's3:PutObject', resource: `arn:aws:s3:::${corpora}/corpora/novel.txt` },
      { action: 'states:StartExecution', resource: states },
      { action: 'states:ListExecutions', resource: states },
      { action: 'states:DescribeExecution', resource: executionArn(states, 'a') },
      { action: 'states:StopExecution', resource: executionArn(states, 'a') },
    ];
    expect(await denied('AdminRole', calls)).toEqual([]);
  });

  it('PublishBest', async () => {
    const place = 'grids/run/0';
    const text = new TextDecoder().decode(model.files.get('model.json'));
    const artefact = JSON.parse(text) as { userDefinedMetadata: { folio: object } };
    Object.assign(artefact.userDefinedMetadata.folio, { training: { validationLoss: 1 } });
    const files = new Map(model.files).set('model.json', new TextEncoder().encode(JSON.stringify(artefact)));
    await installModel(at(`${models}/${place}`), { ...model, files });
    recorder.take(); // the trainer's
    await publishBest(
      (one) => at(one === '' ? models : `${models}/${one}`),
      [place, 'grids/run/1'],
      'shakespeare',
    ).catch((error: unknown) =>
      expect(error).toMatchObject({ code: expect.stringMatching(/conflict|already/) }),
    );
    expect(await denied('GridPublishBestRole', recorder.take())).toEqual([]);
  });

  it('Item', async () => {
    const cache = openModels(store, readSettings({ FOLIO_STORE: `s3://${models}` }));
    (await cache.acquire(parseModelReference('shakespeare'))).release();
    await cache.acquire(parseModelReference('nosuch')).catch(() => {});
    await store.write('bulk/a-out/0000000000.jsonl', new Uint8Array(1));
    expect(await denied('BulkItemRole', recorder.take())).toEqual([]);
  });
});

describe('the trainer', () => {
  let trainings = 0;
  const train = (...args: readonly string[]) =>
    promisify(execFile)(
      process.execPath,
      ['src/cli/main.ts', 'train', '--preset', 'tiny', '--epochs', '1', '--log', 'json', ...args],
      {
        cwd: root,
        maxBuffer: 1 << 26,
        env: {
          ...process.env,
          ...gateway.environment,
          AWS_ENDPOINT_URL_S3: recorder.endpoint,
          AWS_ENDPOINT_URL: recorder.endpoint,
          FOLIO_STORE: `s3://${models}`,
          FOLIO_TRAINING_ID: `20261127T10000${trainings++}Z-0a1b-novel`, // as a task is given it
        },
      },
    ).then(
      () => 0,
      (error: { code: number }) => error.code,
    );

  it('reads a corpus, publishes, keeps its record and its checkpoint; a missing corpus is exit code 3', async () => {
    const { endpoint, region, credentials } = gateway;
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    const Body = 'the quick brown fox jumps over the lazy dog and runs home before the rain '.repeat(120);
    await client.send(new PutObjectCommand({ Bucket: corpora, Key: 'corpora/novel.txt', Body }));
    expect(await train('--corpus', `s3://${corpora}/corpora/novel.txt`, '--name', 'novel')).toBe(0);
    expect(
      await train('--corpus', `s3://${corpora}/corpora/novel.txt`, '--name', 'novel', '--max-seconds', '1'),
    ).toBe(8);
    expect(await train('--corpus', `s3://${corpora}/corpora/nosuch.txt`, '--name', 'nosuch')).toBe(3);
    const place = `s3://${models}/grids/run/2`;
    expect(
      await train('--corpus', `s3://${corpora}/corpora/novel.txt`, '--name', 'novel', '--store', place),
    ).toBe(0);
    expect(await denied('TrainerTaskRole', recorder.take())).toEqual([]);
  });

  it('may not change what is published, nor move a pointer without comparing', async () => {
    const put = (key: string): IamCall => ({
      action: 's3:PutObject',
      resource: `arn:aws:s3:::${models}/models/${key}`,
    });
    const matching = { context: { 's3:if-match': '"etag"' } };
    const version = 'other/20260101T000000Z-00000000/model.json';
    expect(
      await denied('TrainerTaskRole', [
        put(version),
        { ...put(version), ...matching },
        put('other/current.json'),
        { ...put('other/current.json'), ...matching },
      ]),
    ).toHaveLength(3);
  });
});

/** Granted and made by no call here: of the platform's own part of the work. */
const ofThePlatform = /^(?:logs|xray):/;

describe('what is granted', () => {
  it('is used', () => {
    const idle = [...used].flatMap(([role, actions]) =>
      policiesOf(role)
        .flatMap(({ policy }) => (policy as { Statement: Statement[] }).Statement)
        .flatMap(({ Action }) => Action)
        .filter((action) => !ofThePlatform.test(action) && !actions.has(action))
        .map((action) => `${role}: ${action}`),
    );
    expect(idle).toEqual([]);
  });
});
