import assert from 'node:assert/strict';
import type { ClientEvents } from '@org/rpc-client';
import { type CallContext, isRpcError, type Layer, type ResponseInfo, RpcError } from '@org/rpc-core';
import { seededRandom } from '@org/rpc-testkit';
import { openShop, type ShopHandlers } from './shop.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a user's layers", () => {
  it('see each call as the user made it, before anything is added to it, and its one outcome', async () => {
    const seen: unknown[] = [];
    const watch: Layer = (next) => async (call) => {
      const { service, method, args, metadata } = call;
      const result = await next(call);
      seen.push({ service, method, args, metadata, result });
      return result;
    };
    await using open = openShop({ client: { layers: { unary: [watch] }, metadata: { from: 'client' } } });
    await open.shop.with({ metadata: { own: '1' } }).echo('a', undefined);
    await open.shop.tell('news');
    assert.deepEqual(seen, [
      { service: 'shop', method: 'echo', args: ['a'], metadata: { own: '1' }, result: ['a'] },
      { service: 'shop', method: 'tell', args: ['news'], metadata: undefined, result: undefined },
    ]);
  });

  it('stand in the order of the list, the first one outermost', async () => {
    const order: string[] = [];
    const named = (name: string): Layer => {
      return (next) => (call) => {
        order.push(`${name} in`);
        return next(call).finally(() => order.push(`${name} out`));
      };
    };
    await using open = openShop({ client: { layers: { unary: [named('first'), named('second')] } } });
    await open.shop.add(1);
    assert.deepEqual(order, ['first in', 'second in', 'second out', 'first out']);
  });

  it('see one outcome of a call that is retried', async () => {
    let attempts = 0;
    let outcomes = 0;
    const add = (): number => {
      if (++attempts < 3) throw new RpcError('UNAVAILABLE', 'not now', { retryAfterMs: 1 });
      return 7;
    };
    const count: Layer = (next) => (call) => next(call).finally(() => outcomes++);
    await using open = openShop({ handlers: { add }, client: { layers: { unary: [count] } } });
    const call = open.shop.add(1);
    await open.clock.advance(10);
    assert.equal(await call, 7);
    assert.deepEqual([attempts, outcomes], [3, 1]);
  });

  it('may change metadata and arguments', async () => {
    const received: unknown[] = [];
    const change: Layer = (next) => (call) => {
      call.metadata = { ...call.metadata, signature: 'x' };
      call.args = ['b'];
      return next(call);
    };
    const authorize = ({ metadata }: CallContext): void => void received.push({ ...metadata });
    await using open = openShop({ client: { layers: { unary: [change] } }, server: { authorize } });
    assert.deepEqual(await open.shop.with({ metadata: { own: '1' } }).echo('a'), ['b']);
    assert.deepEqual(received, [{ own: '1', signature: 'x' }]);
  });

  it('may answer themselves, and nothing is sent', async () => {
    const reached: string[] = [];
    const cache: Layer = () => async () => 42;
    await using open = openShop({
      handlers: { run: (job) => reached.push(job) },
      client: { layers: { unary: [cache] } },
    });
    assert.equal(await open.shop.run('a'), 42);
    assert.deepEqual(reached, []);
  });

  it('may call again', async () => {
    let calls = 0;
    const run = (): string => {
      if (++calls === 1) throw new RpcError('ABORTED', 'conflict');
      return 'done';
    };
    const again: Layer = (next) => (call) =>
      next(call).catch((error: unknown) => (isRpcError(error, 'ABORTED') ? next(call) : Promise.reject(error)));
    const infos: ResponseInfo[] = [];
    await using open = openShop({ handlers: { run }, client: { layers: { unary: [again] }, concurrency: { max: 1 } } });
    assert.equal(await open.shop.with({ onResponse: (info) => infos.push(info) }).run('a'), 'done');
    assert.equal(infos.length, 1);
    assert.equal(await open.shop.run('b'), 'done');
  });

  it('may call again while the first time is under way: each is a call of its own, and the first answer can be taken', async () => {
    const jobs: string[] = [];
    const answers = new Map<string, () => void>();
    const run = (job: string): Promise<string> => {
      const name = `${job}${jobs.push(job)}`;
      return new Promise((resolve) => answers.set(name, () => resolve(name)));
    };
    const hedge: Layer = (next) => (call) => Promise.any([next(call), next(call)]);
    const infos: ResponseInfo[] = [];
    await using open = openShop({ handlers: { run }, client: { layers: { unary: [hedge] } } });
    const call = open.shop.with({ onResponse: (info) => infos.push(info) }).run('a');
    while (jobs.length < 2) await turn();
    answers.get('a2')!();
    assert.equal(await call, 'a2');
    answers.get('a1')!();
    while (open.client.state().services['shop']?.nodes[0]?.inFlight !== 0) await turn();
    assert.equal(infos.length, 1);
  });

  it('may call any number of times, one after the other and at once, whatever becomes of each', async () => {
    const random = seededRandom(11);
    let runs = 0;
    const run = async (job: string): Promise<string> => {
      runs++;
      for (let i = Math.floor(random() * 20); i > 0; i--) await turn();
      if (random() < 0.3) throw new RpcError('ABORTED', 'by chance');
      return job;
    };
    const times = (): number => 1 + Math.floor(random() * 4);
    const many: Layer = (next) => async (call) => {
      let last: PromiseSettledResult<unknown>[] = [];
      for (let round = times(); round > 0; round--)
        last = await Promise.allSettled(Array.from({ length: times() }, () => next(call)));
      const answer = last.find((each) => each.status === 'fulfilled');
      if (answer !== undefined) return answer.value;
      throw (last[0] as PromiseRejectedResult).reason;
    };
    const client = { layers: { unary: [many, many] }, concurrency: { max: 100, queue: 1_000 } };
    await using open = openShop({ handlers: { run }, client });
    const asked = Array.from({ length: 40 }, (_, index) => `job ${index}`);
    const results = await Promise.allSettled(asked.map((job) => open.shop.run(job)));
    for (const [index, result] of results.entries()) {
      if (result.status === 'fulfilled') assert.equal(result.value, asked[index]);
      else assert.ok(isRpcError(result.reason, 'ABORTED'), `${result.reason}`);
    }
    assert.ok(runs > asked.length * 2, `${runs}`);
    // Every permit is back, and nothing is in flight.
    assert.equal(open.client.state().services['shop']!.nodes[0]!.inFlight, 0);
    const all = await Promise.allSettled(Array.from({ length: 100 }, () => open.shop.add(1)));
    assert.ok(all.every(({ status }) => status === 'fulfilled'));
  });

  it('may wait: what they took is no longer there for the server', async () => {
    const remaining: number[] = [];
    const wait: Layer = (next) => async (call) => {
      await new Promise<void>((resolve) => open.clock.schedule(150, resolve));
      return next(call);
    };
    const authorize = (call: CallContext): void => void remaining.push(call.remainingMs());
    await using open = openShop({ client: { layers: { unary: [wait] } }, server: { authorize } });
    const call = open.shop.with({ timeoutMs: 200 }).add(1);
    await open.clock.advance(150);
    await call;
    assert.deepEqual(remaining, [50]);
    assert.equal(open.client.state().services['shop']?.nodes[0]?.inFlight, 0);
    assert.ok(open.client.state().services['shop']!.nodes[0]!.latencyMs < 50, 'the wait is not held against the node');
  });

  it('let a mistake of theirs through as it is, as a rejection', async () => {
    const mistake = new TypeError('no such property');
    const throws: Layer = () => () => {
      throw mistake;
    };
    const rejects: Layer = () => () => Promise.reject(mistake);
    for (const layer of [throws, rejects]) {
      await using open = openShop({ client: { layers: { unary: [layer] } } });
      await assert.rejects(open.shop.add(1), mistake);
    }
  });

  it('fail a call in the name of that call, so that no handler passes it on as its own answer', async () => {
    const refuse: Layer = () => async () => {
      throw new RpcError('NOT_FOUND', 'not cached');
    };
    await using back = openShop({ client: { layers: { unary: [refuse] } } });
    await using front = openShop({ handlers: { run: () => back.shop.add(1) } });
    await assert.rejects(back.shop.add(1), { code: 'NOT_FOUND', service: 'shop', method: 'add' });
    await assert.rejects(front.shop.run('a'), { code: 'INTERNAL' });
  });
});

