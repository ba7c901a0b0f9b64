import assert from 'node:assert/strict';
import { type ClientOptions, configure } from '@org/rpc-client';
import { type CallOptions, type Layer, observe, RpcError } from '@org/rpc-core';
import { type FakeClock, runInCallContext } from '@org/rpc-testkit';
import { openShop, Shop } from './shop.js';
import { Greeter, World } from './world.js';

const everybody = { mode: 'on', percent: 100 } as const;

/** A world with one server whose handler never answers. */
async function setUp(options: ClientOptions = {}): Promise<World> {
  const world = new World(options);
  await world.list(world.start('a', 1));
  world.client.service(Greeter);
  await world.settle();
  return world;
}

async function rule(world: World, version: number, rules: object): Promise<void> {
  world.registry.publishRules('greeter', { schemaVersion: 1, version, ...rules });
  await world.clock.advance(200);
}

/** A call that may be repeated. */
const held = (world: World): Promise<string> => world.client.service(Greeter).with({ idempotent: true }).hold();

/** The error of a call that nobody answers. */
async function lateError(clock: FakeClock, start: () => Promise<unknown>): Promise<RpcError> {
  let error: RpcError | undefined;
  start().catch((thrown: RpcError) => {
    error = thrown;
  });
  while (error === undefined) await clock.advance(10);
  return error;
}

describe('the error of a call that had no time left', () => {
  it('names its caller, the version of the rules that have set its time, and that rules have retries off', async () => {
    const world = await setUp({ name: 'orders' });
    await rule(world, 7, {
      timeout: { ...everybody, timeoutMs: 400, attemptTimeoutMs: 350 },
      retry: { ...everybody, max: 0 },
    });
    const { message, caller, timeLimit } = await lateError(world.clock, () => held(world));
    assert.match(
      message,
      /^DEADLINE_EXCEEDED: greeter\.hold took longer than 350 ms, the attemptTimeoutMs of version 7 of the rules of greeter \(called by orders; h:1 \[a\] no reply in 350 ms; not retried: retries are off, by version 7 of the rules of greeter\); at fault: /,
    );
    const text = 'the attemptTimeoutMs of version 7 of the rules of greeter';
    assert.deepEqual(
      { caller, timeLimit },
      { caller: 'orders', timeLimit: { option: 'attemptTimeoutMs', ms: 350, setBy: 'rule', rulesVersion: 7, text } },
    );
    await world.client.close();
  });

  it('says that the time was that of the call, of its attempts, of configure, of the contract, of createClient, or the default', async () => {
    const of = async (name: 'hang' | 'slow', client: ClientOptions, options?: CallOptions): Promise<string> => {
      await using open = openShop({ client });
      const error = await lateError(open.clock, () => open.shop.with(options ?? {})[name]());
      assert.deepEqual([error.caller, error.timeLimit?.rulesVersion], [undefined, undefined]);
      return /took longer than (.*?) \(/.exec(error.message)![1]!;
    };
    const services = [configure(Shop, { methods: { slow: { timeoutMs: 800 } } })];
    assert.deepEqual(
      [
        await of('slow', { services }, { timeoutMs: 200 }),
        await of('slow', {}, { attemptTimeoutMs: 60 }),
        await of('slow', { services }),
        await of('slow', { timeoutMs: 900 }),
        await of('hang', { timeoutMs: 900 }),
        await of('hang', {}),
      ],
      [
        '200 ms, the timeoutMs of the call',
        '60 ms, the attemptTimeoutMs of the call',
        '800 ms, the timeoutMs of configure',
        '300 ms, the timeoutMs of its contract',
        '900 ms, the timeoutMs of createClient',
        '1000 ms, the default of timeoutMs',
      ],
    );
  });

  it('counts the attempts that each had their time', async () => {
    const world = await setUp({ retry: { max: 1 } });
    await rule(world, 3, { timeout: { ...everybody, timeoutMs: 2_000, attemptTimeoutMs: 100 } });
    const { message } = await lateError(world.clock, () => held(world));
    assert.match(
      message,
      /took longer than \d+ ms, with 100 ms for an attempt, the attemptTimeoutMs of version 3 of the rules of greeter \(.*no retries are left/,
    );
    await world.client.close();
  });

  it('says so when the call being served had no more time, and nothing where a layer has shortened it', async () => {
    await using open = openShop();
    const served = await lateError(open.clock, () =>
      runInCallContext({ deadline: open.clock.now() + 70 }, () => open.shop.slow()),
    );
    assert.match(served.message, /took longer than 70 ms, which is what the call being served had left \(/);
    const shorten: Layer = (next) => (call) => {
      call.deadline = call.createdAt + 50;
      return next(call);
    };
    await using shortened = openShop({ client: { layers: { unary: [shorten] } } });
    const { message, timeLimit } = await lateError(shortened.clock, () => shortened.shop.slow());
    assert.match(message, /took longer than 50 ms \(/);
    assert.deepEqual(timeLimit, { option: 'timeoutMs', ms: 50, setBy: undefined, rulesVersion: undefined, text: '' });
  });
});

describe('what is told of a call', () => {
  it('has its caller, and the version of the rules of its service', async () => {
    const world = await setUp({ name: 'orders' });
    const told: unknown[] = [];
    const watching = observe({
      client({ type, ...what }) {
        if (type === 'callEnd' && 'call' in what) told.push([what.call.caller, what.call.rulesVersion]);
      },
    });
    await world.client.service(Greeter).hello();
    await rule(world, 4, { timeout: { ...everybody, timeoutMs: 400 } });
    await world.client.service(Greeter).hello();
    watching.close();
    assert.deepEqual(told, [
      ['orders', undefined],
      ['orders', 4],
    ]);
    await world.client.close();
  });
});

describe('the error of a handler', () => {
  it('names the client that has called it', async () => {
    const fail = (): never => {
      throw new RpcError('NOT_FOUND', 'no such order');
    };
    await using open = openShop({ client: { name: 'web' }, handlers: { run: fail } });
    await assert.rejects(open.shop.run('a'), {
      message: 'NOT_FOUND: no such order (shop.run at memory:1, called by web)',
      caller: 'web',
    });
  });
});
