import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../functions/bundle.ts';
import { deployed, machine, one } from '../cloud/rehearsal/deployed.ts';
import { Interpreter } from '../cloud/rehearsal/interpreter.ts';
import { World } from '../cloud/rehearsal/world.ts';
import { type Gateway, startGateway } from '../s3/gateway.ts';
import { buildah, localBase } from './base-image.ts';

const execute = promisify(execFile);
const image = 'localhost/folio-trainer:test';

interface Configuration {
  readonly OCIv1: {
    readonly config: {
      readonly User: string;
      readonly Env: readonly string[];
      readonly Entrypoint: readonly string[];
      readonly Volumes?: Readonly<Record<string, unknown>>;
    };
  };
}

let container: string;
let tree: string;
let configuration: Configuration['OCIv1']['config'];
let s3: Gateway;
let task: Awaited<ReturnType<typeof containerOf>>;
let corpora: string;
let models: string;
let client: S3Client;

/** What this machine needs to reach its registries; mounted while the image is built, and not in it. */
const reach = [
  [join(homedir(), '.npmrc'), '/root/.npmrc'],
  ['/etc/pip.conf', '/etc/pip.conf'],
  ['/usr/local/share/ca-certificates', '/usr/local/share/ca-certificates'],
  ['/etc/apt/apt.conf.d', '/etc/apt/apt.conf.d'],
].filter(([place = '']) => existsSync(place));

beforeAll(async () => {
  const base = await localBase();
  await buildah([
    ...['build', '--isolation', 'chroot', '--pull-never', '--layers', '--tag', image],
    ...['--build-arg', `NODE_IMAGE=${base}`, '--file', 'training/Dockerfile'],
    // Node loads the machine's own authorities by this variable alone.
    ...['--env', 'NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt'],
    ...reach.flatMap(([from, to]) => ['--volume', `${from}:${to}:ro`]),
    root,
  ]);
  configuration = (JSON.parse(await buildah(['inspect', '--type', 'image', image])) as Configuration).OCIv1
    .config;
  container = await buildah(['from', '--pull-never', image]);
  tree = await buildah(['mount', container]);
  task = await containerOf();
  models = (task.environment.FOLIO_STORE ?? '').replace('s3://', '');
  corpora = 'folio-corpora';
  s3 = await startGateway();
  await Promise.all([corpora, models].map((name) => s3.createBucket(name)));
  const { endpoint, region, credentials } = s3;
  client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
});

afterAll(async () => {
  await s3?.stop();
  if (container) await buildah(['rm', container]);
});

interface TaskDefinition {
  readonly ContainerDefinitions: readonly {
    readonly Name: string;
    readonly User?: string;
    readonly ReadonlyRootFilesystem?: boolean;
    readonly Environment?: readonly { readonly Name: string; readonly Value: string }[];
    readonly MountPoints?: readonly { readonly ContainerPath: string; readonly ReadOnly: boolean }[];
  }[];
}

/** The container as the stack defines it, and the bucket names in it. */
const containerOf = async () => {
  const stacks = await deployed({ 'folio:preset': 'tiny' });
  const { ContainerDefinitions } = one(
    stacks,
    'AWS::ECS::TaskDefinition',
    'Trainer',
  ) as unknown as TaskDefinition;
  const [defined] = ContainerDefinitions;
  if (defined === undefined) throw new Error('The task has no container.');
  const environment = Object.fromEntries(
    (defined.Environment ?? []).map(({ Name, Value }) => [Name, Value] as const),
  );
  return { defined, environment, retraining: machine(stacks, 'Retraining') };
};

/**
 * Runs in the image's tree as ECS would: by the task definition's user, root file system and volumes, with the image's
 * environment, the task definition's over it, and no other.
 */
const inImage = async (
  command: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> => {
  const { defined, environment } = task;
  const volumes = (defined.MountPoints ?? []).map(
    ({ ContainerPath }) => `mount -t tmpfs tmpfs "$1${ContainerPath}"`,
  );
  const script = [
    'mount --bind "$1" "$1"',
    'mount --bind /dev "$1/dev"',
    'mount -t proc proc "$1/proc"',
    ...volumes,
    ...(defined.ReadonlyRootFilesystem ? ['mount -o remount,bind,ro "$1"'] : []),
    'shift_tree=$1; shift',
    'exec chroot --userspec="$FOLIO_TEST_USER" "$shift_tree" /usr/bin/env -i "$@"',
  ].join(' && ');
  const all = {
    ...Object.fromEntries(
      configuration.Env.filter((variable) => !variable.startsWith('NODE_EXTRA_CA_CERTS=')).map((variable) =>
        variable.split(/=(.*)/s),
      ),
    ),
    ...environment,
    ...variables,
  } as Record<string, string>;
  const inside = ['/bin/sh', '-c', 'cd /app && exec "$@"', 'sh', ...command];
  const variablesOf = Object.entries(all).map(([name, value]) => `${name}=${value}`);
  return execute('unshare', ['--mount', 'sh', '-c', script, 'sh', tree, ...variablesOf, ...inside], {
    env: { ...process.env, FOLIO_TEST_USER: defined.User ?? configuration.User },
    maxBuffer: 1 << 26,
    timeout: 300_000,
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      stdout,
      stderr,
    }),
  );
};

