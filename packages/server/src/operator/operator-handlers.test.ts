import assert from 'node:assert/strict';
import { defineService, isRpcError, method } from '@org/rpc-core';
import { direct, memory } from '@org/rpc-registry';
import { connect } from '@org/rpc-testkit';
import { createServer } from '../face/server.js';
import { Operator } from './operator.js';
import { OPERATOR_TOKEN_KEY } from './operator-options.js';

const Shop = defineService('shop', { buy: method<() => string>() });
const TOKEN = 'a token of 16 or more'.replaceAll(' ', '-');

function serve(options: Parameters<typeof createServer>[0] = {}) {
  const server = createServer({ registry: memory(), ...options }).add(Shop, { buy: () => 'bought' });
  const client = connect(server, { name: 'web' });
  return { server, client, operator: client.service(Operator), [Symbol.asyncDispose]: () => client.close() };
}

describe('rpc.operator', () => {
  it('tells callers of its own machine who has called what since somebody asked, and does not count itself', async () => {
    await using bench = serve();
    const { client, operator, server } = bench;
    await client.service(Shop).buy();
    const before = await operator.report();
    assert.deepEqual([before.version, before.server.instance, before.calls], [1, server.instance, []]);
    await client.service(Shop).buy();
    await client.service(Shop).buy();
    const { calls, countingSince } = await operator.report();
    assert.equal(before.server.calls.running, 0);
    assert.equal(countingSince, before.countingSince);
    assert.deepEqual(
      calls.map((each) => [each.service, each.method, each.caller, each.calls]),
      [['shop', 'buy', 'web', 2]],
    );
  });

  it('asks for the token where there is one, and says which option has it', async () => {
    await using bench = serve({ operator: { token: TOKEN } });
    const { operator } = bench;
    const refused = (what: RegExp) => (error: unknown) =>
      isRpcError(error, 'PERMISSION_DENIED') && what.test(error.reason);
    await assert.rejects(operator.report(), refused(/needs the token of its option operator/));
    const wrong = operator.with({ metadata: { [OPERATOR_TOKEN_KEY]: `${TOKEN}x` } });
    await assert.rejects(wrong.drain(), refused(/has another token/));
    assert.equal((await operator.with({ metadata: { [OPERATOR_TOKEN_KEY]: TOKEN } }).report()).version, 1);
    assert.equal(bench.server.state().status, 'new');
  });

  it('is off with registries of many machines unless it is switched on, and says so', async () => {
    await using off = serve({ registry: direct(['h:1']) });
    await assert.rejects(off.operator.report(), { code: 'UNIMPLEMENTED' });
    await using on = serve({ registry: direct(['h:1']), operator: true });
    assert.equal((await on.operator.report()).version, 1);
    await using never = serve({ operator: false });
    await assert.rejects(never.operator.report(), { code: 'UNIMPLEMENTED' });
  });

  it('drains the server', async () => {
    await using bench = serve();
    const closed = new Promise<void>((resolve) => bench.server.on('closed', resolve));
    await bench.operator.drain();
    assert.equal(bench.server.state().status, 'draining');
    await closed;
  });

  it('refuses a token that is none, without repeating it', () => {
    for (const token of ['short', `${'x'.repeat(20)} `, 7])
      assert.throws(() => createServer({ registry: memory(), operator: { token } as never }), {
        message: 'createServer: operator.token must be text of 16 or more printable characters without spaces',
      });
    assert.throws(() => createServer({ registry: memory(), operator: 'yes' as never }), {
      message: 'createServer: operator must be true, false or { token }, got "yes"',
    });
  });
});
