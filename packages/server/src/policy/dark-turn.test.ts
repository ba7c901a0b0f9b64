import assert from 'node:assert/strict';
import { type Clock, defineService, method } from '@org/rpc-core';
import { memory, type RulesStore } from '@org/rpc-registry';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';
import type { IncomingCall } from '@org/rpc-wire/internal';
import type { ServerOptions } from '../face/options.js';
import { createServer } from '../face/server.js';
import { DarkTurn } from './dark-turn.js';

const Shop = defineService('shop', { compute: method<(ms: number) => string>() });

/** A clock on which handlers may compute: its time goes on while nothing else runs. */
function busyClock() {
  const clock = new FakeClock(1_000);
  let computedMs = 0;
  const busy: Clock = {
    now: () => clock.now() + computedMs,
    wallNow: () => clock.wallNow() + computedMs,
    schedule: (delayMs, run) => clock.schedule(delayMs, run),
    afterPoll: (run) => clock.afterPoll(run),
  };
  return {
    clock,
    busy,
    compute: (ms: number) => {
      computedMs += ms;
    },
  };
}

/** A server whose rules have an `overload` that is dark, and who calls it. */
async function setUp(rule: object, options: ServerOptions = {}) {
  const { clock, busy, compute } = busyClock();
  const registry = memory();
  const server = createServer({ name: 'a', registry, clock: busy, random: seededRandom(1), ...options });
  server.add(Shop, {
    compute: (ms) => {
      compute(ms);
      return 'done';
    },
  });
  const told: (number | string)[][] = [];
  server.on('rules', (event) => {
    if (event.type === 'wouldApply') told.push([event.policy, event.method, event.count, event.effect]);
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const handle = registry.open({ namespace: 'default', clock, random: seededRandom(1), onEvent: () => {} });
  const store = (handle as unknown as { rulesStore: RulesStore }).rulesStore;
  await store.set('shop', { schemaVersion: 1, overload: { mode: 'dark', ...rule } }, 0);
  await clock.advance(200);
  const client = connect(server, { clock: busy, retry: false, timeoutMs: 60_000 });
  const shop = client.service(Shop);
  return {
    ...{ clock, server, told },
    /** So many calls that come in one turn. */
    calls: async (count: number, ms: number) => {
      const calls = Promise.all(Array.from({ length: count }, () => shop.compute(ms)));
      await clock.advance(0);
      assert.equal((await calls).length, count);
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await handle.close();
      const closed = server.close({ drainMs: 0, graceMs: 0 });
      await clock.advance(10);
      await closed;
    },
  };
}

describe('a dark rule of overload', () => {
  it('tells of the calls that came when a turn was used up by it, and makes nobody wait', async () => {
    await using bench = await setUp({ turnMs: 50 }, { overload: false });
    const { clock, server, told, calls } = bench;
    await calls(10, 10);
    await clock.advance(1_000);
    // The seventh is the first that comes after more than 50 ms.
    assert.deepEqual(told, [['overload', 'compute', 4, 'it would have waited, or been refused']]);
    assert.deepEqual(server.state().rules['shop']?.policies.overload, { mode: 'dark', wouldApply: 4 });
    assert.deepEqual([server.state().overload, server.state().calls.refused], [undefined, 0]);
  });

  it('tells nothing while turns are short, nor with a bound that is wider than the one in force', async () => {
    await using short = await setUp({ turnMs: 50 });
    for (let turn = 0; turn < 10; turn++) await short.calls(4, 10);
    await short.clock.advance(1_000);
    assert.deepEqual(short.told, []);
    await using wide = await setUp({ turnMs: 500 });
    await wide.calls(30, 10);
    await wide.clock.advance(1_000);
    assert.deepEqual(wide.told, []);
  });

  it('leaves the calls as they are, and begins anew with each turn', () => {
    const { busy, compute } = busyClock();
    const polls: (() => void)[] = [];
    const told: IncomingCall[] = [];
    const turn = new DarkTurn({
      turnMs: 50,
      clock: { ...busy, afterPoll: (run) => void polls.push(run) },
      tell: (call) => told.push(call),
    });
    const call = (ms: number): number => {
      turn.enter(Object.freeze({}) as IncomingCall);
      compute(ms);
      return told.length;
    };
    // Of a turn that is found to be long, the time before counts for 20 ms at most.
    assert.deepEqual([call(60), call(60), call(1), call(1)], [0, 0, 1, 2]);
    for (const run of polls.splice(0)) run();
    assert.deepEqual([call(5), call(5)], [2, 2]);
  });
});
