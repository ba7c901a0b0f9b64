import assert from 'node:assert/strict';
import { defineService, method, RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';
import type { IncomingCall } from '@org/rpc-wire/internal';
import type { ServerOptions } from '../face/options.js';
import { createServer } from '../face/server.js';
import { CallLimits, type CallLimitsParts, type LimitedEntry, type ServiceLimits } from './call-limits.js';
import { ConcurrencyLimit } from './concurrency.js';

const Shop = defineService('shop', { buy: method<() => unknown>(), find: method<() => unknown>() });

function setUp(options: ServerOptions, limits?: ServiceLimits) {
  const clock = new FakeClock(1_000);
  const server = createServer({ registry: memory(), clock, random: seededRandom(1), ...options });
  const ends: (() => void)[] = [];
  const buy = () => new Promise((resolve) => ends.push(() => resolve('bought')));
  server.add(Shop, { buy, find: () => 'found' }, limits);
  const client = connect(server, { clock, retry: false });
  const shop = client.service(Shop);
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => 'ok',
      (error: RpcError) => error.code,
    );
  return { clock, server, shop, ends, codeOf, [Symbol.asyncDispose]: () => client.close() };
}

/** Limits by themselves, and the entry of a method that has them. */
function made(parts: Pick<CallLimitsParts<LimitedEntry>, 'concurrency' | 'perCaller' | 'clock' | 'random'>) {
  const unsaid = { concurrencyMax: 100, concurrencyQueue: 0, overload: undefined, rateLimit: undefined };
  const limits = new CallLimits({ ...unsaid, ...parts, tellDark: () => {} });
  const entry: LimitedEntry = { service: 'shop', method: 'buy' };
  limits.ofService(Shop)(entry);
  return { limits, entry };
}

describe('limits of a server', () => {
  it('bound calls over time, for all, for a service and for a method: every one that is given applies', async () => {
    for (const [options, limits] of [
      [{ rateLimit: { perSecond: 10, burst: 2 } }, undefined],
      [{}, { rateLimit: { perSecond: 10, burst: 2 } }],
      [{}, { methods: { find: { rateLimit: { perSecond: 10, burst: 2 } } } }],
      [{ rateLimit: { perSecond: 100, burst: 50 } }, { methods: { find: { rateLimit: { perSecond: 10, burst: 2 } } } }],
      [{ perCaller: { rateLimit: { perSecond: 10, burst: 2 } } }, undefined],
    ] as const) {
      await using bench = setUp(options, limits);
      const { clock, shop, codeOf } = bench;
      const codes = await Promise.all([shop.find(), shop.find(), shop.find()].map(codeOf));
      assert.deepEqual(codes, ['ok', 'ok', 'RESOURCE_EXHAUSTED']);
      const error = await shop.find().catch((thrown: RpcError) => thrown);
      assert.ok(error instanceof RpcError && error.retryAfterMs! > 0 && error.retryAfterMs! <= 100);
      assert.deepEqual([error.progress, /10 calls a second/.test(error.reason)], ['refused', true]);
      await clock.advance(100);
      assert.deepEqual([await codeOf(shop.find()), await codeOf(shop.find())], ['ok', 'RESOURCE_EXHAUSTED']);
    }
  });

  it('bound how many calls of a method run, and how many wait, and leave the other methods alone', async () => {
    await using bench = setUp({}, { methods: { buy: { concurrency: { max: 1, queue: 1 } } } });
    const { clock, server, shop, ends, codeOf } = bench;
    const bought = [shop.buy(), shop.buy()].map(codeOf);
    const refused = await shop.buy().catch((error: RpcError) => error);
    assert.match(String(refused), /shop\.buy runs 1 calls already \(concurrency\.max\) and 1 wait/);
    assert.equal(await codeOf(shop.find()), 'ok');
    assert.equal(server.running, 1);
    for (let i = 0; i < 2; i++) {
      await clock.advance(10);
      ends.shift()!();
    }
    assert.deepEqual(await Promise.all(bought), ['ok', 'ok']);
    assert.equal(server.running, 0);
  });

  it('count each caller by itself', () => {
    const clock = new FakeClock(1_000);
    const random = seededRandom(1);
    const concurrency = new ConcurrencyLimit({ max: 100, queue: 0, clock, random });
    const perCaller = { concurrency: { max: 2 }, rateLimit: { perSecond: 1_000, burst: 1_000 } };
    const { limits, entry } = made({ concurrency, perCaller, clock, random });
    const from = (address: string) =>
      ({ entry, peer: { address }, sampledAt: undefined }) as unknown as IncomingCall<typeof entry>;
    const calls = ['a:1', 'a:2', 'a:3', 'b:1'].map(from);
    const codes = calls.map((call) => (limits.enter(call) as RpcError | undefined)?.code);
    assert.deepEqual(codes, [undefined, undefined, 'RESOURCE_EXHAUSTED', undefined]);
    limits.leave(calls[0]!, undefined);
    assert.equal(limits.enter(from('a:9')), undefined);
    assert.equal(concurrency.running, 3);
  });

  it('take nothing for a call that is refused further on', () => {
    const clock = new FakeClock(1_000);
    const random = seededRandom(1);
    const concurrency = new ConcurrencyLimit({ max: 1, queue: 0, clock, random });
    const { limits, entry } = made({ concurrency, perCaller: { concurrency: { max: 2 } }, clock, random });
    const call = { entry, peer: { address: 'a:1' }, sampledAt: undefined } as unknown as IncomingCall<typeof entry>;
    assert.equal(limits.enter(call), undefined);
    for (let i = 0; i < 5; i++) assert.match(String(limits.enter(call)), /the server runs 1 calls already/);
    limits.leave(call, undefined);
    assert.equal(limits.enter(call), undefined);
  });

  it('let calls wait for their turn where they are told so', async () => {
    await using bench = setUp({ rateLimit: { perSecond: 10, burst: 1, wait: true } });
    const calls = [bench.shop.find(), bench.shop.find(), bench.shop.find()].map(bench.codeOf);
    await new Promise((resolve) => setImmediate(resolve));
    await bench.clock.advance(200);
    assert.deepEqual(await Promise.all(calls), ['ok', 'ok', 'ok']);
  });

  it('do not hold for what the library serves itself', async () => {
    await using bench = setUp({ rateLimit: { perSecond: 0.001, burst: 1 } });
    assert.deepEqual(
      [await bench.codeOf(bench.shop.find()), await bench.codeOf(bench.shop.find())],
      ['ok', 'RESOURCE_EXHAUSTED'],
    );
    assert.equal(bench.server.state().calls.refused, 1);
  });

  it('are checked when they are given, in the words of the client', () => {
    for (const [limits, message] of [
      [{ rateLimit: { perSecond: 0 } }, /^server\.add: limits of "shop": rateLimit: perSecond must be/],
      [{ rateLimit: { perSecond: 1, wait: 'long' } }, /rateLimit: wait must be true or false/],
      [{ methods: { by: {} } }, /methods: unknown option "by"; did you mean "buy"\?/],
      [{ methods: { buy: { concurrency: { max: 0 } } } }, /methods\.buy: concurrency: max must be/],
      [{ perCaller: { rate: {} } }, /perCaller: unknown option "rate"/],
    ] as const)
      assert.throws(() => setUp({}, limits as never), { name: 'TypeError', message });
    assert.throws(() => createServer({ registry: memory(), rateLimit: { perSecond: -1 } }), {
      message: /^createServer: rateLimit: perSecond must be/,
    });
  });
});
