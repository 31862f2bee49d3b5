import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { App } from 'aws-cdk-lib';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { DataStack } from '../../cdk/data-stack.ts';
import { readSettings } from '../../cdk/settings.ts';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { hasBfloat16 } from '../../src/training-jobs/bfloat16.ts';
import { EcsAgent } from './ecs-agent.ts';
import { Emulator } from './emulator.ts';

/**
 * The stacks deployed into an emulator of AWS, and used as a person would. What the emulator lacks, and where that is
 * asserted instead: response streaming of API Gateway (test/lambda runs the same bundle under the real runtime
 * client; template.test.ts sees that it is on), flow logs and budgets (template.test.ts), containers (this test does
 * what ECS's agent would: it runs the command and environment that the task was given).
 */
const context = ['folio:streaming=false', 'folio:preset=tiny', 'folio:image=trainer', 'folio:spot=true'];
const synthesis = [
  ...['--app', 'node test/cloud/emulated-app.ts'],
  ...[...context, `emulated-bundles=${inject('functionBundles')}`].flatMap((one) => ['-c', one]),
];

let emulator: Emulator;
let agent: EcsAgent;
let folder: string;
/** Names the assembly that the CDK's command line has synthesized, in place of the app. */
let app: readonly string[];
let outputs: Record<string, Record<string, string>>;
let s3: S3Client;
let sfn: SFNClient;
let url: string;
let readerKey: string;
let writerKey: string;
let corpora: string;
let models: string;
let machine: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-deployment-'));
  emulator = await Emulator.start();
  agent = new EcsAgent(emulator);
  const client = {
    endpoint: emulator.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  s3 = new S3Client({ ...client, forcePathStyle: true });
  sfn = new SFNClient(client);

  await emulator.cdk('synth', '--quiet', ...synthesis);
  app = ['--app', emulator.assembly];
  await emulator.cdk('bootstrap', 'aws://000000000000/us-east-1', ...app);
  const file = join(folder, 'outputs.json');
  await emulator.cdk('deploy', '--all', '--require-approval', 'never', '--outputs-file', file, ...app);
  outputs = JSON.parse(await readFile(file, 'utf8')) as typeof outputs;
  const api = outputs.FolioApi ?? {};
  url = api.Url ?? '';
  models = api.ModelBucket ?? '';
  [, corpora = ''] = /s3:\/\/([^/]+)\//.exec(outputs.FolioTraining?.UploadCorpus ?? '') ?? [];
  [, machine = ''] = /--state-machine-arn (\S+)/.exec(outputs.FolioTraining?.FollowTrainings ?? '') ?? [];
  [readerKey, writerKey] = await Promise.all([keyOf(api.ReaderKeyId ?? ''), keyOf(api.WriterKeyId ?? '')]);
});

afterAll(async () => {
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

const keyOf = async (id: string): Promise<string> => {
  const address = `${emulator.endpoint}/apikeys/${id}?includeValue=true`;
  const response = await fetch(address, { headers: emulator.signed('apigateway') });
  return ((await response.json()) as { value: string }).value;
};

// The emulator looks for a key in this header alone.
const client = (apiKey: string) =>
  new OpenAI({ baseURL: `${url}v1`, apiKey, maxRetries: 0, defaultHeaders: { 'x-api-key': apiKey } });

describe('the endpoint', () => {
  it('refuses who has no key, or a wrong one', async () => {
    const nobody = await fetch(`${url}generate?prompt=ROMEO`);
    expect([401, 403]).toContain(nobody.status);
    const wrong = await fetch(`${url}generate?prompt=ROMEO`, { headers: { 'x-api-key': 'x'.repeat(40) } });
    expect([401, 403]).toContain(wrong.status);
  });

  it('answers the OpenAI client from the prebuilt model', async () => {
    const completion = await client(readerKey).completions.create({
      model: 'shakespeare',
      prompt: 'ROMEO:',
      max_tokens: 40,
      seed: 1,
    });
    expect(completion.choices[0]?.text).toHaveLength(40);
    expect(completion.usage).toMatchObject({ completion_tokens: 40 });
    const again = await fetch(`${url}generate`, {
      method: 'POST',
      headers: { 'x-api-key': readerKey, 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'ROMEO:', length: 40, seed: 1 }),
    });
    expect(((await again.json()) as { text: string }).text).toBe(completion.choices[0]?.text);
  });

  it('shows its pages to everybody', async () => {
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(await (await fetch(`${url}healthz`)).json()).toEqual({ status: 'ok' });
  });

  it('lets a reader read and a writer write', async () => {
    const list = await client(readerKey).models.list();
    expect(list.data.map(({ id }) => id)).toContain('shakespeare');
    const requestUpload = (key: string) =>
      fetch(`${url}v1/corpora/novel`, {
        method: 'POST',
        headers: { 'x-api-key': key, 'content-type': 'application/json' },
        body: '{}',
      });
    expect((await requestUpload(readerKey)).status).toBe(403);
    expect((await requestUpload(writerKey)).status).toBe(200);
  });
});

interface Execution {
  readonly status: string;
  readonly input: { detail: { object: { key: string } } };
  readonly output?: Record<string, unknown>;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
  readonly arn: string;
}

/** The executions about a corpus, newest first. */
const executions = async (key: string): Promise<Execution[]> => {
  const { executions: found = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }));
  const described = await Promise.all(
    found.map(({ executionArn }) => sfn.send(new DescribeExecutionCommand({ executionArn }))),
  );
  return described
    .sort((a, b) => Number(b.startDate) - Number(a.startDate))
    .map(({ executionArn = '', status = '', input = '{}', output, error, cause }) => ({
      arn: executionArn,
      status,
      input: JSON.parse(input) as Execution['input'],
      ...(output && { output: JSON.parse(output) as Record<string, unknown> }),
      error,
      cause,
    }))
    .filter(({ input }) => input.detail?.object.key === key);
};

