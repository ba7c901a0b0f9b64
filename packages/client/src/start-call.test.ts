import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { type CallContext, callContext, detached, type ResponseInfo, RpcError } from '@org/rpc-core';
import { FakeClock, runInCallContext } from '@org/rpc-testkit';
import { type OpenShop, openShop, type ShopHandlers } from '../test/shop.js';

describe('a call and undefined', () => {
  it('sends no trailing argument that is undefined, so that defaults work', async () => {
    await using open = openShop();
    assert.equal(await open.shop.add(1), 111);
    assert.equal(await open.shop.add(1, undefined, undefined), 111);
    assert.equal(await open.shop.add(1, undefined, 3), 14);
    assert.deepEqual(await open.shop.echo('a', undefined, undefined), ['a']);
    assert.deepEqual(await open.shop.echo(undefined), []);
  });

  it('keeps null, and undefined between arguments and in lists; a property that is undefined is left out', async () => {
    await using open = openShop();
    assert.deepEqual(await open.shop.echo(undefined, null), [undefined, null]);
    assert.deepEqual(await open.shop.echo([undefined, 1], { a: undefined, b: 1 }), [[undefined, 1], { b: 1 }]);
  });

  it('gives undefined for a method without a result, and null for null', async () => {
    await using open = openShop({ handlers: { run: async (job) => (job === 'null' ? null : undefined) } });
    assert.equal(await open.shop.nothing(), undefined);
    assert.equal(await open.shop.run('nothing'), undefined);
    assert.equal(await open.shop.run('null'), null);
  });

  it('leaves the arguments of client.call as they are', async () => {
    await using open = openShop();
    const args = ['a', undefined];
    await open.client.call('shop', 'echo', args);
    assert.deepEqual(args, ['a', undefined]);
  });
});

describe('a call that is given up', () => {
  it('sends nothing when it is aborted before it starts, and has the reason as its cause', async () => {
    const reached: string[] = [];
    await using open = openShop({ handlers: { run: (job) => reached.push(job) } });
    const reason = new Error('the user left');
    await assert.rejects(open.shop.with({ signal: AbortSignal.abort(reason) }).run('a'), {
      code: 'CANCELLED',
      message: 'CANCELLED: shop.run was cancelled by the caller',
      progress: 'unsent',
      cause: reason,
    });
    await open.clock.advance(0);
    assert.deepEqual(reached, []);
  });

  it('rejects at once when it is aborted, and tells the handler, whose signal aborts', async () => {
    const contexts: CallContext[] = [];
    await using open = openShop({
      handlers: {
        run: () => {
          contexts.push(callContext()!);
          assert.equal(callContext()!.signal.aborted, false);
          return new Promise(() => {});
        },
      },
    });
    const controller = new AbortController();
    const call = open.shop.with({ signal: controller.signal }).run('a');
    await open.clock.advance(10);
    controller.abort('enough');
    await assert.rejects(call, {
      code: 'CANCELLED',
      cause: 'enough',
      progress: 'maybe-processed',
      endpoint: 'memory:1',
    });
    await open.clock.advance(0);
    assert.equal(contexts[0]!.signal.aborted, true);
    assert.equal((contexts[0]!.signal.reason as RpcError).code, 'CANCELLED');
  });

  it('rejects at once when it is aborted in the pause before a retry', async () => {
    const unavailable = (): never => {
      throw new RpcError('UNAVAILABLE', 'not now');
    };
    await using open = openShop({ handlers: { add: unavailable }, client: { random: () => 0.999 } });
    const controller = new AbortController();
    const call = open.shop.with({ signal: controller.signal }).add(1);
    await open.clock.advance(1);
    const pending = open.clock.now();
    controller.abort('enough');
    await assert.rejects(call, { code: 'CANCELLED', cause: 'enough' });
    assert.equal(open.clock.now(), pending);
  });

  it('takes its listener off the signal, however it ends', async () => {
    await using open = openShop();
    const { signal } = new AbortController();
    const shop = open.shop.with({ signal, timeoutMs: 50 });
    await shop.add(1);
    await assert.rejects(shop.run(Symbol('unsendable') as never), { code: 'INVALID_ARGUMENT' });
    await Promise.all([assert.rejects(shop.hang(), { code: 'DEADLINE_EXCEEDED' }), open.clock.advance(50)]);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });
});

