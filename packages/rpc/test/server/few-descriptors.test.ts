import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient } from '@org/rpc-client';
import { direct } from '@org/rpc-registry';
import { Work } from './work.js';

const SCRIPT = fileURLToPath(new URL('few-descriptors-server.ts', import.meta.url));
/** Enough for the modules, which are loaded side by side. */
const MAX = 300;
/** As many connections surely fit beside what the process itself has open. They come together: one by one, each waits for a busy machine twice. */
const FIT = 150;

describe('a server process without descriptors', function () {
  this.timeout(60_000);
  let child: ChildProcess;
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    child.kill('SIGKILL');
  });

  it('tells whoever connects and whoever runs it, serves who is there, and takes clients again when some have left', async () => {
    const command = `ulimit -n ${MAX}; exec "$0" --import tsx --conditions=@org/source "$1"`;
    child = spawn('sh', ['-c', command, process.execPath, SCRIPT], { stdio: ['ignore', 'pipe', 'inherit'] });
    const told: string[] = [];
    const lines = createInterface(child.stdout!);
    const port = await new Promise<number>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the server did not begin')));
      lines.on('line', (line) => {
        if (/^\d+$/.test(line)) resolve(Number(line));
        else told.push(line);
      });
    });
    const options = { registry: direct([`127.0.0.1:${port}`]), retry: false } as const;
    await using early = createClient(options);
    assert.equal(await early.service(Work).safe(1), 1);

    /** Whether a new connection is served; it stays open then. */
    const isServed = async (): Promise<boolean> => {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {});
      socket.write(Buffer.from(`940001a9${Buffer.from('work.safe').toString('hex')}9107`, 'hex'));
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      if (bytes[0] === 0x94) return true;
      assert.match(bytes.toString('latin1'), /the server has too many open files/);
      return false;
    };
    assert.ok((await Promise.all(Array.from({ length: FIT }, isServed))).every(Boolean));
    while (await isServed()) assert.ok(sockets.length < MAX);
    await using refused = createClient(options);
    await assert.rejects(refused.service(Work).with({ timeoutMs: 5_000 }).safe(2), {
      code: 'UNAVAILABLE',
      message: /the server has too many open files/,
    });
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.match(told[0]!, /^refused a connection: too many open files in this process: raise `ulimit -n` \(EMFILE\)$/);
    assert.equal(await early.service(Work).safe(3), 3);

    for (const socket of sockets.splice(0)) socket.destroy();
    while (!(await isServed()));
    await refused.ready(Work);
    assert.equal(await refused.service(Work).safe(4), 4);
  });
});
