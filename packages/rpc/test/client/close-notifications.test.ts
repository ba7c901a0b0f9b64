import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createClient, createServer, defineService, direct, memory, method, notify } from '@org/rpc';

const Log = defineService('log', {
  busy: notify<(ms: number) => void>(),
  write: notify<(line: string) => void>(),
  count: method<() => number>(),
});
const SCRIPT = fileURLToPath(import.meta.url);

/** The server is a process of its own: it is to be busy while its client is not. */
async function serve(): Promise<void> {
  let lines = 0;
  const server = createServer({ registry: memory() }).add(Log, {
    busy: (ms) => {
      const until = performance.now() + ms;
      while (performance.now() < until);
    },
    write: () => void lines++,
    count: () => lines,
  });
  process.send!((await server.listen({ host: '127.0.0.1', port: 0 })).port);
}

if (process.send !== undefined && process.argv[2] === 'serve') await serve();
else
  describe('client.close() after notifications', function () {
    this.timeout(60_000);

    it('lets what was confirmed go out: 1,500 of 5 kB to a server that is busy for half a second', async () => {
      const child = fork(SCRIPT, ['serve'], { execArgv: ['--import=tsx', '--conditions=@org/source'] });
      try {
        const [port] = (await once(child, 'message')) as [number];
        const registry = direct([`127.0.0.1:${port}`]);
        const client = createClient({ registry });
        const log = client.service(Log);
        await client.ready(Log);
        await log.busy(500);
        const line = 'x'.repeat(5_000);
        await Promise.all(Array.from({ length: 1_500 }, () => log.with({ timeoutMs: 30_000 }).write(line)));
        await client.close();
        await using other = createClient({ registry, timeoutMs: 20_000 });
        let lines = 0;
        for (let i = 0; i < 200 && lines < 1_500; i++) lines = await other.service(Log).count();
        assert.equal(lines, 1_500);
      } finally {
        child.kill('SIGKILL');
      }
    });
  });
