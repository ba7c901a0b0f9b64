import assert from 'node:assert/strict';
import { type CallContext, callContext, defineService, type RpcError, stream } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect, FakeClock } from '@org/rpc-testkit';
import { setUp } from '../../test/bench.js';
import { createServer } from '../face/server.js';
import { type CloseOptions, type Drain, type DrainHost, drainServer, resolveCloseOptions } from './drain.js';

/** A server that records what its drain asks of it, and when. */
class Scene implements DrainHost {
  readonly clock = new FakeClock();
  readonly steps: string[] = [];
  readonly drain: Drain;
  readonly #connections: number;
  empty!: () => void;
  left!: () => void;
  gone!: () => void;
  isDone = false;

  constructor(connections: number, leadMs: number, options: CloseOptions = {}) {
    this.#connections = connections;
    this.drain = drainServer(this.clock, leadMs, resolveCloseOptions(options), this);
    void this.drain.done.then(() => {
      this.isDone = true;
    });
  }

  announce(reason: string): void {
    this.#step(`announce: ${reason}`);
  }
  connections(): number {
    return this.#connections;
  }
  refuseNew(): void {
    this.#step('refuse');
  }
  leave(): Promise<void> {
    this.#step('leave');
    return new Promise((resolve) => {
      this.left = resolve;
    });
  }
  untilEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.empty = resolve;
    });
  }
  endAll(): void {
    this.#step('end');
  }
  untilGone(): Promise<void> {
    return new Promise((resolve) => {
      this.gone = resolve;
    });
  }
  #step(what: string): void {
    this.steps.push(`${this.clock.now()} ${what}`);
  }
}

describe('a drain', () => {
  it('tells clients first, refuses new calls after the lead, waits for the rest, then ends what is left', async () => {
    const scene = new Scene(1, 3_000, { reason: 'deploy' });
    await scene.clock.advance(5_000);
    scene.empty();
    scene.left();
    await scene.clock.advance(0);
    assert.deepEqual(scene.steps.slice(0, 4), ['0 announce: deploy', '3000 refuse', '3000 leave', '5000 end']);
    scene.left();
    assert.equal(scene.isDone, false);
    scene.gone();
    await scene.drain.done;
    assert.equal(scene.clock.pending, 0);
  });

  it('waits for its last words to arrive, but a second at most', async () => {
    const scene = new Scene(1, 0, { graceMs: 1_000 });
    await scene.clock.advance(1_999);
    assert.equal(scene.isDone, false);
    await scene.clock.advance(1);
    assert.equal(scene.isDone, true);
  });

  it('needs no lead where no client is connected', async () => {
    const scene = new Scene(0, 3_000);
    await scene.clock.advance(0);
    assert.equal(scene.steps[1], '0 refuse');
  });

  it('takes the lead that it is given', async () => {
    const scene = new Scene(1, 3_000, { drainMs: 500 });
    await scene.clock.advance(500);
    assert.equal(scene.steps[1], '500 refuse');
  });

  it('ends after the grace, whatever still runs and however the registry hangs', async () => {
    const scene = new Scene(1, 0, { graceMs: 1_000 });
    await scene.clock.advance(999);
    assert.equal(scene.steps.at(-1), '0 leave');
    await scene.clock.advance(1);
    assert.equal(scene.steps.includes('1000 end'), true);
  });

  it('is given 25 s of grace unless told otherwise', async () => {
    const scene = new Scene(1, 0);
    await scene.clock.advance(25_000);
    assert.equal(scene.steps.includes('25000 end'), true);
  });

  it('can be shortened, and never made longer', async () => {
    const scene = new Scene(1, 3_000);
    await scene.clock.advance(1_000);
    scene.drain.shorten(500);
    scene.drain.shorten(20_000);
    await scene.clock.advance(500);
    assert.deepEqual(scene.steps.slice(1, 4), ['1500 refuse', '1500 leave', '1500 end']);
  });

  it('refuses wrong options', () => {
    for (const [options, message] of [
      [{ grace: 1 }, 'server.close: unknown option "grace"; did you mean "graceMs"?'],
      [{ drainMs: -1 }, 'server.close: drainMs must be a number from 0 to 3600000, got -1'],
      [{ graceMs: '1' }, 'server.close: graceMs must be a number from 0 to 3600000, got "1"'],
    ] as const)
      assert.throws(() => resolveCloseOptions(options as never), { name: 'TypeError', message });
  });
});

