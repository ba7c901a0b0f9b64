import assert from 'node:assert/strict';
import { defineService, method } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect, FakeClock } from '@org/rpc-testkit';
import { createServer } from '../face/server.js';
import { Health, type HealthReport } from './health.js';

const Shop = defineService('shop', { buy: method<() => string>() });
const Stock = defineService('stock', { count: method<() => number>() });

function setUp() {
  const clock = new FakeClock(1_000);
  const server = createServer({ registry: memory(), clock });
  server.add(Shop, { buy: () => 'bought' }).add(Stock, { count: () => 3 });
  const client = connect(server, { clock });
  return { clock, server, health: client.service(Health), [Symbol.asyncDispose]: () => client.close() };
}

describe('rpc.health', () => {
  it('says of every service and of the server whether it takes calls, as its user says', async () => {
    await using bench = setUp();
    const { server, health } = bench;
    const all = async () =>
      (await Promise.all(['', 'shop', 'stock'].map((service) => health.check(service)))).map(({ status }) => status);
    assert.deepEqual(await all(), ['serving', 'serving', 'serving']);
    assert.deepEqual(await health.check(), { status: 'serving' });
    server.health('shop', 'not-serving');
    assert.deepEqual(await all(), ['serving', 'not-serving', 'serving']);
    server.health('shop', 'serving');
    server.health('', 'not-serving');
    assert.deepEqual(await all(), ['not-serving', 'not-serving', 'not-serving']);
    await assert.rejects(health.check('shoes'), { code: 'NOT_FOUND', reason: 'this server has no service "shoes"' });
  });

  it('tells who watches of each change, the latest only, and ends in order when the server drains', async () => {
    await using bench = setUp();
    const { clock, server, health } = bench;
    const seen: HealthReport[] = [];
    const watching = (async () => {
      for await (const report of health.watch('shop')) seen.push(report);
    })();
    await clock.advance(10);
    server.health('stock', 'not-serving');
    server.health('shop', 'not-serving');
    server.health('shop', 'serving');
    server.health('shop', 'not-serving');
    await clock.advance(10);
    server.health('shop', 'serving');
    await clock.advance(10);
    const closed = server.close();
    await clock.advance(10);
    await watching;
    await closed;
    const expected = ['serving', 'not-serving', 'serving', 'not-serving'];
    assert.deepEqual(
      seen.map(({ status }) => status),
      expected,
    );
  });

  it('keeps nothing of a watcher that has gone, and says of what is not there that it is unknown', async () => {
    await using bench = setUp();
    const { clock, server, health } = bench;
    for await (const report of health.watch('shoes')) {
      assert.deepEqual(report, { status: 'unknown' });
      break;
    }
    await clock.advance(10);
    assert.equal(server.state().calls.running, 0);
  });

  it('is asked by its user for what there is', () => {
    const server = createServer({ registry: memory() }).add(Shop, { buy: () => '' });
    assert.throws(() => server.health('shoes', 'serving'), {
      message: /server\.health: this server has no service "shoes"/,
    });
    assert.throws(() => server.health('shop', 'up' as never), {
      message: /status must be 'serving' or 'not-serving', got "up"/,
    });
  });

  it('is no service of the user: its name is taken, and a bare method still means the only one', async () => {
    const server = createServer({ registry: memory() });
    assert.throws(() => server.add(Health, {} as never), {
      message: /"rpc\.health" is a service of the library's own/,
    });
    server.add(Shop, { buy: () => '' });
    assert.deepEqual(Object.keys(server.state().services), ['shop']);
  });
});
