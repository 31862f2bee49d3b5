import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type Invocation, type Received, RuntimeApi } from './runtime-api.ts';
import { installRuntimeClient } from './runtime-client.ts';

/** One execution environment of a function: its bundle under the real runtime client, in a process of its own. */
export class Environment {
  readonly api: RuntimeApi;
  readonly #child: ChildProcess;
  #log = '';

  private constructor(api: RuntimeApi, child: ChildProcess) {
    this.api = api;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        this.#log += String(chunk);
      });
    }
  }

  /** @param bundle Folder with `index.mjs`. */
  static async start(bundle: string, variables: Readonly<Record<string, string>> = {}): Promise<Environment> {
    const client = await installRuntimeClient();
    const api = await RuntimeApi.start();
    const child = spawn(process.execPath, [client, 'index.handler'], {
      cwd: bundle,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Nothing of this process' own: a function finds what its configuration says.
      env: {
        PATH: process.env.PATH,
        AWS_LAMBDA_RUNTIME_API: api.address,
        AWS_LAMBDA_FUNCTION_NAME: 'test',
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
        AWS_LAMBDA_LOG_FORMAT: 'JSON',
        AWS_LAMBDA_LOG_GROUP_NAME: 'test',
        AWS_LAMBDA_LOG_STREAM_NAME: 'test',
        AWS_REGION: 'us-east-1',
        LAMBDA_TASK_ROOT: bundle,
        _HANDLER: 'index.handler',
        ...variables,
      },
    });
    return new Environment(api, child);
  }

  /** Null while the environment lives. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** Milliseconds that processors have spent on it so far; NaN on systems other than Linux. */
  get processorMs(): number {
    try {
      const tasks = `/proc/${this.#child.pid}/task`;
      const spent = (thread: string) =>
        Number(readFileSync(`${tasks}/${thread}/schedstat`, 'utf8').split(' ')[0]);
      return readdirSync(tasks).reduce((sum, thread) => sum + spent(thread), 0) / 1e6;
    } catch {
      return Number.NaN;
    }
  }

  get log(): string {
    return this.#log;
  }

  /** The JSON lines that the function has logged. */
  get logLines(): Record<string, unknown>[] {
    return this.#log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  invoke(event: unknown, options: Omit<Invocation, 'event'> = {}): Promise<Received> {
    return this.api.invoke({ event, ...options });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
    await this.api.stop();
  }
}
