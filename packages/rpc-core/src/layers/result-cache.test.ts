import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { runInContext } from '../context.js';
import { RpcError } from '../error.js';
import { Call } from '../service.js';
import { type ResultCacheOptions, resultCache } from './result-cache.js';

function aCall(method: string, args: readonly unknown[] = [], metadata?: Record<string, string>): Call {
  const call = new Call(
    { service: 'catalog', method, wireName: Buffer.from(method) } as never,
    args,
    method === 'tell',
  );
  call.metadata = metadata;
  return call;
}

function aCache(options: Partial<ResultCacheOptions> = {}, answer: (call: Call) => unknown = () => ({ name: 'tea' })) {
  const clock = new FakeClock(1_000);
  let made = 0;
  const cache = resultCache({ methods: ['catalog.find', 'catalog.tell'], ttlMs: 100, clock, ...options });
  const service = cache.layer(async (call) => {
    made++;
    return answer(call);
  });
  const find = (...args: unknown[]) => service(aCall('find', args));
  return { cache, clock, service, find, made: () => made };
}

describe('resultCache', () => {
  it('answers a call like one before without making it, for as long as was said', async () => {
    const { cache, clock, find, made } = aCache();
    const first = (await find('a', { deep: [1] })) as { name: string };
    first.name = 'changed by the caller';
    assert.deepEqual(await find('a', { deep: [1] }), { name: 'tea' });
    assert.equal(made(), 1);
    await find('b');
    assert.equal(made(), 2);
    await clock.advance(100);
    await find('a', { deep: [1] });
    assert.equal(made(), 3);
    assert.deepEqual([cache.state.hits, cache.state.misses, cache.state.entries], [1, 3, 2]);
  });

  it('remembers the methods that were named, and no one-way calls', async () => {
    const { service, made } = aCache();
    for (const method of ['order', 'order', 'tell', 'tell']) await service(aCall(method));
    assert.equal(made(), 4);
  });

  it('keeps apart what differs in metadata, and in who is being served, but for traces', async () => {
    const { service, made } = aCache();
    const ask = (metadata?: Record<string, string>) => service(aCall('find', [], metadata));
    await ask({ tenant: 'a', traceparent: '1' });
    await ask({ traceparent: '2', tenant: 'a' });
    assert.equal(made(), 1);
    await ask({ tenant: 'b' });
    await ask();
    assert.equal(made(), 3);
    const served = (peer: object) => runInContext({ peer } as never, () => ask());
    await served({ address: '10.0.0.1:5', identity: 'ann' });
    await served({ address: '10.0.0.2:6', identity: 'ann' });
    await served({ address: '10.0.0.1:5', identity: 'bob' });
    await served({ address: '10.0.0.1:5' });
    await served({ address: '10.0.0.1:7' });
    assert.equal(made(), 6);
  });

  it('remembers no errors, nor what a copy would change', async () => {
    class Money {}
    const answers = [() => new Money(), () => Promise.reject(new RpcError('NOT_FOUND', 'none'))];
    for (const answer of answers) {
      const { cache, find, made } = aCache({}, answer);
      for (let i = 0; i < 2; i++) await find('a').catch(() => {});
      assert.deepEqual([made(), cache.state.entries], [2, 0]);
    }
  });

  it('asks for itself what has no key', async () => {
    const { find, made } = aCache();
    for (let i = 0; i < 2; i++) await find(() => 1);
    assert.equal(made(), 2);
  });

  it('holds no more entries and bytes than was said: what was used longest ago goes first', async () => {
    const few = aCache({ maxEntries: 2 });
    for (const id of ['a', 'b', 'a', 'c', 'a', 'b']) await few.find(id);
    assert.deepEqual([few.made(), few.cache.state.entries], [4, 2]);
    const small = aCache({ maxBytes: 10_000 }, ({ args }) => 'x'.repeat(Number(args[0])));
    for (let i = 0; i < 100; i++) await small.find(1_000 + i);
    assert.ok(small.cache.state.bytes <= 10_000 && small.cache.state.entries >= 5);
    await small.find(20_000);
    assert.ok(small.cache.state.bytes <= 10_000);
  });

  it('forgets everything when told, also what is being asked for', async () => {
    let answer!: (value: unknown) => void;
    const { cache, find, made } = aCache({}, () => new Promise((resolve) => (answer = resolve)));
    const asked = find('a');
    cache.clear();
    answer('old');
    await asked;
    void find('a');
    assert.deepEqual([made(), cache.state.bytes], [2, 0]);
  });

  for (const [options, text] of [
    [{}, /methods must be a list of names such as 'catalog\.find'/],
    [{ methods: ['find'] }, /methods must be names such as 'catalog\.find', got "find"/],
    [{ methods: ['a.b'], ttlMs: 0 }, /ttlMs/],
    [{ methods: ['a.b'], ttlMs: 5, maxEntrys: 1 }, /unknown option "maxEntrys"; did you mean "maxEntries"/],
  ] as const)
    it(`refuses ${JSON.stringify(options)}`, () =>
      void assert.throws(() => resultCache({ ttlMs: 5, ...options } as never), { name: 'TypeError', message: text }));
});
