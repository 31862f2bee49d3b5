import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { WriteStream } from 'node:tty';
import { FolioError } from '../errors.ts';
import { isFilteredChild, markedAsFilteredChild } from '../settings.ts';
import { isNativeLogLine } from '../training-jobs/native-log.ts';

/** Where the child finds the terminal: its own stderr is a pipe, for what native code writes there. */
const terminalDescriptor = 3;

/**
 * Runs this very command again as a child whose stderr, on a terminal, is freed of what TensorFlow's C++ code writes
 * there: nothing inside one process can stop that. What the command itself prints goes straight to the terminal.
 *
 * @returns the child's exit code; undefined where there is no terminal, or this is the child: go on then
 * @throws FolioError `unavailable` where a signal ended the child that nobody sent it from the terminal
 */
export async function runFiltered(): Promise<number | undefined> {
  if (isFilteredChild()) {
    Object.defineProperty(process, 'stderr', { value: new WriteStream(terminalDescriptor) });
    return undefined;
  }
  if (!process.stderr.isTTY || process.platform === 'win32') return undefined;
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'pipe', process.stderr],
    env: markedAsFilteredChild(),
  });
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    if (!isNativeLogLine(line)) process.stderr.write(`${line}\n`);
  });
  // A terminal sends its signals to the child too; others are passed on.
  const ignore = (): void => undefined;
  const passOn = (signal: NodeJS.Signals): boolean => child.kill(signal);
  process.on('SIGINT', ignore).on('SIGTERM', passOn).on('SIGHUP', passOn);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  process.off('SIGINT', ignore).off('SIGTERM', passOn).off('SIGHUP', passOn);
  if (code !== null) return code;
  if (signal === 'SIGINT' || signal === 'SIGTERM' || signal === 'SIGHUP')
    return 128 + constants.signals[signal];
  throw new FolioError(
    'unavailable',
    `The training was ended by ${signal}${signal === 'SIGKILL' ? ', as a system does that is short of memory' : ''}; the same command goes on from the last checkpoint.`,
    { where: 'training', received: signal ?? 'no exit code' },
  );
}
