import assert from 'node:assert/strict';
import { createServer, memory } from '@org/rpc';
import { callContext, defineService, method, RpcError, systemClock } from '@org/rpc-core';
import { runCli } from '../src/cli.js';
import { testTerminal } from './test-terminal.js';

const Shop = defineService('shop', { find: method<(id: string) => string>() });

describe('rpc bench, of a method that fails', () => {
  let server: ReturnType<typeof createServer>;
  let registry: string;

  before(async () => {
    server = createServer({ registry: memory() });
    server.add(Shop, {
      find(id) {
        if (callContext()?.metadata['tenant'] === 'a') return id;
        throw new RpcError('NOT_FOUND', 'no \u001b[2Jproduct');
      },
    });
    const { port } = await server.listen({ host: '127.0.0.1' });
    registry = `direct://127.0.0.1:${port}`;
  });
  after(() => server.close({ drainMs: 0, graceMs: 0 }));

  const bench = async (...words: string[]) => {
    const terminal = testTerminal({ clock: systemClock });
    const load = ['--requests', '20', '--concurrency', '2', '--warmup', '0s'];
    const code = await runCli(['bench', 'shop.find', 'x', ...load, ...words, '--registry', registry], terminal);
    return { code, ...terminal };
  };

  it('exits with 1 when no call succeeded, and escapes what the server says', async () => {
    const text = await bench('--quiet');
    assert.equal(text.code, 1);
    assert.match(text.errText, /rpc bench: no call succeeded\n$/);
    assert.match(text.outText, /NOT_FOUND +20 .*no \\u001b\[2Jproduct/);
    const json = await bench('--json');
    assert.equal(json.code, 1);
    assert.equal((JSON.parse(json.outText) as { result: { ok: number } }).result.ok, 0);
  });

  it('sends metadata, and tells a report nothing of it', async () => {
    const { code, outText } = await bench('--json', '--metadata', 'tenant=a', '--metadata', 'authorization=hunter2');
    assert.equal(code, 0);
    assert.doesNotMatch(outText, /hunter2/);
  });
});