describe('onResponse', () => {
  it('tells what came beside the result, before the promise resolves', async () => {
    await using open = openShop({
      handlers: {
        run: async () => {
          callContext()!.responseMetadata['served-by'] = 'the handler';
          await new Promise<void>((resolve) => open.clock.schedule(25, resolve));
        },
      },
    });
    const infos: ResponseInfo[] = [];
    const call = open.shop.with({ onResponse: (info) => infos.push(info) }).run('a');
    const before = call.then(() => infos.length);
    await open.clock.advance(25);
    assert.equal(await before, 1);
    const [{ metadata, ...rest }] = infos as [ResponseInfo];
    assert.deepEqual({ ...metadata }, { 'served-by': 'the handler' });
    assert.deepEqual(rest, { endpoint: 'memory:1', attempts: 1, durationMs: 25 });
  });

  it('counts the attempts, waits included in the duration', async () => {
    let calls = 0;
    await using open = openShop({
      handlers: {
        add: () => {
          if (calls++ < 2) throw new RpcError('UNAVAILABLE', 'not now', { retryAfterMs: 30 });
          return 7;
        },
      },
    });
    const infos: ResponseInfo[] = [];
    const call = open.shop.with({ onResponse: (info) => infos.push(info) }).add(1);
    await open.clock.advance(100);
    assert.equal(await call, 7);
    assert.deepEqual(
      infos.map(({ attempts, durationMs }) => [attempts, durationMs]),
      [[3, 60]],
    );
  });

  it('runs for one-way calls too, and never for a call that fails', async () => {
    await using open = openShop();
    const infos: ResponseInfo[] = [];
    const shop = open.shop.with({ onResponse: (info) => infos.push(info), timeoutMs: 50 });
    await shop.tell('news');
    assert.deepEqual(
      infos.map(({ attempts, durationMs }) => [attempts, durationMs]),
      [[1, 0]],
    );
    await Promise.all([assert.rejects(shop.hang()), open.clock.advance(50)]);
    assert.equal(infos.length, 1);
  });

  it('harms no call when it throws: it surfaces as what it is', async () => {
    await using open = openShop();
    const thrown = new Error('mistake of the hook');
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
    try {
      const hooked = open.shop.with({
        onResponse: () => {
          throw thrown;
        },
      });
      assert.deepEqual(await Promise.all([hooked.add(1, 1, 1), open.shop.add(2, 2, 2)]), [3, 6]);
      assert.equal(await uncaught, thrown);
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });
});

describe('callContext()', () => {
  it('is undefined outside of a call', () => {
    assert.equal(callContext(), undefined);
  });

  it('tells a handler who calls what, with what, and until when', async () => {
    const seen: unknown[] = [];
    await using open = openShop({
      handlers: {
        run: async () => {
          const { service, method, metadata, deadline, peer } = callContext()!;
          await new Promise<void>((resolve) => open.clock.schedule(40, resolve));
          seen.push({ service, method, metadata: { ...metadata }, deadline, peer: peer.address });
          seen.push(callContext()!.remainingMs());
        },
      },
    });
    const call = open.shop.with({ timeoutMs: 200, metadata: { tenant: 'a' } }).run('a');
    await open.clock.advance(40);
    await call;
    assert.deepEqual(seen, [
      { service: 'shop', method: 'run', metadata: { tenant: 'a' }, deadline: 1_200, peer: 'memory:server' },
      160,
    ]);
  });

  it('aborts its signal when the deadline passes', async () => {
    const contexts: CallContext[] = [];
    const run = (): Promise<never> => {
      contexts.push(callContext()!);
      assert.equal(callContext()!.signal.aborted, false);
      return new Promise(() => {});
    };
    await using open = openShop({ handlers: { run } });
    const call = open.shop.with({ timeoutMs: 200 }).run('a');
    await Promise.all([assert.rejects(call, { code: 'DEADLINE_EXCEEDED' }), open.clock.advance(200)]);
    assert.equal(contexts[0]!.signal.aborted, true);
    assert.equal(contexts[0]!.remainingMs(), 0);
  });
});

/** A shop whose handler `run` calls another shop, the back, by the function that the test gives. */
function frontAndBack(
  call: (back: OpenShop['shop']) => unknown,
  backHandlers: ShopHandlers = {},
  propagate: readonly string[] = [],
): { front: OpenShop; back: OpenShop; clock: FakeClock; received: Record<string, string>[] } & AsyncDisposable {
  const clock = new FakeClock(1_000);
  const received: Record<string, string>[] = [];
  const authorize = ({ metadata }: CallContext): void => void received.push({ ...metadata });
  const back = openShop({ clock, handlers: backHandlers, server: { authorize }, client: { propagate } });
  const front = openShop({ clock, handlers: { run: () => call(back.shop) } });
  const close = async (): Promise<void> => {
    await front.client.close();
    await back.client.close();
  };
  return { front, back, clock, received, [Symbol.asyncDispose]: close };
}

describe('a call made inside a handler', () => {
  it('has no more time than what is left of the call being served', async () => {
    const deadlines: number[] = [];
    await using both = frontAndBack((back) => back.with({ timeoutMs: 5_000 }).run('deeper'), {
      run: () => deadlines.push(callContext()!.deadline),
    });
    await both.front.shop.with({ timeoutMs: 300 }).run('a');
    assert.deepEqual(deadlines, [1_300]);
  });

  it('has the time that it asks for when that is less', async () => {
    const deadlines: number[] = [];
    await using both = frontAndBack((back) => back.with({ timeoutMs: 50 }).run('deeper'), {
      run: () => deadlines.push(callContext()!.deadline),
    });
    await both.front.shop.with({ timeoutMs: 300 }).run('a');
    assert.deepEqual(deadlines, [1_050]);
  });

  it('is not sent when the deadline of the call being served has passed', async () => {
    const errors: unknown[] = [];
    await using both = frontAndBack(async (back) => {
      await new Promise<void>((resolve) => both.clock.schedule(400, resolve));
      await back.run('too late').catch((error: unknown) => errors.push(error));
    });
    const call = both.front.shop.with({ timeoutMs: 300 }).run('a');
    await Promise.all([assert.rejects(call, { code: 'DEADLINE_EXCEEDED' }), both.clock.advance(500)]);
    const [error] = errors as [RpcError];
    assert.equal(both.received.length, 0);
    assert.equal(error.code, 'DEADLINE_EXCEEDED');
    assert.match(error.message, /the deadline of the call being served has passed: nothing was sent/);
  });

  it('is cancelled with the call being served, all the way down', async () => {
    const deepest: AbortSignal[] = [];
    await using both = frontAndBack((back) => back.run('deeper'), {
      run: () => {
        deepest.push(callContext()!.signal);
        return new Promise(() => {});
      },
    });
    const controller = new AbortController();
    const call = both.front.shop.with({ signal: controller.signal }).run('a');
    await both.clock.advance(10);
    controller.abort();
    await assert.rejects(call, { code: 'CANCELLED' });
    await both.clock.advance(0);
    assert.equal(deepest[0]!.aborted, true);
  });

  it('is cancelled by its own signal as well, and leaves no listener on it', async () => {
    const own = new AbortController();
    const errors: unknown[] = [];
    await using both = frontAndBack((back) =>
      back
        .with({ signal: own.signal })
        .hang()
        .catch((error: unknown) => errors.push(error)),
    );
    const call = both.front.shop.run('a');
    await both.clock.advance(10);
    own.abort('mine');
    await both.clock.advance(0);
    await call;
    assert.deepEqual(
      errors.map((error) => [(error as RpcError).code, (error as RpcError).cause]),
      [['CANCELLED', 'mine']],
    );
  });

  it('leaves no listener on a signal of its own, whether it succeeds, fails or never starts', async () => {
    const own = new AbortController();
    await using both = frontAndBack(async (back) => {
      const shop = back.with({ signal: own.signal, timeoutMs: 20 });
      await shop.add(1);
      await shop.run(Symbol('unsendable') as never).catch(() => {});
      await shop.hang().catch(() => {});
      await new Promise<void>((resolve) => both.clock.schedule(400, resolve));
      await shop.add(1).catch(() => {});
      return getEventListeners(own.signal, 'abort').length;
    });
    const call = both.front.shop.with({ timeoutMs: 600 }).run('a');
    await both.clock.advance(500);
    assert.equal(await call, 0);
  });

  it('carries on the trace and the keys that are named, and nothing else of the metadata', async () => {
    await using both = frontAndBack((back) => back.with({ metadata: { own: '1' } }).add(1), {}, ['tenant']);
    const metadata = { traceparent: '00-1', baggage: 'k=v', tenant: 'a', authorization: 'secret', cookie: 'secret' };
    await both.front.shop.with({ metadata }).run('a');
    assert.deepEqual(both.received, [{ traceparent: '00-1', baggage: 'k=v', tenant: 'a', own: '1' }]);
  });

  it('may say something else than what it would inherit', async () => {
    await using both = frontAndBack((back) => back.with({ metadata: { tenant: 'b' } }).add(1), {}, ['tenant']);
    await both.front.shop.with({ metadata: { tenant: 'a' } }).run('a');
    assert.deepEqual(both.received, [{ tenant: 'b' }]);
  });

  it('inherits nothing where it is detached, and outlives the call', async () => {
    const deadlines: number[] = [];
    const done: string[] = [];
    await using both = frontAndBack(
      (back) => {
        detached(() => back.with({ timeoutMs: 5_000 }).run('audit')).then(() => done.push('audit'));
        assert.notEqual(callContext(), undefined);
        return 'answered';
      },
      {
        run: async () => {
          deadlines.push(callContext()!.deadline);
          await new Promise<void>((resolve) => both.clock.schedule(2_000, resolve));
        },
      },
    );
    const metadata = { traceparent: '00-1' };
    assert.equal(await both.front.shop.with({ timeoutMs: 300, metadata }).run('a'), 'answered');
    await both.clock.advance(2_000);
    assert.deepEqual(deadlines, [6_000]);
    assert.deepEqual(done, ['audit']);
    assert.deepEqual(both.received, [{}]);
  });

  it('inherits from a context that a test sets up', async () => {
    await using open = openShop({ handlers: { run: () => ({ ...callContext()!.metadata }) } });
    const inside = runInCallContext({ metadata: { traceparent: '00-1', other: 'x' } }, () => open.shop.run('a'));
    assert.deepEqual(await inside, { traceparent: '00-1' });
  });
});
