import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createServer, defineService, memory, method, stream } from '@org/rpc';

const Slow = defineService('slow', {
  echo: method<(text: string, afterMs: number) => string>(),
  ticks: stream<(count: number, everyMs: number) => AsyncIterable<number>>(),
});

const PROCESS = fileURLToPath(new URL('idle-process.ts', import.meta.url));

describe('a client that was never closed', function () {
  this.timeout(40_000);
  let server: ReturnType<typeof createServer>;
  let registry: string;

  before(async () => {
    server = createServer({ registry: memory() });
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
  });
  after(() => server.close({ drainMs: 0, graceMs: 0 }));

  for (const [task, printed] of [
    ['connect', 'end\n'],
    ['ready', 'end\n'],
    ['call', 'answered\nend\n'],
    ['stream', '0\n1\n2\nend\n'],
  ] as const)
    it(`does not keep its process alive once there is nothing to wait for: ${task}`, async () => {
      const words = ['--import=tsx', '--conditions=@org/source', PROCESS, task, registry];
      // When it does not end by itself it is killed, and that rejects.
      const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 30_000 });
      assert.equal(stdout, printed);
    });
});
