import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Call, defineService, type Layer, notify, RpcError, type StreamLayer, stream } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect, FakeClock } from '@org/rpc-testkit';
import { setUp } from '../test/bench.js';
import { createServer } from './face/server.js';

const Feed = defineService('feed', {
  numbers: stream<(upTo: number) => AsyncIterable<unknown>>(),
  tell: notify<(text: string) => void>(),
});

/** A server with a stream and a one-way method. */
function feed(options: Parameters<typeof createServer>[0], ran: unknown[] = []) {
  const server = createServer({ registry: memory(), ...options }).add(Feed, {
    async *numbers(upTo) {
      ran.push('numbers');
      for (let i = 1; i <= upTo; i++) yield i;
    },
    tell: (text) => void ran.push(text),
  });
  const client = connect(server, options?.clock === undefined ? {} : { clock: options.clock });
  return { server, ran, feed: client.service(Feed), [Symbol.asyncDispose]: () => client.close() };
}

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

describe("what a server's authorize returns", () => {
  for (const [what, verdict] of [
    ['false', false],
    ['true', true],
    ['null', null],
    ['a text', 'secret'],
    ['an object', { user: 'ann' }],
  ] as const)
    for (const isLate of [false, true])
      it(`refuses the call when it is ${what}${isLate ? ', later' : ''}, and says how to refuse`, async () => {
        let runs = 0;
        const authorize = (): never => (isLate ? Promise.resolve(verdict) : verdict) as never;
        await using bench = setUp({ run: () => runs++, tell: () => runs++ }, { authorize });
        await assert.rejects(bench.work.run(), {
          code: 'PERMISSION_DENIED',
          message: new RegExp(`authorize returned ${what}, which is no answer: .*throw an RpcError`),
          progress: 'refused',
        });
        await bench.work.tell('news');
        await bench.clock.advance(0);
        assert.deepEqual([runs, bench.server.running, bench.errors], [0, 0, []]);
      });

  it('refuses streams and one-way calls in the same way', async () => {
    await using bench = feed({ authorize: () => false as never });
    await assert.rejects(all(bench.feed.numbers(2)), { code: 'PERMISSION_DENIED' });
    await bench.feed.tell('news');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(bench.ran, []);
  });

  it('refuses with an RpcError that was returned instead of thrown', async () => {
    const authorize = (): never => new RpcError('UNAUTHENTICATED', 'log in first') as never;
    await using bench = setUp({}, { authorize });
    await assert.rejects(bench.work.run(), { message: 'UNAUTHENTICATED: log in first (work.run at memory:1)' });
  });
});

describe('a call whose deadline passes before its handler begins', () => {
  const afterMs = (clock: () => FakeClock, ms: number) => (): Promise<void> =>
    new Promise((resolve) => clock().schedule(ms, resolve));

  it('does not run after an authorize that took too long, whatever its kind', async () => {
    let runs = 0;
    const run = (): void => void runs++;
    const authorize = afterMs(() => bench.clock, 100);
    await using bench = setUp({ run, safe: run, tell: run }, { authorize });
    const calls = [
      ...Array.from({ length: 50 }, () => bench.work.with({ timeoutMs: 50 }).run()),
      ...Array.from({ length: 50 }, () => bench.work.with({ timeoutMs: 50 }).safe()),
    ];
    for (const call of calls) call.catch(() => {});
    await bench.work.with({ timeoutMs: 50 }).tell('news');
    await bench.clock.advance(200);
    for (const call of calls) await assert.rejects(call, { code: 'DEADLINE_EXCEEDED' });
    assert.deepEqual([runs, bench.server.running, bench.errors], [0, 0, []]);
  });

  it('does not run when it opens a stream', async () => {
    const clock = new FakeClock(1_000);
    await using bench = feed({ clock, authorize: afterMs(() => clock, 100) });
    const items = all(bench.feed.with({ timeoutMs: 50 }).numbers(2));
    items.catch(() => {});
    await clock.advance(200);
    await assert.rejects(items, { code: 'DEADLINE_EXCEEDED' });
    assert.deepEqual(bench.ran, []);
  });

  it('does not run after a layer that waited too long', async () => {
    let runs = 0;
    const wait: Layer = (next) => (call) =>
      new Promise<void>((resolve) => bench.clock.schedule(100, resolve)).then(() => next(call));
    await using bench = setUp({ run: () => runs++, tell: () => runs++ }, { layers: { unary: [wait] } });
    const call = bench.work.with({ timeoutMs: 50 }).run();
    call.catch(() => {});
    await bench.work.with({ timeoutMs: 50 }).tell('news');
    await bench.clock.advance(200);
    await assert.rejects(call, { code: 'DEADLINE_EXCEEDED' });
    assert.equal(runs, 0);
  });
});

