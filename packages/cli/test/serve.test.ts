import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../src/cli.js';
import { runRpc } from './run-rpc.js';
import { testTerminal } from './test-terminal.js';

/** A port that nobody listens on right now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

describe('rpc serve', function () {
  this.timeout(60_000);
  // Beside the sources, so that it finds the packages.
  const folder = mkdtempSync(join(import.meta.dirname, 'serve-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  function program(source: string): string {
    const file = join(folder, 'app.mjs');
    writeFileSync(file, source);
    return file;
  }

  it('runs a program that says nothing of workers by so many processes, and stops them in order', async () => {
    const port = await freePort();
    const file = program(`
      import { createServer, defineService, memory, method } from '@org/rpc';
      const server = createServer({ registry: memory(), signals: ['SIGTERM'] });
      server.add(defineService('s', { m: method() }), { m: () => 1 });
      const { port } = await server.listen({ host: '127.0.0.1' });
      console.log((process.env.RPC_WORKER === undefined ? 'watches ' : 'serves ') + port + ' ' + process.argv.slice(2) + ' ' + process.pid);
    `);
    let isAsked = false;
    const { code, out, err } = await runRpc(
      ['serve', file, '--workers', '2', '--port', String(port), '--', 'a', 'b'],
      {},
      (text, kill) => {
        if (!/watches/.test(text) || !/workers serve/.test(text) || isAsked) return;
        isAsked = true;
        kill('SIGTERM');
      },
    );
    assert.equal(code, 0);
    const [serves, stopped, ...rest] = err.split('\n');
    const line = /^rpc serve: 2 workers serve s at 127\.0\.0\.1:(\d+) \(processes (\d+), (\d+)\)$/.exec(serves!);
    assert.equal(Number(line?.[1]), port, err);
    assert.deepEqual([stopped, ...rest], ['rpc serve: all workers have stopped', '']);
    assert.deepEqual(
      out
        .match(/^serves .*? (\d+)$/gm)
        ?.map((each) => each.split(' ').at(-1))
        .sort(),
      [line![2], line![3]].sort(),
    );
    assert.deepEqual(out.replaceAll(/ \d+$/gm, '').split('\n').sort(), [
      '',
      `serves ${port} a,b`,
      `serves ${port} a,b`,
      `watches ${port} a,b`,
    ]);
  });

  it('says what is wrong with what it is to run', async () => {
    const wrong: readonly (readonly [words: readonly string[], message: RegExp])[] = [
      [[], /name the program: rpc serve server\.js/],
      [[join(tmpdir(), 'no-such-file.js')], /there is no file .*no-such-file\.js/],
      [[program(''), '--workers', '0'], /--workers must be auto or an integer from 1 to 256, got 0/],
      [[program(''), '--port', 'x'], /--port must be an integer from 1 to 65535, got x/],
    ];
    for (const [words, message] of wrong) {
      const terminal = testTerminal();
      assert.equal(await runCli(['serve', ...words], terminal), 1);
      assert.match(terminal.errText, message);
    }
  });

  it('says what a program lacks that ends by itself', async () => {
    const { code, err } = await runRpc(['serve', program('')]);
    assert.equal(code, 1);
    assert.match(err, /^rpc serve: .*app\.mjs ended by itself: it has to await server\.listen\(\{ port \}\)\n$/);
  });
});
