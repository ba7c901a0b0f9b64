import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Which process wrote a file, told apart from a later one that was given the same process id. */
export interface Owner {
  readonly pid: number;
  /** When it started, as text that only the same system since the same boot would give; `''` where that can't be read. */
  readonly startedAt: string;
  /** The machine, and on Linux the process namespace: a process id means nothing elsewhere. */
  readonly machine: string;
}

/** This process. Reads `/proc`, where there is one, which takes microseconds and waits for no disk. */
export function thisProcess(): Owner {
  const namespace = tryRead(() => readlinkSync('/proc/self/ns/pid'));
  return {
    pid: process.pid,
    startedAt: startOf(process.pid)?.startedAt ?? '',
    machine: namespace === undefined ? hostname() : `${hostname()} ${namespace}`,
  };
}

/**
 * Whether the process still runs; true in doubt. The owner must be on this machine. Without `/proc` a later process with the same
 * id is mistaken for it.
 */
export function isRunning(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // Other failures, such as EPERM, mean that the process exists.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const start = startOf(owner.pid);
  if (start === undefined) return true;
  // A killed process stays in the table until its parent asks for its exit code, but it serves nobody any more.
  if (start.isZombie) return false;
  return owner.startedAt === '' || owner.startedAt === start.startedAt;
}

/** Source of the fields: proc(5), `/proc/pid/stat`: 3 is the state, 22 the start in clock ticks since boot. */
function startOf(pid: number): { readonly startedAt: string; readonly isZombie: boolean } | undefined {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (stat === undefined) return undefined;
  // Field 2 is the name in parentheses, which may hold anything, blanks and parentheses too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields[22 - 3];
  if (ticks === undefined) return undefined;
  const boot = tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'))?.trim() ?? '';
  return { startedAt: `${ticks} ${boot}`, isZombie: fields[0] === 'Z' || fields[0] === 'X' };
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