describe('admission', () => {
  it('comes after authorization: strangers take no places', async () => {
    const verdicts: (() => void)[] = [];
    const authorize = ({ metadata }: { metadata: Record<string, string> }): Promise<void> | undefined =>
      metadata['user'] === undefined
        ? new Promise((_, reject) => verdicts.push(() => reject(new RpcError('UNAUTHENTICATED', 'who?'))))
        : undefined;
    await using bench = setUp({}, { authorize: authorize as never, concurrency: { max: 1 } });
    const strangers = [bench.work.run(), bench.work.run()];
    for (const stranger of strangers) stranger.catch(() => {});
    await bench.clock.advance(0);
    assert.equal(bench.server.running, 0);
    assert.deepEqual(await bench.work.with({ metadata: { user: 'ann' } }).run('in'), ['in']);
    for (const refuse of verdicts) refuse();
    for (const stranger of strangers) await assert.rejects(stranger, { code: 'UNAUTHENTICATED' });
  });
});

describe('a layer that forgets to return', () => {
  const forgets: Layer = (next) =>
    function forgetful(call: Call) {
      next(call);
    } as never;

  it('fails its calls with INTERNAL and its name, and what it has dropped harms nobody', async () => {
    let runs = 0;
    const run = async (): Promise<void> => {
      runs++;
      throw new Error('dropped');
    };
    const passes: Layer = (next) => (call) => next(call);
    const late: Layer = (next) => async (call) => next(call);
    await using bench = setUp({ run }, { layers: { unary: [passes, forgets, late] } });
    await assert.rejects(bench.work.run(), {
      code: 'INTERNAL',
      message: /the layer forgets \(layers\.unary\[1\]\) returned nothing: it must return what next\(call\) gives/,
      progress: 'processed',
    });
    await bench.clock.advance(0);
    assert.deepEqual([runs, bench.server.running], [1, 0]);
  });

  it('fails streams in the same way', async () => {
    const silent: StreamLayer = (next) =>
      ((call: never, items: never) => {
        next(call, items);
      }) as never;
    await using bench = feed({ layers: { unary: [], stream: [silent] } });
    await assert.rejects(all(bench.feed.numbers(2)), {
      code: 'INTERNAL',
      message: /the layer silent \(layers\.stream\[0\]\) returned nothing/,
    });
  });
});

describe('the generator of a stream', () => {
  it('runs in the async context that the layers around it have set', async () => {
    const span = new AsyncLocalStorage<string>();
    const traced: StreamLayer = (next) => (call, items) => span.run('span', () => next(call, items));
    const seen: unknown[] = [];
    const server = createServer({ registry: memory(), layers: { unary: [], stream: [traced] } }).add(Feed, {
      async *numbers() {
        seen.push(span.getStore());
        yield 1;
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(span.getStore());
        yield 2;
      },
      tell: () => {},
    });
    await using client = connect(server);
    assert.deepEqual(await all(client.service(Feed).numbers(2)), [1, 2]);
    assert.deepEqual(seen, ['span', 'span']);
  });
});