/** The arguments that the state machine, executed as it is synthesized, gives to the task of this corpus. */
const commandFor = async (name: string): Promise<{ command: readonly string[]; training: string }> => {
  const { retraining } = task;
  const world = new World();
  world.machine = retraining.arn;
  world.objects.set(`${corpora}/corpora/${name}.txt`, { body: '' });
  const interpreter = await Interpreter.start();
  try {
    const input = {
      'detail-type': 'Object Created',
      detail: { bucket: { name: corpora }, object: { key: `corpora/${name}.txt` } },
    };
    const start = new Date().toISOString();
    await interpreter.run(
      { definition: retraining.definition, input, machine: retraining.arn, name: 'abcd', start },
      world.answer,
    );
  } finally {
    interpreter.stop();
  }
  const [started] = world.tasks;
  if (started === undefined) throw new Error(`No task was started: ${JSON.stringify(world.mails)}`);
  return started;
};

/** The whole task: environment, user, file system and volume of its definition, the command of the state machine. */
const train = async (name: string) => {
  const { command, training } = await commandFor(name);
  const outcome = await inImage([...configuration.Entrypoint, ...command], {
    ...s3.environment,
    FOLIO_TRAINING_ID: training,
  });
  return { ...outcome, training };
};

const upload = (key: string, body: string | Uint8Array) =>
  client.send(new PutObjectCommand({ Bucket: corpora, Key: key, Body: body }));

const read = async (key: string): Promise<string> =>
  (await (await client.send(new GetObjectCommand({ Bucket: models, Key: key }))).Body?.transformToString()) ??
  '';

describe('the image of the trainer', () => {
  it('is smaller than 1.5 GB', async () => {
    const { stdout } = await execute('du', ['--summarize', '--block-size=1', tree]);
    const bytes = Number.parseInt(stdout, 10);
    expect(bytes).toBeGreaterThan(100_000_000);
    expect(bytes).toBeLessThan(1_500_000_000);
  });

  it('runs as a user of its own, and can write nowhere but to /tmp', async () => {
    expect(configuration.User).toBe('node');
    expect(Object.keys(configuration.Volumes ?? {})).toEqual(['/tmp']);
    expect((await inImage(['id', '-u'])).stdout.trim()).toBe('1000');
    expect((await inImage(['touch', '/app/file'])).code).not.toBe(0);
    expect((await inImage(['touch', '/tmp/file'])).code).toBe(0);
  });

  it('has no tools left that build', async () => {
    for (const tool of ['g++', 'cc', 'make', 'python3', 'pip', 'npm', 'npx']) {
      expect((await inImage(['sh', '-c', `command -v ${tool}`])).stdout, tool).toBe('');
    }
  });

  it('is defined by the stack with what it needs of its own environment', () => {
    expect(task.defined).toMatchObject({ User: configuration.User, ReadonlyRootFilesystem: true });
    expect((task.defined.MountPoints ?? []).map(({ ContainerPath }) => ContainerPath)).toEqual(
      Object.keys(configuration.Volumes ?? {}),
    );
    const own = configuration.Env.map((variable) => variable.split('=', 1)[0]);
    expect(Object.keys(task.environment).filter((name) => own.includes(name))).toEqual([]);
  });

  it('trains as the stack defines the task, from the upload to the published version', async () => {
    const words =
      'the quick brown fox jumps over the lazy dog and runs home before the rain comes down '.repeat(120);
    await upload('corpora/novel.txt', words);
    const { code, stdout, stderr, training } = await train('novel');
    expect(stderr).not.toMatch(/EROFS|EACCES/);
    expect({ code, stdout: stdout.slice(-500), stderr: stderr.slice(-500) }).toMatchObject({ code: 0 });
    const { version } = JSON.parse(await read('models/novel/current.json')) as { version: string };
    expect(JSON.parse(await read(`models/novel/${version}/model.json`))).toMatchObject({
      format: 'layers-model',
    });
    const record = JSON.parse(await read(`trainings/${training}.json`)) as { state: string };
    expect(record.state).toBe('published');
  });

  it('reports a bad corpus by its exit code', async () => {
    await upload('corpora/broken.txt', Uint8Array.from([0x68, 0xff, 0xfe]));
    expect((await train('broken')).code).toBe(5);
    expect((await train('nowhere')).code).toBe(3);
  });
});
