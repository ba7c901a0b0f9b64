import assert from 'node:assert/strict';
import {
  type AnswerCallbacksOptions,
  answerCallbacks,
  type CallbackItem,
  type CallbackStream,
  type Caller,
  type CallingBackOptions,
  callContext,
  callingBack,
  createClient,
  createServer,
  defineService,
  duplex,
  isRpcError,
  memory,
  method,
  notify,
  RpcError,
  type ServiceHandlers,
  stream,
} from '@org/rpc';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';

const Watcher = defineService('watcher', {
  changed: method<(topic: string, price: number) => string>(),
  slow: method<() => Promise<string>>({ timeoutMs: 200 }),
  echo: method<(value: unknown) => unknown>(),
  hint: notify<(text: unknown) => void>(),
});
const Prices = defineService('prices', {
  watch: duplex<CallbackStream<[topic: string]>>(),
});

const forever = (): Promise<never> => new Promise(() => {});
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
};

interface Setting {
  readonly handlers?: Partial<ServiceHandlers<typeof Watcher>>;
  readonly answering?: AnswerCallbacksOptions;
  readonly calling?: CallingBackOptions;
}

/** A server, a client that has opened itself, and the client as the server's handler sees it. */
async function open({ handlers, answering, calling }: Setting = {}) {
  const clock = new FakeClock(1_000);
  const callers: Caller<typeof Watcher>[] = [];
  const errors: unknown[] = [];
  const lost: RpcError[] = [];
  let leave: (error?: unknown) => void = () => {};
  const server = createServer({ registry: memory(), clock });
  server.on('handlerError', ({ error }) => errors.push(error));
  server.add(Prices, {
    watch: callingBack(
      Watcher,
      (caller, topic) => {
        assert.equal(topic, 'tea');
        callers.push(caller);
        return new Promise((resolve, reject) => {
          leave = (error) => (error === undefined ? resolve() : reject(error));
        });
      },
      { clock, ...calling },
    ),
  });
  const client = connect(server, { clock, random: seededRandom(1) });
  const prices = client.service(Prices);
  const options = {
    clock,
    random: () => 0.5,
    onError: (error: unknown) => errors.push(error),
    onLost: (e: RpcError) => lost.push(e),
  };
  const answering_ = answerCallbacks(
    (answers) => prices.watch(answers, 'tea'),
    Watcher,
    {
      changed: (topic, price) => `${topic} costs ${price}`,
      slow: forever,
      echo: (value) => value,
      hint: () => {},
      ...handlers,
    },
    { ...options, ...answering },
  );
  await turns();
  return {
    clock,
    server,
    client,
    errors,
    lost,
    callers,
    answering: answering_,
    caller: callers[0]!,
    leave: (error?: unknown) => leave(error),
    [Symbol.asyncDispose]: async () => {
      answering_.close();
      await client.close();
      await Promise.all([server.close({ drainMs: 0, graceMs: 0 }), clock.advance(100)]);
    },
  };
}

