import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import OpenAI from 'openai';
import { type AccountLimits, obstacles, tableOf, type VerifiedStep } from '../cdk/verify-plan.ts';

/**
 * `npm run verify:aws`: one deployment in an account, used once in every way, and removed again, buckets included. It
 * asks the account's limits first, deploys under a stage of its own, makes its calls, prints a table and keeps it. It
 * costs less than a dollar (docs/operations.md says what it proves). Needs the AWS CLI, credentials and Docker, or an
 * image. `test/cloud/verify-aws.test.ts` runs it whole against an emulator.
 */
const run = promisify(execFile);
const { values } = parseArgs({
  options: {
    stage: { type: 'string', default: 'verify' },
    context: { type: 'string', multiple: true, short: 'c', default: [] },
    preflight: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    app: { type: 'string' }, // in place of the one in cdk.json
    output: { type: 'string', default: join(import.meta.dirname, '../cdk.out') },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const root = join(import.meta.dirname, '..');
const { stage, output } = values;
const stacks = { data: `FolioData-${stage}`, training: `FolioTraining-${stage}`, api: `FolioApi-${stage}` };

const print = (text: string): void => void process.stdout.write(`${text}\n`);

if (values.help) {
  print(
    'npm run verify:aws -- [--preflight] [--keep] [--stage verify] [-c folio:NAME=VALUE …]\n\n' +
      '--preflight only asks the limits of the account; --keep leaves the deployment and its buckets.',
  );
  process.exit(0);
}

const outcomes: VerifiedStep[] = [];
const setting = (name: string, otherwise: string): string =>
  values.context.findLast((one) => one.startsWith(`folio:${name}=`))?.split(/=(.*)/s)[1] ?? otherwise;

/** Runs a step, keeps what came of it, and goes on. @returns what the step gave, or undefined where it failed */
async function step<Result>(
  name: string,
  expected: string,
  action: () => Promise<{ seen: string; passed: boolean; result?: Result }>,
): Promise<Result | undefined> {
  const began = performance.now();
  const { seen, passed, result } = await action().catch((error: Error) => ({
    seen: causeOf(error),
    passed: false,
    result: undefined,
  }));
  outcomes.push({ step: name, expected, seen, passed, seconds: (performance.now() - began) / 1000 });
  print(`${passed ? 'passed' : 'FAILED'}  ${name}: ${seen}`);
  return result;
}

/** What a program said last, in place of the command that ended so. */
const causeOf = (error: Error & { stderr?: string }): string => {
  const said = (error.stderr ?? '').split('\n').filter((line) => line.trim() !== '');
  return said.length === 0 ? (error.message.split('\n')[0] ?? '') : said.slice(-6).join(' ');
};

const aws = async (...args: readonly string[]): Promise<string> =>
  (await run('aws', [...args, '--output', 'text'], { maxBuffer: 1 << 26 })).stdout.trim();

const cdk = (...args: readonly string[]): Promise<unknown> => {
  const context = [`folio:stage=${stage}`, ...values.context].flatMap((one) => ['-c', one]);
  const app = values.app === undefined ? [] : ['--app', values.app];
  return run('npx', ['cdk', ...args, '--output', join(output, 'assembly'), ...app, ...context], {
    cwd: root,
    maxBuffer: 1 << 26,
  });
};

const succeeds = (asked: Promise<unknown>): Promise<boolean> =>
  asked.then(
    () => true,
    () => false,
  );

async function limits(): Promise<AccountLimits> {
  const quota = async (): Promise<number | undefined> =>
    Number(
      await aws(
        ...['service-quotas', 'get-service-quota', '--service-code', 'fargate', '--quota-code', 'L-3032A538'],
        ...['--query', 'Quota.Value'],
      ),
    );
  return {
    concurrentExecutions: Number(
      await aws('lambda', 'get-account-settings', '--query', 'AccountLimit.ConcurrentExecutions'),
    ),
    fargateVcpus: await quota().catch(() => undefined),
    ecsRole:
      (await aws(
        ...['iam', 'list-roles', '--path-prefix', '/aws-service-role/ecs.amazonaws.com/'],
        ...['--query', 'length(Roles)'],
      )) !== '0',
    bootstrapped: await succeeds(aws('ssm', 'get-parameter', '--name', '/cdk-bootstrap/hnb659fds/version')),
    stageInUse: await succeeds(aws('cloudformation', 'describe-stacks', '--stack-name', stacks.data)),
    docker: await run('docker', ['version', '--format', '{{.Server.Os}}/{{.Server.Arch}}']).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    ),
  };
}

async function preflight(): Promise<boolean> {
  await step('credentials', 'an account', async () => {
    const identity = await aws('sts', 'get-caller-identity', '--query', 'Account');
    return { seen: `account ${identity.slice(0, 4)}…`, passed: true };
  });
  await step('limits', 'nothing in the way', async () => {
    const found = obstacles(await limits(), {
      stage,
      concurrency: Number(setting('concurrency', '0')),
      trainingVcpus: Number(setting('trainer-cpu', '4096')) / 1024,
      trainingsAtOnce: Number(setting('trainings-at-once', '2')),
      image: values.context.find((one) => one.startsWith('folio:image=')),
    });
    return { seen: found.join(' ') || 'nothing', passed: found.length === 0 };
  });
  return outcomes.every(({ passed }) => passed);
}

interface Endpoint {
  readonly url: string;
  readonly key: string;
  readonly writer: string;
  readonly corpora: string;
  readonly models: string;
  readonly retraining: string;
  readonly bulk: string;
}

async function deploy(): Promise<Endpoint | undefined> {
  const file = join(output, `verify-${stage}.json`);
  return step('deploy', 'three stacks', async () => {
    await cdk('deploy', '--all', '--require-approval', 'never', '--outputs-file', file);
    const outputs = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, string>>;
    const api = outputs[stacks.api] ?? {};
    const training = outputs[stacks.training] ?? {};
    const keyOf = (id = '') =>
      aws('apigateway', 'get-api-key', '--api-key', id, '--include-value', '--query', 'value');
    const machineOf = (line = '') => /--state-machine-arn (\S+)/.exec(line)?.[1] ?? '';
    return {
      seen: api.Url ?? 'no address',
      passed: api.Url !== undefined,
      result: {
        url: api.Url ?? '',
        key: await keyOf(api.ReaderKeyId),
        writer: await keyOf(api.WriterKeyId),
        corpora: /s3:\/\/([^/]+)\//.exec(training.UploadCorpus ?? '')?.[1] ?? '',
        models: api.ModelBucket ?? '',
        retraining: machineOf(training.FollowTrainings),
        bulk: machineOf(api.BulkJob),
      },
    };
  });
}

async function use({ url, key, writer, corpora, models, retraining, bulk }: Endpoint): Promise<void> {
  const status = (name: string, path: string, expected: number, init: RequestInit = {}) =>
    step(name, String(expected), async () => {
      const response = await fetch(`${url}${path}`, init);
      await response.arrayBuffer();
      return { seen: String(response.status), passed: response.status === expected };
    });
  const withKey = (value: string): RequestInit => ({ headers: { authorization: `Bearer ${value}` } });
  await status('playground', '', 200);
  await status('health', 'healthz', 200);
  await status('health by HEAD', 'healthz', 200, { method: 'HEAD' });
  await status('description', 'openapi.json', 200);
  await status('documentation', 'docs', 200);
  await status('no key', 'v1/models', 401);
  await status('wrong key', 'v1/models', 401, withKey('x'.repeat(40)));
  await status('models', 'v1/models', 200, withKey(key));
  await status('a reader may not write', 'v1/corpora/verify', 403, { ...withKey(key), method: 'POST' });

  const client = new OpenAI({ baseURL: `${url}v1`, apiKey: key, maxRetries: 2 });
  const ask = { model: 'shakespeare', prompt: 'ROMEO:', max_tokens: 5_000, seed: 1 } as const;
  let whole = '';
  await step("OpenAI's client, cold", '5000 characters', async () => {
    whole = (await client.completions.create(ask)).choices[0]?.text ?? '';
    return { seen: `${whole.length} characters`, passed: whole.length === ask.max_tokens };
  });
  const streaming = setting('streaming', 'true') === 'true';
  await step('a stream, warm', `the same text${streaming ? ', sent as it is made' : ''}`, async () => {
    const began = performance.now();
    let first = Number.POSITIVE_INFINITY;
    let text = '';
    for await (const { choices } of await client.completions.create({ ...ask, stream: true })) {
      text += choices[0]?.text ?? '';
      if (text !== '') first = Math.min(first, performance.now() - began);
    }
    const all = performance.now() - began;
    return {
      seen: `first character after ${first.toFixed(0)} ms, the last after ${all.toFixed(0)}`,
      passed: text === whole && (!streaming || first < all / 2),
    };
  });
  await step('an upload becomes a version', 'published', async () => {
    const corpus = join(output, 'verify.txt');
    await writeFile(
      corpus,
      'the quick brown fox jumps over the lazy dog and runs home before the rain '.repeat(400),
    );
    await aws('s3', 'cp', corpus, `s3://${corpora}/corpora/verify.txt`, '--metadata', 'preset=tiny');
    return until(900, async () => {
      const [arn] = (
        await aws(
          ...['stepfunctions', 'list-executions', '--state-machine-arn', retraining],
          ...['--max-items', '1', '--query', 'executions[0].executionArn'],
        )
      ).split(/\s/);
      if (arn === undefined || arn === 'None') return undefined;
      const [state = '', output = ''] = (
        await aws('stepfunctions', 'describe-execution', '--execution-arn', arn, '--query', '[status,output]')
      ).split('\t');
      return state === 'RUNNING'
        ? undefined
        : { seen: `${state} ${output}`, passed: output.includes('"published"') };
    });
  });
  await status('the model of the upload', 'v1/models/verify', 200, withKey(key));
  await step('a bulk job', 'SUCCEEDED, with results', async () => {
    const rows = join(output, 'verify.jsonl');
    await writeFile(rows, '{"prompt":"ROMEO:"}\n{"prompt":"JULIET:"}\n');
    await aws('s3', 'cp', rows, `s3://${models}/bulk/verify.jsonl`);
    const input = '{"task":"generate","input":"bulk/verify.jsonl","defaults":{"length":50}}';
    const arn = await aws(
      ...['stepfunctions', 'start-execution', '--state-machine-arn', bulk, '--input', input],
      ...['--query', 'executionArn'],
    );
    return until(300, async () => {
      const [state = '', cause = ''] = (
        await aws(
          ...['stepfunctions', 'describe-execution', '--execution-arn', arn, '--query', '[status,cause]'],
        )
      ).split('\t');
      if (state === 'RUNNING') return undefined;
      const results = await aws('s3', 'ls', `s3://${models}/bulk/verify-out/`).catch(() => '');
      const seen = state === 'SUCCEEDED' ? `${state}, ${results.split(/\s+/).at(-1)}` : `${state} ${cause}`;
      return { seen, passed: state === 'SUCCEEDED' && results.endsWith('.jsonl') };
    });
  });
  await step('a rollback', 'the version is current', async () => {
    const headers = { authorization: `Bearer ${writer}`, 'content-type': 'application/json' };
    const listed = (await (await fetch(`${url}v1/models/verify/versions`, { headers })).json()) as {
      data?: { version: string }[];
    };
    const version = listed.data?.at(-1)?.version;
    const response = await fetch(`${url}v1/models/verify/activate`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ version }),
    });
    return { seen: `${response.status} ${version}`, passed: response.status === 200 };
  });
}