const upload = (name: string, body: string | Uint8Array, metadata?: Record<string, string>) =>
  s3.send(
    new PutObjectCommand({
      Bucket: corpora,
      Key: `corpora/${name}.txt`,
      Body: body,
      ...(metadata && { Metadata: metadata }),
    }),
  );

const finished = async (key: string): Promise<Execution> => {
  await expect
    .poll(async () => (await executions(key))[0]?.status, { timeout: 60_000, interval: 500 })
    .not.toBe('RUNNING');
  const [execution] = await executions(key);
  if (!execution) throw new Error(`There is no execution for ${key}.`);
  return execution;
};

const words = 'the quick brown fox jumps over the lazy dog and runs home before the rain comes down '.repeat(
  120,
);

describe('an uploaded corpus', () => {
  it('is trained on by the task that it starts, published, reported, and served', async () => {
    await upload('novel', words);
    const task = await agent.taskFor('novel');
    expect(task.overrides.containerOverrides[0]?.command).toEqual([
      ...[
        '--corpus',
        `s3://${corpora}/corpora/novel.txt`,
        '--name',
        'novel',
        '--preset',
        'tiny',
        '--max-seconds',
        '43200',
        '--log',
        'json',
      ],
    ]);
    expect(await agent.run(task)).toBe(0);
    const execution = await finished('corpora/novel.txt');
    expect(execution).toMatchObject({ status: 'SUCCEEDED', output: { state: 'published', model: 'novel' } });

    const training = await fetch(`${url}v1/trainings/${String(execution.output?.training)}`, {
      headers: { 'x-api-key': readerKey },
    });
    expect(await training.json()).toMatchObject({ model: 'novel', state: 'published' });
    const completion = await client(readerKey).completions.create({
      model: 'novel',
      prompt: 'the ',
      max_tokens: 20,
    });
    expect(completion.choices[0]?.text).toHaveLength(20);
  });

  it('that cannot be trained on ends without another try, and says why', async () => {
    await upload('broken', Uint8Array.from([0x68, 0x65, 0xff, 0xfe, 0x6c]));
    const code = await agent.run(await agent.taskFor('broken'));
    expect(code).toBe(5);
    const execution = await finished('corpora/broken.txt');
    expect(execution).toMatchObject({ status: 'FAILED', error: 'corpus_invalid' });
    expect(execution.cause).toMatch(/UTF-8/);
  });

  it('gives way to a later upload of the same name, whose metadata say from what it learns and how', async () => {
    await upload('twice', words);
    const first = await agent.taskFor('twice');
    const precision = hasBfloat16() ? 'bf16' : 'f32'; // the emulator's processor is this one
    await upload('twice', `${words} and once more`, { teachers: 'novel', precision });
    await expect
      .poll(async () => (await executions('corpora/twice.txt')).map(({ status }) => status), {
        timeout: 60_000,
      })
      .toEqual(['RUNNING', 'ABORTED']); // newest first
    const second = await agent.taskFor('twice', first.taskArn);
    expect(await agent.run(second)).toBe(0);
    const { output } = await finished('corpora/twice.txt');
    expect(output).toMatchObject({ state: 'published' });
    const headers = { 'x-api-key': readerKey };
    const training = await fetch(`${url}v1/trainings/${String(output?.training)}`, { headers });
    expect(await training.json()).toMatchObject({ teachers: ['novel'], precision, preset: 'tiny' });
    const artefact = await (await fetch(`${url}v1/models/twice/files/model.json`, { headers })).json();
    expect(artefact).toMatchObject({
      userDefinedMetadata: {
        folio: {
          teachers: [{ name: 'novel', digest: expect.stringMatching(/^sha256:/) }],
          training: { settings: precision === 'bf16' ? { precision } : {} },
        },
      },
    });
  });

  it('under a name that no model can have is refused with a reason', async () => {
    await s3.send(new PutObjectCommand({ Bucket: corpora, Key: 'corpora/my novel.docx', Body: 'x' }));
    const execution = await finished('corpora/my novel.docx');
    expect(execution).toMatchObject({ status: 'FAILED', error: 'invalid_parameter' });
    expect(execution.cause).toContain('corpora/NAME.txt');
  });

  it('marks the models made from it when it is deleted', async () => {
    await s3.send(new DeleteObjectCommand({ Bucket: corpora, Key: 'corpora/novel.txt' }));
    await expect
      .poll(
        () =>
          s3.send(new GetObjectCommand({ Bucket: models, Key: 'models/novel/corpus-deleted.json' })).then(
            async ({ Body }) => JSON.parse((await Body?.transformToString()) ?? '') as unknown,
            () => undefined,
          ),
        { timeout: 60_000, interval: 500 },
      )
      .toMatchObject({ corpus: `s3://${corpora}/corpora/novel.txt`, deletedAt: expect.any(String) });
    const model = await fetch(`${url}v1/models/novel`, { headers: { 'x-api-key': readerKey } });
    expect(await model.json()).toMatchObject({ corpus_deleted_at: expect.any(String) });
  });
});

