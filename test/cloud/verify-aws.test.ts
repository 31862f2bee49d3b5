import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { root } from '../../functions/bundle.ts';
import { EcsAgent } from './ecs-agent.ts';
import { Emulator } from './emulator.ts';
import { KeyGateway } from './key-gateway.ts';
import { awsCli } from './tools.ts';

/**
 * `npm run verify:aws` whole, as somebody with an account runs it: the AWS CLI, the CDK and every call, against an
 * emulator. Its stand-ins are those of `emulated-app.ts`, `key-gateway.ts` and `ecs-agent.ts`.
 */
const run = promisify(execFile);
let emulator: Emulator;
let gateway: KeyGateway;
let folder: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'folio-verify-'));
  emulator = await Emulator.start();
  gateway = await KeyGateway.start(emulator.endpoint);
  environment = {
    ...process.env,
    ...emulator.environment,
    PATH: `${await awsCli()}:${dirname(process.execPath)}:${process.env.PATH}`,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CI: 'true',
  };
});

afterAll(async () => {
  await gateway?.stop();
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

const settings = [
  ...['folio:streaming=false', 'folio:preset=tiny', 'folio:image=trainer'],
  `emulated-bundles=${inject('functionBundles')}`,
];

const verify = (...args: readonly string[]) => {
  const context = [...settings, `emulated-gateway=${gateway.url}`].flatMap((one) => ['-c', one]);
  const app = ['--app', 'node test/cloud/emulated-app.ts', '--output', folder];
  return run(process.execPath, ['scripts/verify-aws.ts', ...app, ...context, ...args], {
    cwd: root,
    env: environment,
    maxBuffer: 1 << 26,
  }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
  );
};

it('says what a new account lacks, and deploys nothing', async () => {
  const { code, stdout } = await verify();
  expect(code).toBe(1);
  expect(stdout).toMatch(/npx cdk bootstrap/);
  expect(stdout).toMatch(/aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com/);
  expect(stdout).not.toMatch(/deploy/);
});

it('deploys, uses and removes a deployment, and keeps a table of it', async () => {
  const aws = (...args: string[]) => run('aws', args, { env: environment });
  await aws('iam', 'create-service-linked-role', '--aws-service-name', 'ecs.amazonaws.com');
  const app = ['--app', 'node test/cloud/emulated-app.ts'];
  const context = settings.flatMap((one) => ['-c', one]);
  await emulator.cdk('bootstrap', 'aws://000000000000/us-east-1', ...app, ...context);

  const agent = new EcsAgent(emulator);
  const trained = agent
    .taskFor('verify', undefined, 600)
    .then((task) => agent.run(task))
    .catch((error: Error) => error);
  const { code, stdout } = await verify();
  expect(stdout).not.toMatch(/FAILED/);
  expect(code).toBe(0);
  expect(await trained).toBe(0);
  const [kept = ''] = (await readdir(folder)).filter((file) => file.endsWith('.md'));
  const table = await readFile(join(folder, kept), 'utf8');
  for (const step of [
    'deploy',
    'a stream, warm',
    'an upload becomes a version',
    'a bulk job',
    'a rollback',
  ]) {
    expect(table).toMatch(new RegExp(`\\| ${step} .*\\| passed \\|`));
  }
  const { stdout: buckets } = await aws('s3', 'ls');
  expect(buckets).not.toMatch(/foliodata/);
});
