import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { configure, type Propagation, type ServiceConfiguration } from '@org/rpc-client';
import { type CallContext, callContext, detached, type RpcError } from '@org/rpc-core';
import { FakeClock, runInCallContext } from '@org/rpc-testkit';
import { type OpenShop, openShop, Shop, type ShopHandlers } from './shop.js';

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
  propagate: Propagation = [],
  services: readonly ServiceConfiguration[] = [],
): { front: OpenShop; back: OpenShop; clock: FakeClock; received: Record<string, string>[] } & AsyncDisposable {
  const clock = new FakeClock(1_000);
  const received: Record<string, string>[] = [];
  const authorize = ({ metadata }: CallContext): void => void received.push({ ...metadata });
  const back = openShop({ clock, handlers: backHandlers, server: { authorize }, client: { propagate, services } });
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

  for (const [kept, propagate, crosses] of [
    ['all of it from services of others', false, {}],
    ['the baggage, and lets the trace pass', { only: ['traceparent'] }, { traceparent: '00-1' }],
  ] as const) {
    const metadata = { traceparent: '00-1', baggage: 'k=v', tenant: 'a' };

    it(`keeps ${kept}, when its client says so`, async () => {
      await using both = frontAndBack((back) => back.add(1), {}, propagate);
      await both.front.shop.with({ metadata }).run('a');
      assert.deepEqual(both.received, [crosses]);
    });

    it(`keeps ${kept}, when that is said of this service`, async () => {
      await using both = frontAndBack((back) => back.add(1), {}, ['tenant'], [configure(Shop, { propagate })]);
      await both.front.shop.with({ metadata }).run('a');
      assert.deepEqual(both.received, [crosses]);
    });
  }

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