describe('server.close() under calls', () => {
  it('lets running calls end, and takes no new ones', async () => {
    await using bench = setUp({
      run: (ms) => new Promise((resolve) => bench.clock.schedule(ms as number, () => resolve('done'))),
    });
    const running = bench.work.with({ timeoutMs: 10_000 }).run(2_000);
    await bench.clock.advance(10);
    let isClosed = false;
    const closed = bench.server.close().then(() => {
      isClosed = true;
    });
    await bench.clock.advance(10);
    const late = assert.rejects(bench.work.run(1), { code: 'UNAVAILABLE', progress: 'unsent' });
    await bench.clock.advance(1_000);
    await late;
    assert.equal(isClosed, false);
    await bench.clock.advance(1_000);
    assert.equal(await running, 'done');
    await closed;
    assert.equal(bench.server.running, 0);
  });

  it('waits for one-way calls whose client has left, and cuts them off when the grace is over', async () => {
    const contexts: CallContext[] = [];
    const bench = setUp({
      tell: () => {
        contexts.push(callContext()!);
        return new Promise(() => {});
      },
    });
    await bench.work.with({ timeoutMs: 60_000 }).tell('news');
    await bench.clock.advance(10);
    await bench[Symbol.asyncDispose]();
    await bench.clock.advance(2_000);
    const closed = bench.server.close({ graceMs: 1_000 });
    await bench.clock.advance(999);
    assert.equal(contexts[0]!.signal.aborted, false);
    await bench.clock.advance(1);
    await closed;
    assert.match(String(contexts[0]!.signal.reason), /the server is shutting down/);
  });

  it('cuts off a handler that never ends when the grace is over: its signal aborts, its caller hears of it', async () => {
    const contexts: CallContext[] = [];
    await using bench = setUp({
      run: () => {
        contexts.push(callContext()!);
        return new Promise(() => {});
      },
    });
    const running = assert.rejects(bench.work.with({ timeoutMs: 60_000 }).run(), {
      code: 'UNAVAILABLE',
      progress: 'processed',
      reason: 'the server is shutting down: the handler was cut off before it had ended',
    });
    await bench.clock.advance(10);
    const closed = bench.server.close({ graceMs: 1_000 });
    await bench.clock.advance(999);
    assert.equal(contexts[0]!.signal.aborted, false);
    await bench.clock.advance(1);
    await Promise.all([closed, running]);
    assert.equal(contexts[0]!.signal.aborted, true);
    assert.match((contexts[0]!.signal.reason as RpcError).message, /the server is shutting down/);
  });

  it('waits for one-way calls too', async () => {
    const done: unknown[] = [];
    await using bench = setUp({
      tell: (what) => new Promise<void>((resolve) => bench.clock.schedule(500, resolve)).then(() => done.push(what)),
    });
    await bench.work.tell('news');
    await bench.clock.advance(10);
    const closed = bench.server.close();
    await bench.clock.advance(500);
    await closed;
    assert.deepEqual(done, ['news']);
  });

  it('tells observers: draining with its reason, then closed', async () => {
    await using bench = setUp();
    const events: unknown[] = [];
    bench.server.on('draining', (event) => events.push(event));
    bench.server.on('closed', () => events.push('closed'));
    await bench.work.run();
    const closed = bench.server.close({ reason: 'deploy' });
    await bench.clock.advance(10);
    await closed;
    assert.deepEqual(events, [{ reason: 'deploy' }, 'closed']);
  });
});

describe('a handler of a server that drains', () => {
  it('learns of it before anything is aborted, and ends in order: the stop takes no grace', async () => {
    const told: unknown[] = [];
    const run = (): Promise<string> => {
      const { draining, signal } = callContext()!;
      assert.equal(draining.aborted, false);
      return new Promise((resolve) => {
        draining.addEventListener(
          'abort',
          () => {
            told.push([signal.aborted, String(draining.reason)]);
            resolve('what there is so far');
          },
          { once: true, signal },
        );
      });
    };
    await using bench = setUp({ run });
    const polls = Promise.all(Array.from({ length: 20 }, () => bench.work.run()));
    await bench.clock.advance(0);
    const began = bench.clock.now();
    const closed = bench.server.close({ reason: 'deploy', drainMs: 0 });
    assert.deepEqual(await polls, Array(20).fill('what there is so far'));
    await bench.clock.advance(100);
    await closed;
    assert.deepEqual(told, Array(20).fill([false, 'RpcError: UNAVAILABLE: deploy']));
    assert.ok(bench.clock.now() - began <= 100);
  });

  it('finds it in a stream, which ends in order for its reader', async () => {
    const clock = new FakeClock(1_000);
    const News = defineService('news', { latest: stream<() => AsyncIterable<unknown>>() });
    const server = createServer({ registry: memory(), clock }).add(News, {
      async *latest() {
        const { draining } = callContext()!;
        yield 'first';
        await new Promise((resolve) => draining.addEventListener('abort', resolve, { once: true }));
        yield 'last';
      },
    });
    await using client = connect(server, { clock });
    const items = client.service(News).latest()[Symbol.asyncIterator]();
    assert.equal((await items.next()).value, 'first');
    const closed = server.close({ drainMs: 0 });
    assert.equal((await items.next()).value, 'last');
    assert.equal((await items.next()).done, true);
    await clock.advance(100);
    await closed;
  });

  it('says so to the reader of a stream without end, which can move; who does not gets the reason after the last item', async () => {
    const clock = new FakeClock(1_000);
    const News = defineService('news', { latest: stream<() => AsyncIterable<unknown>>() });
    const server = createServer({ registry: memory(), clock }).add(News, {
      async *latest() {
        yield 'first';
        await new Promise(() => {});
      },
    });
    await using client = connect(server, { clock });
    const told: string[] = [];
    const news = client.service(News).with({ onDraining: (reason) => told.push(reason) });
    const items = news.latest()[Symbol.asyncIterator]();
    assert.equal((await items.next()).value, 'first');
    const next = assert.rejects(items.next(), {
      code: 'UNAVAILABLE',
      reason: 'deploy: the handler was cut off before it had ended',
    });
    const closed = server.close({ drainMs: 0, graceMs: 2_000, reason: 'deploy' });
    await clock.advance(0);
    assert.deepEqual(told, ['deploy']);
    await clock.advance(2_000);
    await next;
    await clock.advance(1_000);
    await closed;
  });
});
