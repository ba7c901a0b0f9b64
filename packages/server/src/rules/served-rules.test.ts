import assert from 'node:assert/strict';
import { defineService, method, type RpcError } from '@org/rpc-core';
import { memory, type RulesStore } from '@org/rpc-registry';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';
import type { ServerOptions } from '../face/options.js';
import { createServer } from '../face/server.js';
import type { ServiceLimits } from '../policy/call-limits.js';
import { ServedRules, type ServerRulesEvent } from './served-rules.js';

const Shop = defineService('shop', { buy: method<() => unknown>(), find: method<() => unknown>() });
const Stock = defineService('stock', { count: method<() => unknown>() });
const on = { mode: 'on' } as const;
const dark = { mode: 'dark' } as const;

/** A server in a registry, its client, and who writes rules. */
async function setUp(options: ServerOptions = {}, limits?: ServiceLimits) {
  const clock = new FakeClock(1_000);
  const registry = memory();
  const server = createServer({ name: 'a', registry, clock, random: seededRandom(1), ...options });
  const ends: (() => void)[] = [];
  const buy = () => new Promise((resolve) => ends.push(() => resolve('bought')));
  server.add(Shop, { buy, find: () => 'found' }, limits).add(Stock, { count: () => 1 });
  const events: ServerRulesEvent[] = [];
  server.on('rules', (event) => events.push(event));
  await server.listen({ host: '127.0.0.1', port: 0 });
  const handle = registry.open({ namespace: 'default', clock, random: seededRandom(1), onEvent: () => {} });
  const store = (handle as unknown as { rulesStore: RulesStore }).rulesStore;
  const client = connect(server, { clock, retry: false });
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  /** How so many calls end that are made at once. */
  const codes = (count: number, call: () => Promise<unknown>) =>
    Promise.all(
      Array.from({ length: count }, () =>
        call().then(
          () => 'ok',
          ({ code }: RpcError) => code,
        ),
      ),
    );
  return {
    ...{ clock, server, store, ends, events, turns, codes },
    shop: client.service(Shop),
    stock: client.service(Stock),
    passed: async (count: number, call: () => Promise<unknown>) =>
      (await codes(count, call)).filter((code) => code === 'ok').length,
    rule: async (rules: object | undefined, service = 'shop'): Promise<void> => {
      const version = (await store.get(service))?.version ?? 0;
      if (rules === undefined) await store.delete(service, version);
      else await store.set(service, { schemaVersion: 1, ...rules }, version);
      await clock.advance(200);
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

describe('the rules of a server', () => {
  it('bound the calls of a service, of a method, of a caller and of all services, and take it back', async () => {
    const rate = { perSecond: 10, burst: 3 };
    for (const [rules, found, counted] of [
      [{ serverRateLimit: { ...on, ...rate } }, 3, 8],
      [{ serverRateLimit: { ...on, methods: { find: rate } } }, 3, 8],
      [{ serverRateLimit: { ...on, methods: { buy: rate } } }, 8, 8],
      [{ serverRateLimit: { ...on, server: rate } }, 3, 0],
      [{ callerRateLimit: { ...on, ...rate } }, 3, 8],
      [{ callerRateLimit: { ...on, server: rate } }, 3, 0],
      [{ serverRateLimit: { ...on, percent: 0, ...rate } }, 8, 8],
      [{ serverRateLimit: { mode: 'off', ...rate } }, 8, 8],
    ] as const) {
      await using bench = await setUp();
      const { shop, stock, passed, rule } = bench;
      assert.deepEqual([await passed(8, shop.find), await passed(8, stock.count)], [8, 8]);
      await rule(rules);
      assert.deepEqual(
        [await passed(8, shop.find), await passed(8, stock.count)],
        [found, counted],
        JSON.stringify(rules),
      );
      await rule(undefined);
      assert.deepEqual([await passed(8, shop.find), await passed(8, stock.count)], [8, 8]);
    }
  });

  it('bound how many run at once, and keep count when the number changes', async () => {
    await using bench = await setUp();
    const { server, shop, ends, rule, turns, codes } = bench;
    await rule({ serverConcurrency: { ...on, methods: { buy: { max: 1, queue: 2 } } } });
    const first = codes(3, shop.buy);
    await turns();
    const waiting = () => server.state().limits.find(({ what }) => what === 'shop.buy');
    const from = { service: 'shop', version: 1 };
    assert.deepEqual(waiting(), { what: 'shop.buy', max: 1, queue: 2, running: 1, waiting: 2, from });
    const refused = await shop.buy().catch((error: RpcError) => error);
    assert.match(String(refused), /shop\.buy runs 1 calls already \(serverConcurrency\.max of the rules of shop\)/);
    // One more place lets one of those that wait in.
    await rule({ serverConcurrency: { ...on, methods: { buy: { max: 2, queue: 2 } } } });
    await turns();
    assert.deepEqual([waiting()?.running, waiting()?.waiting, ends.length], [2, 1, 2]);
    await rule({ serverConcurrency: { ...on, methods: { buy: { max: 1, queue: 0 } } } });
    assert.deepEqual([waiting()?.running, waiting()?.waiting], [2, 1]);
    assert.deepEqual(await codes(1, shop.buy), ['RESOURCE_EXHAUSTED']);
    // Without the rule nobody waits, and what it let in is still counted down.
    await rule(undefined);
    await turns();
    assert.deepEqual([waiting(), ends.length], [undefined, 3]);
    for (const end of ends.splice(0)) end();
    assert.deepEqual(await first, ['ok', 'ok', 'ok']);
    await rule({ serverConcurrency: { ...on, methods: { buy: { max: 1 } } } });
    assert.equal(waiting()?.running, 0);
  });

  it('keep what has been used of a rate, and leave out what the options say unless a rule says it', async () => {
    await using bench = await setUp({}, { rateLimit: { perSecond: 1, burst: 10 } });
    const { server, shop, passed, rule } = bench;
    assert.equal(await passed(8, shop.find), 8);
    await rule({ serverRateLimit: { ...on, perSecond: 0.1 } });
    const [rate] = server.state().rates;
    const from = { service: 'shop', version: 1 };
    assert.deepEqual(rate, { what: 'shop', perCaller: false, perSecond: 0.1, burst: 10, wait: false, from });
    assert.equal(await passed(8, shop.find), 2);
    await rule(undefined);
    assert.deepEqual([server.state().rates[0]?.perSecond, server.state().rates[0]?.from], [1, 'options']);
    assert.equal(await passed(8, shop.find), 0);
  });

  it('change the bound of all calls, adaptive or not, and the time of a turn', async () => {
    await using bench = await setUp({ concurrency: { max: 5, queue: 7 } });
    const { server, rule } = bench;
    await rule({
      serverConcurrency: { ...on, server: { max: { adaptive: { min: 2, max: 3 } } } },
      overload: { ...on, turnMs: 20 },
    });
    const { limits, overload } = server.state();
    const from = { service: 'shop', version: 1 };
    assert.deepEqual(limits[0], { what: 'the server', max: 3, queue: 7, running: 0, waiting: 0, from });
    assert.deepEqual(overload, { turnMs: 20, queue: undefined, from });
    await rule(undefined);
    assert.deepEqual([server.state().limits[0]?.max, server.state().overload?.from], [5, 'options']);
  });

  it('say something for all services of a server: the lowest counts', async () => {
    await using bench = await setUp();
    const { server, rule } = bench;
    await rule({ serverConcurrency: { ...on, server: { max: 9 } }, overload: { ...on, turnMs: 50 } });
    await rule({ serverConcurrency: { ...on, server: { max: 4 } }, overload: { ...on, turnMs: 60 } }, 'stock');
    const { limits, overload } = server.state();
    assert.deepEqual([limits[0]?.max, limits[0]?.from, overload?.turnMs], [4, { service: 'stock', version: 1 }, 50]);
    await rule(undefined, 'stock');
    assert.equal(server.state().limits[0]?.max, 9);
  });

  it('are refused as a whole when anything is wrong with them: what was in force stays', async () => {
    const clock = new FakeClock(1_000);
    const events: ServerRulesEvent[] = [];
    const applied: (number | undefined)[] = [];
    const rules = new ServedRules({
      ...{ instance: 'a', clock, emit: (event) => events.push(event) },
      apply: (_, its) => applied.push(its?.document.version),
    });
    let publish = (_: string | undefined): void => {};
    const reports: unknown[] = [];
    const watch = (_: string, to: typeof publish) => {
      publish = to;
      return { close: () => {} };
    };
    rules.open({ watch, report: (...report) => reports.push(report) }, ['shop']);
    const text = (version: number, max: unknown): string =>
      JSON.stringify({ schemaVersion: 1, version, serverConcurrency: { ...on, max }, retry: { ...on, max: 1 } });
    publish(text(1, 5));
    await clock.advance(200);
    publish(text(2, 0));
    assert.deepEqual(applied, [1]);
    const reason = 'rules: serverConcurrency.max must be an integer from 1 to 1000000, got 0';
    assert.deepEqual(events.at(-1), { type: 'rejected', service: 'shop', version: 2, reason, inForce: 1 });
    const policies = { serverConcurrency: { mode: 'on', wouldApply: 0 } };
    assert.deepEqual(rules.state(), { shop: { version: 1, rejected: { version: 2, reason }, policies } });
    const [service, name, report] = reports.at(-1) as [string, string, { status: string; inForce: number }];
    assert.deepEqual([service, name, report.status, report.inForce], ['shop', 'a@server', 'rejected', 1]);
  });

  it('tell, when they are dark, whom they would have refused, and refuse nobody', async () => {
    await using bench = await setUp();
    const { clock, server, shop, passed, rule, events, ends, turns, codes } = bench;
    const rates = { serverRateLimit: { ...dark, perSecond: 1, burst: 2 }, callerRateLimit: { ...dark, perSecond: 1 } };
    const places = { serverConcurrency: { ...dark, max: 1 }, callerConcurrency: { ...dark, max: 3 } };
    await rule({ ...rates, ...places });
    assert.equal(await passed(5, shop.find), 5);
    const bought = codes(5, shop.buy);
    await turns();
    for (const end of ends.splice(0)) end();
    assert.deepEqual(await bought, ['ok', 'ok', 'ok', 'ok', 'ok']);
    await clock.advance(1_000);
    const told = events.flatMap((event) => (event.type === 'wouldApply' ? [[event.policy, event.total]] : []));
    assert.deepEqual(told, [
      ['serverRateLimit', 8],
      ['serverConcurrency', 4],
      ['callerRateLimit', 9],
      ['callerConcurrency', 2],
    ]);
    assert.deepEqual(server.state().rules['shop']?.policies.callerConcurrency, { mode: 'dark', wouldApply: 2 });
    assert.deepEqual([server.state().rates, server.state().calls.refused], [[], 0]);
  });

  it('leave a server alone that has none, and one whose document is for clients', async () => {
    await using bench = await setUp();
    const { server, rule, events } = bench;
    assert.deepEqual(server.state().rules, {});
    await rule({ rateLimit: { ...on, perSecond: 1 }, retry: { ...on, max: 0 } });
    assert.deepEqual(server.state().rules, { shop: { version: 1, rejected: undefined, policies: {} } });
    assert.equal(server.state().rates.length, 0);
    const [event] = events;
    assert.ok(event?.type === 'applied');
    assert.equal(event.policies.rateLimit, 'off');
  });
});