describe('the deployment', () => {
  it('leaves the buckets when it is destroyed', async () => {
    await emulator.cdk('destroy', '--all', '--force', ...app);
    await expect(s3.send(new HeadBucketCommand({ Bucket: corpora }))).resolves.toBeDefined();
    const pointer = await s3.send(new GetObjectCommand({ Bucket: models, Key: 'models/novel/current.json' }));
    expect(await pointer.Body?.transformToString()).toContain('version');
    const gone = await fetch(`${url}healthz`);
    expect(gone.ok).toBe(false);
  });

  it('takes the kept buckets up again, with what is in them, by the procedure of docs/operations.md', async () => {
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
    const accesses = Buckets.find(({ Name }) => Name?.startsWith('foliodata-accesses'))?.Name;
    const kept = `corpora=${corpora},models=${models},accesses=${accesses}`;
    const context = { ...cdkJson.context, 'folio:buckets': kept };
    const again = new App({ outdir: join(folder, 'again'), context });
    new DataStack(again, 'FolioData', { settings: readSettings(again.node) });
    const [stack] = again.synth().stacks;
    const resources = Object.entries<{ Type: string; Properties: { BucketName?: string } }>(
      stack?.template.Resources ?? {},
    );
    const mapping = resources.flatMap(([id, { Type, Properties }]) =>
      Type === 'AWS::S3::Bucket' ? [[id, { BucketName: Properties.BucketName }]] : [],
    );
    const file = join(folder, 'mapping.json');
    await writeFile(file, JSON.stringify(Object.fromEntries(mapping)));
    const assembly = ['--app', again.outdir];
    await emulator.cdk('import', 'FolioData', '--resource-mapping', file, ...assembly);
    await emulator.cdk('deploy', 'FolioData', '--require-approval', 'never', ...assembly);
    const { Buckets: after = [] } = await s3.send(new ListBucketsCommand({}));
    expect(after.map(({ Name }) => Name).sort()).toEqual(Buckets.map(({ Name }) => Name).sort());
    const pointer = await s3.send(
      new GetObjectCommand({ Bucket: models, Key: 'models/shakespeare/current.json' }),
    );
    expect(await pointer.Body?.transformToString()).toContain('version');
    const policy = await s3.send(new GetBucketPolicyCommand({ Bucket: models }));
    expect(policy.Policy).toContain('SecretsForFunctions');
  });
});
