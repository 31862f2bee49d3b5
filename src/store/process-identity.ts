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

/** Field 22 of /proc/PID/stat; the second is a name in brackets that may hold anything. */
const startOf = (pid: number): string | undefined =>
  orNone(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  });

let own: ProcessIdentity | undefined;

export const thisProcess = (): ProcessIdentity => {
  const boot = orNone(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const container = orNone(() => readlinkSync('/proc/self/ns/pid'));
  own ??= {
    host: [hostname(), boot, container].filter((part) => part !== undefined).join(' '),
    pid: process.pid,
    started: startOf(process.pid),
  };
  return own;
};

/** Whether a process lives; `unknown` for one of another machine or container. */
export const livenessOf = ({ host, pid, started }: ProcessIdentity): 'alive' | 'dead' | 'unknown' => {
  if (host !== thisProcess().host) return 'unknown';
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  const now = started === undefined ? undefined : startOf(pid);
  return now === undefined || now === started ? 'alive' : 'dead';
};
