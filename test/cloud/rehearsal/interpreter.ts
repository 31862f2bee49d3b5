import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { emulatorTools } from '../tools.ts';

/** What a state asks a service to do. */
export interface Call {
  /** `arn:aws:states:::aws-sdk:s3:getObject` */
  readonly resource: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly state: string;
  readonly now: string; // ISO 8601, of the execution's own clock
  readonly timeout: number | null; // seconds
}

/** What the service answers, and how many seconds it takes. */
export type Answer =
  | { readonly result: unknown; readonly seconds?: number }
  | { readonly error: string; readonly cause?: string; readonly seconds?: number }
  | { readonly abort: true; readonly error?: string; readonly cause?: string };

export interface Job {
  readonly definition: unknown;
  readonly input: unknown;
  readonly machine: string; // ARN
  readonly name: string;
  readonly start: string; // ISO 8601
  /** The execution of this name, which has ended, goes on where it ended. */
  readonly redrive?: true;
}

export interface End {
  readonly status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'INVALID';
  readonly output?: unknown;
  readonly error?: string | null;
  readonly cause?: string | null;
  /** Names of the states in the order in which they were entered. */
  readonly path: readonly string[];
  readonly seconds: number;
  /** Events of the history, of which AWS allows 25,000. */
  readonly events: number;
}

interface Message {
  readonly call?: Call;
  readonly child?: { readonly number: number; readonly error: string };
  readonly end?: End;
}

export const executionArn = (machine: string, name: string): string =>
  `${machine.replace(':stateMachine:', ':execution:')}:${name}`;

/** ministack's interpreter in a process of its own (`interpreter.py`): one execution after the other. */
export class Interpreter {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #log = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (!child.stdout) throw new Error('The interpreter has no output.');
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr?.on('data', (chunk) => {
      this.#log = (this.#log + String(chunk)).slice(-20_000);
    });
  }

  static async start(): Promise<Interpreter> {
    const programs = await emulatorTools();
    const script = join(import.meta.dirname, 'interpreter.py');
    return new Interpreter(
      spawn(join(programs, 'python'), [script], {
        stdio: 'pipe',
        env: { ...process.env, LOG_LEVEL: 'ERROR' },
      }),
    );
  }

  /** Runs an execution to its end. Every call of a service is answered by the function that is given. */
  async run(job: Job, answer: (call: Call) => Answer | Promise<Answer>): Promise<End> {
    this.#send({ ...job, arn: executionArn(job.machine, job.name) });
    for (;;) {
      const message = await this.#next();
      if (message.end) return message.end;
      this.#send(message.call ? await answer(message.call) : {});
    }
  }

  #send(message: object): void {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  async #next(): Promise<Message> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`The interpreter ended: ${this.#log}`);
    return JSON.parse(value) as Message;
  }

  stop(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }
}
