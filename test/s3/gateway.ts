import { execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { cacheFolder } from '../../src/cache-folder.ts';

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

/** Builds the server once a machine, outside the checkout. @returns its program */
export async function installGateway(): Promise<string> {
  const folder = cacheFolder('tools', `versitygw-${version}`);
  const program = join(folder, 'versitygw');
  if (await there(program)) return program;
  const go = await findGo();
  const environment = { ...process.env, GOBIN: folder, GOFLAGS: '' };
  const source = `github.com/versity/versitygw/cmd/versitygw@${version}`;
  await run(go, ['install', '-trimpath', '-ldflags', '-s -w', source], {
    env: environment,
    maxBuffer: 1 << 26,
  });
  return program;
}

/** Go from the machine, else from Debian. */
async function findGo(): Promise<string> {
  const places = ['go', '/usr/local/go/bin/go', '/usr/lib/go/bin/go'];
  for (const go of places) {
    if (
      await run(go, ['version']).then(
        () => true,
        () => false,
      )
    ) {
      return go;
    }
  }
  try {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update'], { env: environment });
    await run('apt-get', ['install', '--yes', '--no-install-recommends', 'golang-go', 'ca-certificates'], {
      env: environment,
    });
    return 'go';
  } catch (cause) {
    throw new Error(
      `The S3 tests need Go 1.21 or later to build their server. Tried ${places.join(', ')} and apt-get; ` +
        'install Go (https://go.dev/dl) and try again.',
      { cause },
    );
  }
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

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