describe('a server that calls its client', () => {
  it('gets answers of handlers, by the contract, and tells without one', async () => {
    const hints: unknown[] = [];
    await using bench = await open({ handlers: { hint: (text) => void hints.push(text) } });
    const { calls } = bench.caller;
    assert.equal(await calls.changed('tea', 5), 'tea costs 5');
    assert.deepEqual(await calls.echo({ at: new Date(5), bytes: Buffer.from('ab') }), {
      at: new Date(5),
      bytes: Buffer.from('ab'),
    });
    await Promise.all([calls.hint('a'), calls.hint('b')]);
    await turns();
    assert.deepEqual(hints, ['a', 'b']);
    const many = await Promise.all(Array.from({ length: 300 }, (_, i) => calls.changed('tea', i)));
    assert.equal(many[299], 'tea costs 299');
  });

  it('gets what a handler throws for it, and nothing of what it throws by mistake', async () => {
    const handlers = {
      echo: (what: unknown) => {
        throw what === 'known' ? new RpcError('NOT_FOUND', 'no tea', { details: { id: 7 } }) : new Error('a secret');
      },
    };
    await using bench = await open({ handlers });
    await assert.rejects(bench.caller.calls.echo('known'), { code: 'NOT_FOUND', reason: 'no tea', details: { id: 7 } });
    await assert.rejects(bench.caller.calls.echo('else'), { code: 'INTERNAL', reason: 'the handler failed' });
    assert.equal(String(bench.errors[0]), 'Error: a secret');
  });

  it('keeps deadlines: the caller hears of it, and the handler sees its signal abort', async () => {
    const seen: unknown[] = [];
    const handlers = {
      slow: () => {
        const { signal, service, method, remainingMs } = callContext()!;
        seen.push(service, method, remainingMs.call(callContext()) <= 200);
        signal.addEventListener('abort', () => seen.push(isRpcError(signal.reason) && signal.reason.code));
        return forever();
      },
    };
    await using bench = await open({ handlers });
    const late = assert.rejects(bench.caller.calls.slow(), { code: 'DEADLINE_EXCEEDED', progress: 'maybe-processed' });
    await turns();
    await bench.clock.advance(200);
    await late;
    await turns();
    assert.deepEqual(seen, ['watcher', 'slow', true, 'DEADLINE_EXCEEDED']);
  });

  it('may give up: the handler sees its signal abort', async () => {
    const reasons: unknown[] = [];
    const handlers = {
      slow: () => {
        const { signal } = callContext()!;
        signal.addEventListener('abort', () => reasons.push(isRpcError(signal.reason) && signal.reason.code));
        return forever();
      },
    };
    await using bench = await open({ handlers });
    const controller = new AbortController();
    const cancelled = assert.rejects(bench.caller.calls.with({ signal: controller.signal, timeoutMs: 5_000 }).slow(), {
      code: 'CANCELLED',
    });
    await turns();
    controller.abort();
    await cancelled;
    await turns();
    assert.deepEqual(reasons, ['CANCELLED']);
    await assert.rejects(bench.caller.calls.with({ signal: controller.signal }).echo(1), { code: 'CANCELLED' });
    assert.throws(() => bench.caller.calls.with({ retry: false } as never), /unknown option "retry"/);
  });

  it('pays for what cannot be sent or read with that call alone', async () => {
    const handlers = { echo: (value: unknown) => (value === 'odd' ? () => 1 : 'x'.repeat(70_000)) };
    await using bench = await open({ handlers });
    const { calls } = bench.caller;
    await assert.rejects(calls.echo(Symbol('x')), { code: 'INVALID_ARGUMENT', progress: 'unsent' });
    await assert.rejects(calls.echo('x'.repeat(70_000)), { code: 'RESOURCE_EXHAUSTED', progress: 'unsent' });
    await assert.rejects(calls.echo('odd'), { code: 'INVALID_ARGUMENT' });
    await assert.rejects(calls.echo('large'), { code: 'RESOURCE_EXHAUSTED' });
    assert.equal(await calls.changed('tea', 1), 'tea costs 1');
  });

  it('has no more calls under way than both sides allow; the others wait, so many', async () => {
    let running = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const handlers = {
      echo: (value: unknown) => {
        most = Math.max(most, ++running);
        return new Promise((resolve) => {
          ends.push(() => {
            running--;
            resolve(value);
          });
        });
      },
    };
    await using bench = await open({ handlers, answering: { max: 3 }, calling: { queue: 5, timeoutMs: 60_000 } });
    const all = Promise.allSettled(Array.from({ length: 10 }, (_, i) => bench.caller.calls.echo(i)));
    await turns();
    for (let i = 0; i < 10; i++) {
      for (const end of ends.splice(0)) end();
      await turns();
    }
    const outcomes = await all;
    assert.equal(most, 3);
    assert.ok(outcomes.filter(({ status }) => status === 'fulfilled').length >= 5);
    const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    assert.ok(refused.length > 0 && refused.every(({ reason }) => isRpcError(reason, 'RESOURCE_EXHAUSTED')));
  });

  it('learns that its client has left, and so do its calls', async () => {
    await using bench = await open();
    const lost = assert.rejects(bench.caller.calls.with({ timeoutMs: 5_000 }).slow(), {
      code: 'UNAVAILABLE',
      progress: 'maybe-processed',
    });
    await turns();
    bench.answering.close();
    await bench.answering.ended;
    await lost;
    assert.equal(bench.caller.closed.aborted, true);
    await assert.rejects(bench.caller.calls.changed('tea', 1), { code: 'UNAVAILABLE', progress: 'unsent' });
  });

  it('ends the stream after the last answer when its handler returns, and with the error that it throws', async () => {
    await using bench = await open();
    const last = bench.caller.calls.changed('tea', 1);
    bench.leave();
    assert.equal(await last, 'tea costs 1');
    await bench.answering.ended;
    await using other = await open();
    const ended = assert.rejects(other.answering.ended, { code: 'PERMISSION_DENIED', reason: 'not for you' });
    other.leave(new RpcError('PERMISSION_DENIED', 'not for you'));
    await ended;
  });

  it('is found again by its client after the stream was lost', async () => {
    await using bench = await open();
    bench.leave(new RpcError('UNAVAILABLE', 'gone for a while'));
    await turns();
    assert.deepEqual([bench.callers.length, bench.lost.map(({ code }) => code)], [1, ['UNAVAILABLE']]);
    await bench.clock.advance(50);
    await turns();
    assert.equal(bench.callers.length, 2);
    assert.equal(await bench.callers[1]!.calls.changed('tea', 2), 'tea costs 2');
  });

  it('takes no more calls when it drains, and tells its client to go elsewhere', async () => {
    await using bench = await open();
    const closing = bench.server.close({ drainMs: 0, graceMs: 1_000 });
    await turns();
    await assert.rejects(bench.caller.calls.changed('tea', 1), /UNAVAILABLE: .*draining/);
    assert.deepEqual(
      bench.lost.map(({ code }) => code),
      ['UNAVAILABLE'],
    );
    bench.answering.close();
    await Promise.all([closing, bench.clock.advance(2_000)]);
  });

  it('shows that it lives, however long nothing happens', async () => {
    await using bench = await open();
    for (let i = 0; i < 10; i++) await bench.clock.advance(30_000);
    assert.equal(bench.lost.length, 0);
    assert.equal(await bench.caller.calls.changed('tea', 3), 'tea costs 3');
  });

  it('ends the call of its client with UNIMPLEMENTED where it does not know it', async () => {
    const server = createServer({ registry: memory() }).add(defineService('other', { a: method<() => void>() }), {
      a: () => {},
    });
    await using client = createClient({ server });
    const prices = client.service(Prices);
    const handlers = { changed: () => '', slow: async () => '', echo: () => 1, hint: () => {} };
    const answering = answerCallbacks((answers) => prices.watch(answers, 'tea'), Watcher, handlers);
    await assert.rejects(answering.ended, { code: 'UNIMPLEMENTED' });
  });

  it('refuses contracts with streams, and handlers that are missing', () => {
    const Streams = defineService('streams', { all: stream<() => AsyncIterable<number>>() });
    assert.throws(
      () => callingBack(Streams, () => {}),
      /streams\.all is a stream method, and callbacks have no streams/,
    );
    const openNone = (): AsyncIterable<CallbackItem> => assert.fail();
    assert.throws(() => answerCallbacks(openNone, Streams, {} as never), /callbacks have no streams/);
    assert.throws(
      () => answerCallbacks(openNone, Watcher, { echo: () => 1 } as never),
      /a handler for watcher\.changed is missing/,
    );
  });
});

