import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';

/** A server in a process of its own, since memory is counted and unhandled rejections end a process. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  /** Headers with the right to write. */
  readonly headers: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #output: () => string;

  private constructor(child: ChildProcess, url: string, key: string, output: () => string) {
    this.#child = child;
    this.url = url;
    this.headers = { authorization: `Bearer ${key}` };
    this.#output = output;
  }

  /** @param script Its first line has to hold the server's address. Default: `folio serve`. */
  static async start(
    environment: Readonly<Record<string, string>>,
    script: readonly string[] = ['src/cli/main.ts', 'serve', '--port', '0'],
  ): Promise<ServerProcess> {
    const child = spawn(process.execPath, script, {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, LOG_LEVEL: 'info', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    while (!/^Folio is at http:\S+$/m.test(output)) {
      if (child.exitCode !== null) throw new Error(`The server ended: ${output}`);
      await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), once(child, 'exit')]);
    }
    const url = /^Folio is at (http:\S+)$/m.exec(output)?.[1] ?? '';
    const key = /#key=(\w+)/.exec(output)?.[1] ?? '';
    return new ServerProcess(child, url, key, () => output);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** All that it has printed. */
  get output(): string {
    return this.#output();
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resident memory, bytes. */
  async rss(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    return 1024 * Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1]);
  }

  /** One of its metrics, summed over labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`, { headers: this.headers })).text();
    const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+-]+)$`, 'gm'))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
