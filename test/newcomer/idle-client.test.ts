import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createServer, defineService, method, stream } from '@org/rpc';
import { type EtcdServer, startEtcd } from '../../packages/registry-etcd/test/etcd-fixture.js';

const Slow = defineService('slow', {
  echo: method<(text: string, afterMs: number) => string>(),
  ticks: stream<(count: number, everyMs: number) => AsyncIterable<number>>(),
});

const PROCESS = fileURLToPath(new URL('idle-process.ts', import.meta.url));

describe('a client that was never closed', function () {
  this.timeout(40_000);
  let server: ReturnType<typeof createServer>;
  let registry: string;
  let etcd: EtcdServer;

  before(async () => {
    etcd = await startEtcd();
    server = createServer({ registry: `etcd://127.0.0.1:${etcd.port}` });
    server.add(Slow, {
      echo: async (text: string, afterMs: number) => {
        await sleep(afterMs);
        return text;
      },
      async *ticks(count, everyMs) {
        for (let i = 0; i < count; i++) {
          await sleep(everyMs);
          yield i;
        }
      },
    });
    registry = `direct://127.0.0.1:${(await server.listen({ host: '127.0.0.1' })).port}`;
    await server.registered;
  });
  after(async () => {
    await server.close({ drainMs: 0, graceMs: 0 });
    await etcd.stop();
  });

  for (const [task, from, printed] of [
    ['connect', 'a list', 'end\n'],
    ['ready', 'a list', 'end\n'],
    ['call', 'a list', 'answered\nend\n'],
    ['stream', 'a list', '0\n1\n2\nend\n'],
    ['ready', 'etcd', 'end\n'],
    ['call', 'etcd', 'answered\nend\n'],
    ['stream', 'etcd', '0\n1\n2\nend\n'],
  ] as const)
    it(`does not keep its process alive once there is nothing to wait for: ${task}, with servers from ${from}`, async () => {
      const source = from === 'etcd' ? `etcd://127.0.0.1:${etcd.port}` : registry;
      const words = ['--import=tsx', '--conditions=@org/source', PROCESS, task, source];
      // When it does not end by itself it is killed, and that rejects.
      const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 30_000 });
      assert.equal(stdout, printed);
    });
});
