import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { callContext, observe, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { setUp } from '../test/bench.js';

describe('what a handler throws', () => {
  it('is the end of its time when a wait of Node.js was given its signal: no fault, and nothing for the log', async () => {
    let thrown: unknown;
    await using bench = setUp({
      async run() {
        const { signal } = callContext()!;
        try {
          await once(new EventEmitter(), 'never', { signal });
        } catch (error) {
          thrown = error;
          throw error;
        }
      },
    });
    const answer = bench.work.run();
    const failed = assert.rejects(answer, { code: 'DEADLINE_EXCEEDED' });
    await bench.clock.advance(2_000);
    await failed;
    assert.deepEqual([(thrown as Error).name, bench.errors], ['AbortError', []]);
  });

  it('reaches the caller as it is when it is an RpcError of its own', async () => {
    await using bench = setUp({
      run: () => {
        throw new RpcError('NOT_FOUND', 'no such user', {
          details: { id: 7 },
          retryAfterMs: 250,
          cause: new Error('x'),
        });
      },
    });
    await assert.rejects(bench.work.run(), (error: RpcError) => {
      const { code, message, details, retryAfterMs, progress, service, method, endpoint, cause } = error;
      assert.deepEqual(
        { code, message, details, retryAfterMs, progress, service, method, endpoint, cause },
        {
          code: 'NOT_FOUND',
          message: 'NOT_FOUND: no such user (work.run at memory:1)',
          details: { id: 7 },
          retryAfterMs: 250,
          progress: 'processed',
          service: 'work',
          method: 'run',
          endpoint: 'memory:1',
          cause: undefined,
        },
      );
      assert.deepEqual(
        error.attempts.map(({ endpoint: at, code: of }) => [at, of]),
        [['memory:1', 'NOT_FOUND']],
      );
      return true;
    });
    assert.deepEqual(bench.errors, []);
  });

  it('arrives without its details when these cannot be sent', async () => {
    await using bench = setUp({
      run: () => {
        throw new RpcError('NOT_FOUND', 'no such user', { details: { by: () => 1 } });
      },
    });
    await assert.rejects(bench.work.run(), {
      message: 'NOT_FOUND: no such user (work.run at memory:1)',
      details: undefined,
    });
  });

  const secret = 'password=hunter2';
  for (const [what, thrown] of [
    ['an Error', new Error(secret)],
    ['a subclass of Error', new (class extends RangeError {})(secret)],
    ['a text', secret],
    ['an object', { secret }],
    ['null', null],
    ['undefined', undefined],
    ['a symbol', Symbol(secret)],
    ['an object that hates to be looked at', Object.create(null)],
    [
      'an object with a throwing getter',
      {
        get code(): string {
          throw new Error(secret);
        },
      },
    ],
  ] as const)
    for (const how of ['throws', 'rejects'])
      it(`is ${what}: the caller learns an id and nothing else, the event has the rest (${how})`, async () => {
        await using bench = setUp({
          run: () => {
            if (how === 'rejects') return Promise.reject(thrown);
            throw thrown;
          },
        });
        const error = await bench.work.run().then(
          () => assert.fail('it must reject'),
          (caught: RpcError) => caught,
        );
        const id =
          /^INTERNAL: the handler failed; the server's log has the reason under (\w{19}) \(work\.run at memory:1 \[\w+\]\)$/.exec(
            error.message,
          )?.[1];
        assert.notEqual(id, undefined, error.message);
        assert.deepEqual(
          [error.code, error.details, error.cause, error.progress],
          ['INTERNAL', undefined, undefined, 'processed'],
        );
        assert.equal(JSON.stringify({ ...error, stack: '' }).includes('hunter2'), false);
        const [event] = bench.errors;
        assert.deepEqual([event?.service, event?.method, event?.correlationId], ['work', 'run', id]);
        assert.equal(event?.error, thrown);
        assert.deepEqual(await bench.work.safe('goes on'), ['goes on']);
      });

  it('is a call of its own that was late: the caller learns which time was over, and who has set it', async () => {
    await using back = setUp({ run: () => new Promise(() => {}) });
    await using front = setUp({ run: () => back.work.with({ timeoutMs: 20 }).run() });
    const call = front.work.run().catch((error: RpcError) => error);
    await front.clock.advance(1);
    await back.clock.advance(20);
    const { code, message } = (await call) as RpcError;
    assert.equal(code, 'DEADLINE_EXCEEDED');
    assert.match(
      message,
      /the handler failed: its call of work\.run at \[\w+\] took longer than 20 ms, the timeoutMs of the call; the server's log has/,
    );
  });

  it('is a call of its own that the end of its time has cancelled: the caller learns what was waited for, the log nothing', async () => {
    await using back = setUp({ run: () => new Promise(() => {}) });
    let below: RpcError | undefined;
    await using front = setUp({
      run: () => {
        const { signal } = callContext()!;
        return back.work
          .with({ signal, timeoutMs: 60_000 })
          .run()
          .catch((error: RpcError) => {
            below = Object.assign(error, { instance: 'back-2' });
            throw error;
          });
      },
    });
    const told: string[] = [];
    const watching = observe({
      server: (what) => what.type === 'callEnd' && told.push(`${what.call.error?.code}`),
    });
    const call = front.work.run().catch((error: RpcError) => error);
    await front.clock.advance(1);
    await back.clock.advance(990);
    await front.clock.advance(2_000);
    const { code, reason } = (await call) as RpcError;
    watching.close();
    assert.equal(code, 'DEADLINE_EXCEEDED');
    assert.match(
      reason,
      /work\.run: the caller's deadline has passed while its handler waited for its call of work\.run at \[back-2\]/,
    );
    assert.deepEqual([below?.code, below?.spent?.totalMs, below?.spent?.culprit], ['CANCELLED', 990, 'handler']);
    assert.equal(below?.spent?.endpoint, 'memory:1');
    assert.deepEqual([below?.timeLimit?.setBy, below?.timeLimit?.ms], ['served call', 1_000]);
    assert.match(below!.reason, /^work\.run was cancelled, as the time of the call being served was over/);
    assert.deepEqual(told, ['DEADLINE_EXCEEDED'], 'its time was over: no failure of the handler');
    assert.deepEqual(front.errors, []);
  });

  it('is the end of its time also where the handler has wrapped it', async () => {
    await using back = setUp({ run: () => new Promise(() => {}) });
    await using front = setUp({
      async run() {
        const { signal } = callContext()!;
        const below = back.work.with({ signal, timeoutMs: 60_000 }).run();
        await below.catch((cause: unknown) => {
          throw new Error('no price', { cause: new Error('no route', { cause }) });
        });
      },
    });
    const told: string[] = [];
    const watching = observe({
      server: (what) => what.type === 'callEnd' && told.push(what.call.error!.message),
    });
    const call = front.work.run().catch((error: RpcError) => error);
    await front.clock.advance(1);
    await front.clock.advance(2_000);
    assert.equal(((await call) as RpcError).code, 'DEADLINE_EXCEEDED');
    watching.close();
    assert.match(told[0]!, /^DEADLINE_EXCEEDED: work\.run: .* while its handler waited for its call of work\.run/);
    assert.deepEqual(front.errors, []);
  });

  it('is the end of its time when a call of its own, which had no more, has noticed it first', async () => {
    await using back = setUp({ run: () => new Promise(() => {}) });
    let below: RpcError | undefined;
    await using front = setUp({
      run: () =>
        back.work
          .with({ timeoutMs: 60_000 })
          .run()
          .catch((error: RpcError) => {
            below = error;
            throw error;
          }),
    });
    const call = front.work.run().catch((error: RpcError) => error);
    await front.clock.advance(1);
    await back.clock.advance(2_000);
    await front.clock.advance(2_000);
    const { reason, spent } = (await call) as RpcError;
    assert.deepEqual([below?.code, below?.timeLimit?.setBy, front.errors], ['DEADLINE_EXCEEDED', 'served call', []]);
    assert.match(reason, /the caller's deadline has passed while its handler waited for its call of work\.run at \[/);
    assert.ok(spent);
  });

  it('is not what the call has ended with for which nobody waits any more', async () => {
    await using back = setUp({ run: () => new Promise(() => {}) });
    await using front = setUp({ run: () => back.work.with({ signal: callContext()!.signal }).run() });
    const told: string[] = [];
    const watching = observe({
      server: (what) => what.type === 'callEnd' && told.push(what.call.error!.message),
    });
    const caller = new AbortController();
    const call = front.work.with({ signal: caller.signal }).run();
    const failed = assert.rejects(call, { code: 'CANCELLED' });
    await front.clock.advance(10);
    caller.abort();
    await failed;
    await front.clock.advance(10);
    watching.close();
    assert.match(told[0]!, /^CANCELLED: the caller has given up/);
  });

  it('is an RpcError of a call of its own: that names services the caller knows nothing of', async () => {
    await using back = setUp({
      run: () => {
        throw new RpcError('NOT_FOUND', 'no such row in table users');
      },
    });
    await using front = setUp({ run: () => back.work.run() });
    await assert.rejects(front.work.run(), {
      code: 'INTERNAL',
      message:
        /^INTERNAL: the handler failed; the server's log has the reason under \w{19} \(work\.run at memory:1 \[\w+\]\)$/,
      progress: 'processed',
    });
    assert.equal(
      (front.errors[0]!.error as RpcError).message,
      'NOT_FOUND: no such row in table users (work.run at memory:1)',
    );
  });

  for (const [code, said] of [
    [
      'DEADLINE_EXCEEDED',
      /^the handler failed: its call of work\.run at \[\w+\] took too long; the server's log .* under \w{19}$/,
    ],
    [
      'UNAVAILABLE',
      /^the handler failed: its call of work\.run at \[\w+\] reached no server; the server's log .* under \w{19}$/,
    ],
    [
      'RESOURCE_EXHAUSTED',
      /^the handler failed: its call of work\.run at \[\w+\] was refused by a limit of its server; the server's log .* under \w{19}$/,
    ],
  ] as const)
    it(`is ${code} of a call of its own: the caller learns that, and of which, over any number of hops`, async () => {
      await using back = setUp({
        run: () => {
          throw new RpcError(code, 'at 10.0.0.7 with password=hunter2', { details: { secret }, retryAfterMs: 5 });
        },
      });
      await using middle = setUp({ run: () => back.work.run() });
      await using front = setUp({ run: () => middle.work.run() });
      for (const { work, errors } of [middle, front])
        await assert.rejects(work.run(), (error: RpcError) => {
          assert.deepEqual([error.code, error.progress, error.details], [code, 'processed', undefined]);
          // What a limit has refused was repeated below, where that had a sense.
          assert.equal(error.final, code === 'RESOURCE_EXHAUSTED');
          assert.match(error.reason, said);
          assert.ok(!error.message.includes('hunter2'));
          assert.ok(error.reason.includes(errors[0]!.correlationId));
          return true;
        });
      assert.match(String(middle.errors[0]!.error), /hunter2/);
    });

  for (const [progress, whose] of [
    ['unsent', 'caller'],
    ['maybe-processed', 'caller'],
    ['refused', 'server'],
    ['processed', 'server'],
  ] as const)
    it(`is the refusal of a call of its own by a limit of the ${whose} of that: the caller learns whose (${progress})`, async () => {
      await using front = setUp({
        run: () => {
          throw rpcError('RESOURCE_EXHAUSTED', 'too much', { service: 'shop', method: 'buy', progress });
        },
      });
      await assert.rejects(front.work.run(), {
        code: 'RESOURCE_EXHAUSTED',
        reason: new RegExp(`its call of shop.buy was refused by a limit of its ${whose};`),
      });
    });

  it('is an outage of what authorize asks: nobody is told to try again elsewhere', async () => {
    await using back = setUp({
      run: () => {
        throw new RpcError('UNAVAILABLE', 'down');
      },
    });
    await using front = setUp({}, { authorize: async () => void (await back.work.run()) });
    await assert.rejects(front.work.run(), { code: 'INTERNAL', progress: 'refused' });
  });

  it('comes with what is known of the call, for who logs it', async () => {
    await using bench = setUp({
      run: () => {
        throw new Error('broken');
      },
    });
    await assert.rejects(bench.work.with({ metadata: { 'request-id': 'r-1' } }).run());
    const { metadata, peer, error, err } = bench.errors[0]!;
    assert.deepEqual([{ ...metadata }, peer.address, err], [{ 'request-id': 'r-1' }, 'memory:server', error]);
  });

  it('may be a new RpcError made of one of a call of its own', async () => {
    await using back = setUp({
      run: () => {
        throw new RpcError('NOT_FOUND', 'no such row');
      },
    });
    await using front = setUp({
      run: async () => {
        try {
          return await back.work.run();
        } catch (cause) {
          throw new RpcError('FAILED_PRECONDITION', 'create the user first', { cause });
        }
      },
    });
    await assert.rejects(front.work.run(), {
      message: 'FAILED_PRECONDITION: create the user first (work.run at memory:1)',
    });
  });

  it('is told to the event alone when nobody waits for an answer', async () => {
    await using bench = setUp({
      tell: (what) => {
        throw what === 'error' ? new Error('broken') : new RpcError('NOT_FOUND', 'no such user');
      },
    });
    assert.equal(await bench.work.tell('error'), undefined);
    assert.equal(await bench.work.tell('rpc error'), undefined);
    await bench.clock.advance(0);
    assert.deepEqual(
      bench.errors.map(({ method, error }) => `${method}: ${error}`),
      ['tell: Error: broken', 'tell: RpcError: NOT_FOUND: no such user'],
    );
  });

  it('does not matter any more when the caller has given up', async () => {
    await using bench = setUp({
      run: () => new Promise((_, reject) => bench.clock.schedule(100, () => reject(new Error('too late')))),
    });
    const controller = new AbortController();
    const call = bench.work.with({ signal: controller.signal }).run();
    await bench.clock.advance(10);
    controller.abort();
    await assert.rejects(call, { code: 'CANCELLED' });
    assert.equal(bench.server.running, 1, 'a handler runs until it ends, whoever waits for it');
    await bench.clock.advance(100);
    assert.equal(bench.server.running, 0);
    assert.deepEqual(bench.errors, []);
  });
});

describe('a listener of handlerError that throws itself', () => {
  it('harms no call: its mistake surfaces as what it is', async () => {
    const mistake = new Error('mistake of the listener');
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
    try {
      await using bench = setUp({ run: async () => Promise.reject(new Error('broken')) });
      bench.server.on('handlerError', () => {
        throw mistake;
      });
      await assert.rejects(bench.work.run(), { code: 'INTERNAL' });
      assert.equal(await uncaught, mistake);
      assert.equal(bench.server.running, 0);
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });
});