/** The events of one kind that a client tells while a test runs its calls. */
async function eventsOf<E extends keyof ClientEvents>(
  event: E,
  options: Parameters<typeof openShop>[0],
  run: (open: ReturnType<typeof openShop>) => Promise<void>,
): Promise<ClientEvents[E][0][]> {
  await using open = openShop(options);
  const events: ClientEvents[E][0][] = [];
  open.client.on(event, (...args) => events.push(args[0]));
  await run(open);
  return events;
}

describe('the events of calls', () => {
  const unavailable = (): never => {
    throw new RpcError('UNAVAILABLE', 'not now');
  };
  const handlers: ShopHandlers = { add: unavailable };

  it('tell of each retry', async () => {
    const client = { random: () => 0.5, breaker: false as const };
    const events = await eventsOf('retried', { handlers, client }, async ({ shop, clock }) => {
      await Promise.all([assert.rejects(shop.add(1), { code: 'UNAVAILABLE' }), clock.advance(1_000)]);
    });
    assert.equal(events.length, 2);
    for (const [index, event] of events.entries()) {
      const { delayMs, instance, ...rest } = event as ClientEvents['retried'][0];
      assert.ok(delayMs > 0);
      assert.match(instance!, /^\w{19}$/, 'as the registry has it');
      assert.deepEqual(rest, {
        service: 'shop',
        method: 'add',
        endpoint: 'memory:1',
        code: 'UNAVAILABLE',
        attempt: index + 1,
      });
    }
  });

  it('tell of each call that a limit of this client refuses', async () => {
    const rateLimit = { perSecond: 1, burst: 1, wait: false };
    const events = await eventsOf('limited', { client: { rateLimit } }, async ({ shop }) => {
      await shop.add(1);
      await assert.rejects(shop.add(1), { code: 'RESOURCE_EXHAUSTED', progress: 'unsent', retryAfterMs: 1_000 });
    });
    const [{ service, method, error }] = events as [ClientEvents['limited'][0]];
    assert.deepEqual([events.length, service, method, error.code], [1, 'shop', 'add', 'RESOURCE_EXHAUSTED']);
  });

  it('tell when a breaker opens, and when a trial call has closed it', async () => {
    let isBroken = true;
    const options = {
      handlers: { add: () => (isBroken ? unavailable() : 1) },
      client: { retry: false as const, breaker: { minCalls: 5, openMs: 1_000 } },
    };
    const closed: unknown[] = [];
    const opened = await eventsOf('breakerOpened', options, async ({ shop, client, clock }) => {
      client.on('breakerClosed', (event) => closed.push(event));
      for (let i = 0; i < 5; i++) await assert.rejects(shop.add(1));
      isBroken = false;
      await clock.advance(2_000);
      await shop.add(1);
    });
    const [{ openForMs, instance, ...rest }] = opened as [ClientEvents['breakerOpened'][0]];
    assert.match(instance!, /^\w{19}$/);
    assert.ok(openForMs >= 900 && openForMs <= 1_100);
    assert.deepEqual(rest, { endpoint: 'memory:1', service: 'shop', method: 'add' });
    assert.deepEqual(closed, [{ endpoint: 'memory:1', instance, service: 'shop', method: 'add' }]);
  });

  it('are told no more to who has left', async () => {
    await using open = openShop({ client: { rateLimit: { perSecond: 1, burst: 1, wait: false } } });
    let told = 0;
    const listener = (): void => void told++;
    open.client.on('limited', listener).off('limited', listener);
    await open.shop.add(1);
    await assert.rejects(open.shop.add(1));
    assert.equal(told, 0);
  });
});
