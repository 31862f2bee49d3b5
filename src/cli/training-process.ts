import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { isatty, WriteStream } from 'node:tty';
import { FolioError } from '../errors.ts';
import { isTrainingProcess, markedAsTrainingProcess } from '../settings.ts';
import { isNativeLogLine } from '../training-jobs/native-log.ts';
import { type EndRequests, echo, endSignals } from './on-interrupt.ts';

/** Where the child finds the terminal: its own stderr is a pipe, for what native code writes there. */
const terminalDescriptor = 3;

/** Milliseconds after the second request to end in which the child has to end. */
const patience = 2000;

/**
 * Runs this very command again as a child that no signal reaches, and whose stderr is freed of what TensorFlow's C++ code
 * writes there.
 *
 * Both need a process of their own. A signal's handler that runs in the thread that computes destroys the heap: one interrupt in
 * five ended a training with "corrupted size vs. prev_size" inside oneDNN's products for AVX-512 (TensorFlow 2.21), which seem to
 * have their stack in memory of the heap. So the child stands in a session of its own, takes no signal, and is asked
 * to end by a message. What it prints goes straight to a terminal, where there is one. It ends with this process, however that ends.
 *
 * @returns the child's exit code; undefined where this is the child: go on then
 * @throws FolioError `unavailable` where a signal ended the child
 */
export async function runTrainingProcess(): Promise<number | undefined> {
  if (isTrainingProcess()) {
    process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
    process.channel?.unref();
    if (isatty(terminalDescriptor))
      Object.defineProperty(process, 'stderr', { value: new WriteStream(terminalDescriptor) });
    return undefined;
  }
  if (process.platform === 'win32') return undefined;
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'pipe', process.stderr.isTTY ? process.stderr : 'ignore', 'ipc'],
    detached: true,
    env: markedAsTrainingProcess(),
  });
  process.stderr.on('error', () => undefined); // the server that read it is gone: the training goes on
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    if (!isNativeLogLine(line)) process.stderr.write(`${line}\n`);
  });
  const passing = passOn(child);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  passing.letGo();
  if (code !== null) return code;
  if (passing.hasKilled()) return 128 + constants.signals.SIGINT;
  if (signal === 'SIGHUP') return 128 + constants.signals.SIGHUP;
  throw new FolioError(
    'unavailable',
    `The training was ended by ${signal}${signal === 'SIGKILL' ? ', as a system does that is short of memory' : ''}; the same command goes on from the last checkpoint.`,
    { where: 'training', received: signal ?? 'no exit code' },
  );
}

/** Where a training's requests to end come from: in the child from its parent, elsewhere from signals. */
export const trainingEndRequests: EndRequests = (onRequest) => {
  if (!isTrainingProcess()) return endSignals(onRequest);
  process.on('message', onRequest);
  process.channel?.unref();
  return () => process.off('message', onRequest);
};

/**
 * A terminal reaches this process alone: what ends, stops and continues it does so to the child. One that hangs, and so reads no
 * message, is killed after the second request to end.
 */
const passOn = (child: ChildProcess): { letGo: () => void; hasKilled: () => boolean } => {
  let first: number | undefined;
  let hasKilled = false;
  const kill = () => {
    hasKilled = child.kill('SIGKILL');
  };
  const end = () => {
    if (child.connected) child.send('end');
    first ??= performance.now();
    if (performance.now() - first > echo) setTimeout(kill, patience).unref();
  };
  const handlers = {
    SIGINT: end,
    SIGTERM: end,
    SIGHUP: () => child.kill('SIGHUP'),
    SIGTSTP: () => {
      child.kill('SIGSTOP');
      process.kill(process.pid, 'SIGSTOP');
    },
    SIGCONT: () => child.kill('SIGCONT'),
  };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  return {
    letGo: () => {
      for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
    },
    hasKilled: () => hasKilled,
  };
};