/** Asks every 5 s until there is an outcome. @param seconds At most */
async function until<Result>(seconds: number, ask: () => Promise<Result | undefined>): Promise<Result> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`nothing after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
  }
}

/** The stacks and the buckets, which a stack's end leaves. */
async function remove(): Promise<void> {
  const buckets = await aws(
    ...['cloudformation', 'describe-stack-resources', '--stack-name', stacks.data],
    ...['--query', "StackResources[?ResourceType=='AWS::S3::Bucket'].PhysicalResourceId"],
  ).catch(() => '');
  await step('destroy', 'the stacks are gone', async () => {
    await cdk('destroy', '--all', '--force');
    const left = await succeeds(aws('cloudformation', 'describe-stacks', '--stack-name', stacks.data));
    return { seen: left ? `${stacks.data} is there` : 'gone', passed: !left };
  });
  for (const bucket of buckets.split(/\s+/).filter((one) => one !== '' && one !== 'None')) {
    await step('a bucket that was kept', 'emptied and deleted', async () => {
      await empty(bucket);
      await aws('s3api', 'delete-bucket', '--bucket', bucket);
      return { seen: `${bucket} is gone`, passed: true };
    });
  }
}

/** Deletes every version of every object. */
async function empty(bucket: string): Promise<void> {
  const file = join(output, 'versions.json');
  for (;;) {
    const listed = await run('aws', [
      ...['s3api', 'list-object-versions', '--bucket', bucket, '--max-items', '1000', '--output', 'json'],
      ...['--query', '[Versions, DeleteMarkers][] | [].{Key: Key, VersionId: VersionId}'],
    ]);
    const versions = JSON.parse(listed.stdout.trim() || 'null') as unknown[] | null;
    if (versions === null || versions.length === 0) return;
    await writeFile(file, JSON.stringify({ Objects: versions.slice(0, 1000), Quiet: true }));
    await aws('s3api', 'delete-objects', '--bucket', bucket, '--delete', `file://${file}`);
  }
}

await mkdir(output, { recursive: true });
const ready = await preflight();
if (ready && !values.preflight) {
  const endpoint = await deploy();
  if (endpoint) await use(endpoint);
  if (!values.keep) await remove();
}
const kept = join(output, `verify-${stage}-${new Date().toISOString().slice(0, 10)}.md`);
await writeFile(kept, `${tableOf(outcomes)}\n`);
print(`\n${tableOf(outcomes)}\n\nKept in ${kept}`);
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;