describe('a server of callbacks that means harm', () => {
  /** Answers with these items, whatever the client says. */
  async function harm(
    items: Iterable<unknown> | AsyncIterable<unknown>,
    handlers: Partial<ServiceHandlers<typeof Watcher>> = {},
  ) {
    let heard = 0;
    async function* hostile(answers: AsyncIterable<CallbackItem>): AsyncGenerator<CallbackItem> {
      void (async () => {
        for await (const _ of answers) heard++;
      })().catch(() => {});
      yield* items as AsyncIterable<CallbackItem>;
    }
    const own = { changed: () => '', slow: forever, echo: (value: unknown) => value, hint: () => {}, ...handlers };
    const answering = answerCallbacks(hostile, Watcher, own, { onError: () => {}, reopen: false });
    return { ended: answering.ended, heard: () => heard };
  }
  const bytes = Buffer.from([0x90]);

  for (const item of [
    7,
    null,
    'x',
    { a: 1 },
    ['a'],
    [-1],
    [1, 2, bytes, 5],
    [1, 'echo', bytes],
    [1, 'echo', bytes, 'soon'],
  ])
    it(`costs its stream alone: ${JSON.stringify(item).slice(0, 40)}`, async () => {
      const { ended } = await harm([item]);
      await assert.rejects(ended, /makes no sense/);
    });

  it('is answered for each call that cannot be read, and calls nothing', async () => {
    const items = [
      [1, 'echo', 'no bytes', 5_000],
      [2, 'echo', Buffer.from([0xc1]), 5_000],
      [3, 'echo', Buffer.from([0x01]), 5_000],
      [4, '__proto__', bytes, 5_000],
      [5, 'constructor', bytes, 5_000],
      [6, 'x'.repeat(50_000), bytes, 5_000],
      [7, 'echo', Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), 5_000],
    ];
    const { ended, heard } = await harm(
      (async function* () {
        yield* items;
        await turns();
      })(),
      { echo: () => assert.fail() },
    );
    await ended;
    assert.equal(heard(), 1 + items.length);
  });

  it('is held back: no more of its calls run at once than the client takes, of whatever kind', async () => {
    let running = 0;
    let given = 0;
    const flood = function* (): Generator<unknown> {
      for (; given < 10_000; given++) yield [0, 'hint', Buffer.from([0x91, 0x01]), 60_000];
    };
    const hint = (): Promise<never> => {
      running++;
      return forever();
    };
    void (await harm(flood(), { hint })).ended.catch(() => {});
    await turns();
    assert.equal(running, 64);
    assert.ok(given <= 66);
  });
});
