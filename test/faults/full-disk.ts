import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own, as large as is said, in memory. It needs no rights: it is mounted in a namespace of its own (Linux). */
export class FullDisk {
  readonly directory: string;
  readonly #holder: ChildProcess;
  readonly #mountedAt: string;

  private constructor(holder: ChildProcess, mountedAt: string) {
    this.#holder = holder;
    this.#mountedAt = mountedAt;
    // This way leads into the namespace of the process that holds it.
    this.directory = `/proc/${holder.pid}/root${mountedAt}`;
  }

  /** @throws Error when this system lets nobody mount anything */
  static async open(megabytes: number): Promise<FullDisk> {
    const mountedAt = await mkdtemp(join(tmpdir(), 'rpc-disk-'));
    const script = `mount -t tmpfs -o size=${megabytes}m none "$0" && echo mounted && exec cat`;
    const holder = spawn('unshare', ['-rm', 'sh', '-c', script, mountedAt], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [first] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit'), once(holder, 'error')]);
    if (String(first).trim() !== 'mounted')
      throw new Error(`no file system of its own can be mounted here: unshare -rm ended with ${first}`);
    return new FullDisk(holder, mountedAt);
  }

  /** Leaves no byte free. */
  fill(): void {
    const filler = openSync(join(this.directory, 'filler'), 'a');
    for (const bytes of [Buffer.alloc(64 * 1024), Buffer.alloc(1)]) {
      try {
        while (writeSync(filler, bytes) === bytes.length);
      } catch {
        // It is full, but for what is smaller.
      }
    }
    closeSync(filler);
  }

  /** Gives back what `fill` took. */
  free(): void {
    rmSync(join(this.directory, 'filler'), { force: true });
  }

  /** It is gone, with all that is on it. */
  async close(): Promise<void> {
    const exited = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    await exited;
    await rmdir(this.#mountedAt);
  }
}
