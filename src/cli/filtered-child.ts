import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { isatty, WriteStream } from 'node:tty';
import { FolioError } from '../errors.ts';
import { isFilteredChild, markedAsFilteredChild } from '../settings.ts';
import { isNativeLogLine } from '../training-jobs/native-log.ts';

/** Where the child finds the terminal: its own stderr is a pipe, for what native code writes there. */
const terminalDescriptor = 3;

/**
 * Runs this very command again as a child whose stderr is freed of what TensorFlow's C++ code writes there: nothing
 * inside one process can stop that. What the command itself prints goes straight to a terminal, where there is one. The
 * child ends with this process, however that ends.
 *
 * @returns the child's exit code; undefined where this is the child: go on then
 * @throws FolioError `unavailable` where a signal ended the child that nobody sent it from the terminal
 */
export async function runFiltered(): Promise<number | undefined> {
  if (isFilteredChild()) {
    process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
    process.channel?.unref();
    if (isatty(terminalDescriptor))
      Object.defineProperty(process, 'stderr', { value: new WriteStream(terminalDescriptor) });
    return undefined;
  }
  if (process.platform === 'win32') return undefined;
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'pipe', process.stderr.isTTY ? process.stderr : 'ignore', 'ipc'],
    env: markedAsFilteredChild(),
  });
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    if (!isNativeLogLine(line)) process.stderr.write(`${line}\n`);
  });
  // A terminal sends its signals to the child too, which takes one that comes twice at once for one.
  const passOn = (signal: NodeJS.Signals): boolean => child.kill(signal);
  process.on('SIGINT', passOn).on('SIGTERM', passOn).on('SIGHUP', passOn);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  process.off('SIGINT', passOn).off('SIGTERM', passOn).off('SIGHUP', passOn);
  if (code !== null) return code;
  if (signal === 'SIGINT' || signal === 'SIGTERM' || signal === 'SIGHUP')
    return 128 + constants.signals[signal];
  throw new FolioError(
    'unavailable',
    `The training was ended by ${signal}${signal === 'SIGKILL' ? ', as a system does that is short of memory' : ''}; the same command goes on from the last checkpoint.`,
    { where: 'training', received: signal ?? 'no exit code' },
  );
}
