import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { type CallContext, callContext, type ResponseInfo, RpcError } from '@org/rpc-core';
import { openShop } from './shop.js';
import { uncaughtIn } from './uncaught.js';

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
    const abortedAt = open.clock.now();
    controller.abort('enough');
    await assert.rejects(call, (error: RpcError) => {
      assert.deepEqual([error.code, error.cause, error.attempts.length], ['CANCELLED', 'enough', 1]);
      return true;
    });
    assert.equal(open.clock.now(), abortedAt);
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
      // What a server asks to wait is drawn out by chance.
      client: { random: () => 0 },
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
    const hooked = open.shop.with({
      onResponse: () => {
        throw thrown;
      },
    });
    const uncaught = await uncaughtIn(async () => {
      assert.deepEqual(await Promise.all([hooked.add(1, 1, 1), open.shop.add(2, 2, 2)]), [3, 6]);
    });
    assert.equal(uncaught, thrown);
  });
});
