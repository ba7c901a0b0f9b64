import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient } from '@org/rpc-client';
import { local } from '@org/rpc-registry';
import { Work } from './work.js';

const SCRIPT = fileURLToPath(new URL('signalled-server.ts', import.meta.url));

/** A server in a process of its own. */
class ServerProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<[code: number | null, signal: string | null]>;
  readonly #lines: AsyncIterator<string>;

  constructor(directory: string) {
    const args = ['--import', 'tsx', '--conditions=@org/source', SCRIPT, directory];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.exited = once(this.child, 'exit') as Promise<[number | null, string | null]>;
    this.#lines = createInterface(this.child.stdout!)[Symbol.asyncIterator]();
  }

  /** The next line that it says. */
  async line(): Promise<string> {
    return (await this.#lines.next()).value;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

describe('the option signals, in processes of their own', function () {
  this.timeout(30_000);
  let directory: string;
  const processes: ServerProcess[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-signals-'));
  });
  afterEach(async () => {
    for (const { child } of processes.splice(0)) child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  async function start(count: number): Promise<ServerProcess[]> {
    const started = Array.from({ length: count }, () => new ServerProcess(directory));
    processes.push(...started);
    for (const each of started) assert.equal(await each.line(), 'ready');
    return started;
  }

  it('drains under load: no call fails, and the process ends with 0', async () => {
    const [leaving] = (await start(2)) as [ServerProcess, ServerProcess];
    await using client = createClient({ registry: local({ directory }) });
    const work = client.service(Work, { timeoutMs: 20_000 });
    await client.ready(Work);
    const answers = new Map<unknown, number>();
    let isOver = false;
    const callers = Array.from({ length: 16 }, async () => {
      while (!isOver) {
        const instance = await work.run(5);
        answers.set(instance, (answers.get(instance) ?? 0) + 1);
      }
    });
    // Both must have work in their hands when one is told to go.
    while (answers.size < 2) await work.run(1).then((instance) => answers.set(instance, 1));
    leaving.signal('SIGTERM');
    assert.equal(await leaving.line(), 'draining: received SIGTERM');
    assert.deepEqual(await leaving.exited, [0, null]);
    isOver = true;
    await Promise.all(callers);
    assert.ok([...answers.values()].reduce((sum, count) => sum + count) > 16);
  });

  it('end the process at once when a second one comes while a handler does not end', async () => {
    const [stuck] = (await start(1)) as [ServerProcess];
    await using client = createClient({ registry: local({ directory }) });
    const hanging = assert.rejects(client.service(Work).with({ timeoutMs: 60_000 }).safe());
    await client.ready(Work);
    await client.service(Work).run(0);
    stuck.signal('SIGINT');
    assert.equal(await stuck.line(), 'draining: received SIGINT');
    stuck.signal('SIGTERM');
    assert.deepEqual(await stuck.exited, [1, null]);
    await client.close();
    await hanging;
  });
});
