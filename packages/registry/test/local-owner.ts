import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Instance } from '../src/registry.js';

/** A process that holds a registration in a local registry. */
export interface LocalOwner {
  readonly pid: number;
  /** Ends it as `kill -9` does, and waits until it is gone. */
  kill(): Promise<void>;
  /** Has it deregister, and waits until it has ended by itself. Gives its exit code. */
  leave(): Promise<number | null>;
  /** Takes away what it waits for, without a word, so that only the registry could keep it alive. Gives its exit code. */
  idle(): Promise<number | null>;
}

/** Starts a process that registers an instance in the local registry of `directory`, and waits until it has. */
export async function startLocalOwner(directory: string, namespace: string, instance: Instance): Promise<LocalOwner> {
  const args = ['--import', 'tsx', '--conditions=@org/source', SCRIPT, directory, namespace, JSON.stringify(instance)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const first = once(createInterface(child.stdout), 'line') as Promise<[string]>;
  const [line] = await Promise.race([first, exited.then(([code]) => [`exit ${code}`])]);
  if (line !== 'registered') throw new Error(`the owner of ${instance.endpoint.id} did not register but said: ${line}`);
  return {
    pid: child.pid!,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async leave() {
      child.stdin.write('close\n');
      const [code] = await exited;
      return code;
    },
    async idle() {
      child.stdin.end();
      const [code] = await exited;
      return code;
    },
  };
}

const SCRIPT = fileURLToPath(new URL('fixtures/local-owner.ts', import.meta.url));
