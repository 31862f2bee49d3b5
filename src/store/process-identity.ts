import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process as it names itself in a store, so that others can find out whether it still lives. */
export interface ProcessIdentity {
  /** Where its number means something: the machine since its last start, and the container in it. */
  readonly host: string;
  readonly pid: number;
  /** When it was started, in the system's own words: a number is used again for another process. */
  readonly started?: string | undefined;
}

const orNone = (read: () => string): string | undefined => {
  try {
    return read().trim();
  } catch {
    return undefined; // no Linux, or no /proc
  }
};

/** State and start: fields 3 and 22 of /proc/PID/stat; the second is a name in brackets that may hold anything. */
const statOf = (pid: number): { state?: string | undefined; started?: string | undefined } => {
  const stat = orNone(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === undefined) return {};
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0], started: fields[19] };
};

let own: ProcessIdentity | undefined;

export const thisProcess = (): ProcessIdentity => {
  const boot = orNone(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const container = orNone(() => readlinkSync('/proc/self/ns/pid'));
  own ??= {
    host: [hostname(), boot, container].filter((part) => part !== undefined).join(' '),
    pid: process.pid,
    started: statOf(process.pid).started,
  };
  return own;
};

/**
 * Whether a process lives; `unknown` for one of another machine or container. One that has ended and that nobody waited for, a
 * zombie, is dead: a container whose first process is no init keeps these.
 */
export const livenessOf = ({ host, pid, started }: ProcessIdentity): 'alive' | 'dead' | 'unknown' => {
  if (host !== thisProcess().host) return 'unknown';
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  const now = statOf(pid);
  if (now.state === 'Z' || now.state === 'X') return 'dead';
  return started === undefined || now.started === undefined || now.started === started ? 'alive' : 'dead';
};

/** Ends a process at once, where it lives on this machine and is known by more than its number, which may be another's by now. */
export const endProcess = (identity: ProcessIdentity): void => {
  if (identity.started === undefined || livenessOf(identity) !== 'alive') return;
  try {
    process.kill(identity.pid, 'SIGKILL');
  } catch {
    // It ended meanwhile, or is another user's.
  }
};
