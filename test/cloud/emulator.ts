import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { root } from '../../functions/bundle.ts';
import { freePort } from '../free-port.ts';
import { emulatorTools } from './tools.ts';

const run = promisify(execFile);

/** An AWS account on loopback (ministack), and the CDK's command line turned towards it. */
export class Emulator {
  readonly endpoint: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = '';

  private constructor(child: ChildProcess, endpoint: string, folder: string) {
    this.#child = child;
    this.endpoint = endpoint;
    this.#folder = folder;
    this.environment = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        this.#log = (this.#log + String(chunk)).slice(-200_000);
      });
    }
  }

  static async start(): Promise<Emulator> {
    const programs = await emulatorTools();
    const folder = await mkdtemp(join(tmpdir(), 'folio-cloud-'));
    const port = await freePort();
    const child = spawn(join(programs, 'ministack'), [], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${dirname(process.execPath)}:${programs}:${process.env.PATH}`,
        BIND_HOST: '127.0.0.1',
        GATEWAY_PORT: String(port),
        MINISTACK_HOST: 'localhost',
        TMPDIR: folder,
        STATE_DIR: join(folder, 'state'),
        // No container runs here: the test does the agent's part.
        DOCKER_HOST: 'unix:///nowhere',
        SFTP_ENABLED: '0',
        IOT_MTLS_ENABLED: '0',
      },
    });
    const emulator = new Emulator(child, `http://127.0.0.1:${port}`, folder);
    for (let attempt = 0; ; attempt++) {
      const health = await fetch(`${emulator.endpoint}/_ministack/health`).catch(() => undefined);
      if (health?.ok) return emulator;
      if (attempt === 300 || child.exitCode !== null) {
        await emulator.stop();
        throw new Error(`The emulator did not start: ${emulator.log}`);
      }
      await delay(100);
    }
  }

  /** The folder that `cdk synth` writes. */
  get assembly(): string {
    return join(this.#folder, 'cdk.out');
  }

  get log(): string {
    return this.#log;
  }

  /** Runs the CDK's command line on this checkout. @returns what it printed */
  async cdk(...args: readonly string[]): Promise<string> {
    const program = join(root, 'node_modules/.bin/cdk');
    const { stdout, stderr } = await run(program, ['--no-notices', '--output', this.assembly, ...args], {
      cwd: root,
      maxBuffer: 1 << 26,
      env: {
        ...process.env,
        ...this.environment,
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        CDK_DISABLE_CLI_TELEMETRY: 'true',
        CDK_DEFAULT_ACCOUNT: '',
        CI: 'true',
      },
    });
    return stdout + stderr;
  }

  /** The head by which the emulator knows what service a request without a client is for. */
  signed(service: string): Record<string, string> {
    const scope = `test/20260101/us-east-1/${service}/aws4_request`;
    return {
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=none`,
    };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      const killer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(killer);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
