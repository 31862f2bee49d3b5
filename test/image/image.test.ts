import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../functions/bundle.ts';
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
  s3 = await startGateway();
  await Promise.all(['corpora', 'models'].map((name) => s3.createBucket(name)));
  const { endpoint, region, credentials } = s3;
  client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
});

afterAll(async () => {
  await s3?.stop();
  if (container) await buildah(['rm', container]);
});

/** Runs in the image's tree: read-only but for /tmp, as the image's user, with the image's environment and no other. */
const inImage = async (
  command: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> => {
  const script = [
    'mount --bind "$1" "$1"',
    'mount --bind /dev "$1/dev"',
    'mount -t proc proc "$1/proc"',
    'mount -t tmpfs tmpfs "$1/tmp"',
    'mount -o remount,bind,ro "$1"',
    'shift_tree=$1; shift',
    'exec chroot --userspec="$FOLIO_TEST_USER" "$shift_tree" /usr/bin/env -i "$@"',
  ].join(' && ');
  const environment = [
    ...configuration.Env.filter((variable) => !variable.startsWith('NODE_EXTRA_CA_CERTS=')),
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
  ];
  const inside = ['/bin/sh', '-c', 'cd /app && exec "$@"', 'sh', ...command];
  return execute('unshare', ['--mount', 'sh', '-c', script, 'sh', tree, ...environment, ...inside], {
    env: { ...process.env, FOLIO_TEST_USER: configuration.User },
    maxBuffer: 1 << 26,
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      stdout,
      stderr,
    }),
  );
};

const train = (corpus: string, name: string) =>
  inImage(
    [
      ...configuration.Entrypoint,
      '--corpus',
      `s3://corpora/${corpus}`,
      '--name',
      name,
      '--preset',
      'tiny',
      '--log',
      'json',
    ],
    { ...s3.environment, FOLIO_STORE: 's3://models', FOLIO_TRAINING_ID: `20260101T000000Z-0000-${name}` },
  );

const upload = (key: string, body: string | Uint8Array) =>
  client.send(new PutObjectCommand({ Bucket: 'corpora', Key: key, Body: body }));

const read = async (key: string): Promise<string> =>
  (await (
    await client.send(new GetObjectCommand({ Bucket: 'models', Key: key }))
  ).Body?.transformToString()) ?? '';

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

  it('trains on a corpus in S3 and publishes there', async () => {
    const words =
      'the quick brown fox jumps over the lazy dog and runs home before the rain comes down '.repeat(120);
    await upload('corpora/novel.txt', words);
    const { code, stderr } = await train('corpora/novel.txt', 'novel');
    expect(stderr).not.toMatch(/EROFS|EACCES/);
    expect(code).toBe(0);
    const { version } = JSON.parse(await read('models/novel/current.json')) as { version: string };
    expect(JSON.parse(await read(`models/novel/${version}/model.json`))).toMatchObject({
      format: 'layers-model',
    });
    const record = JSON.parse(await read('trainings/20260101T000000Z-0000-novel.json')) as { state: string };
    expect(record.state).toBe('published');
  });

  it('reports a bad corpus by its exit code', async () => {
    await upload('corpora/broken.txt', Uint8Array.from([0x68, 0xff, 0xfe]));
    expect((await train('corpora/broken.txt', 'broken')).code).toBe(5);
    expect((await train('corpora/nowhere.txt', 'nowhere')).code).toBe(3);
  });
});
