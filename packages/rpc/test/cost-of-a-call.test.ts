import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, createServer, defineService, method, RpcError, systemClock } from '@org/rpc';
import { connect } from '@org/rpc-testkit';

const Shop = defineService('shop', {
  price: method<(name: string) => number>({ idempotent: true }),
  order: method<(name: string) => number>(),
});

/** Calls that are made before anything is counted: connections, windows and methods are made with the first ones. */
const WARM_UP = 50;

/** How often things are counted: of these the least is what calls take, as timers come in between, and more of them where a machine is busy. */
const ROUNDS = 5;

/** A client and a server that are connected in memory, and how often each looks at its clock. */
function scene() {
  const looks = { client: 0, server: 0 };
  const counted = (side: 'client' | 'server'): Clock => ({
    ...systemClock,
    now: () => {
      looks[side]++;
      return systemClock.now();
    },
  });
  const server = createServer({ clock: counted('server') }).add(Shop, {
    price: (name) => {
      if (name === '') throw new RpcError('INTERNAL', 'no such thing');
      return name.length;
    },
    order: (name) => name.length,
  });
  // Where the machine is busy a round may take longer than calls have by default.
  const client = connect(server, { clock: counted('client'), timeoutMs: 60_000 });
  return { looks, client, shop: client.service(Shop) };
}

/** How many promises are made while it runs, and at once after it. */
function promisesOf(run: () => void): number {
  let made = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'PROMISE') made++;
    },
  }).enable();
  run();
  hook.disable();
  return made;
}

describe('a small call with all defaults', () => {
  it('makes one promise on the client, which its caller has', async () => {
    const { client, shop } = scene();
    for (let i = 0; i < WARM_UP; i++) await shop.price('pen');
    const answers: Promise<number>[] = [];
    for (const call of [() => shop.price('pen'), () => shop.order('ink')])
      assert.equal(
        promisesOf(() => answers.push(call())),
        1,
      );
    assert.deepEqual(await Promise.all(answers), [3, 3]);
    await client.close();
  });

  it('looks at the clock once on the client, and less than once on the server', async () => {
    const { client, looks, shop } = scene();
    const together = async (): Promise<void> => {
      await Promise.all(Array.from({ length: 64 }, () => shop.price('pen')));
      // In memory all of it would be one turn of the loop, which no server has time for.
      await turn();
    };
    for (let i = 0; i < WARM_UP; i++) await together();
    const least = { client: Number.POSITIVE_INFINITY, server: Number.POSITIVE_INFINITY };
    for (let round = 0; round < ROUNDS; round++) {
      const before = { ...looks };
      await together();
      least.client = Math.min(least.client, looks.client - before.client);
      least.server = Math.min(least.server, looks.server - before.server);
    }
    assert.ok(least.client < 64 + 8, `${least.client} looks of the client`);
    assert.ok(least.server < 16, `${least.server} looks of the server`);
    await client.close();
  });
});

describe('a call that fails', () => {
  it('has its stack captured once on the client, and written down only for who reads it', async () => {
    const { client, shop } = scene();
    const failed = async (): Promise<Error> => {
      const thrown: unknown = await shop.price('').catch((error: unknown) => error);
      assert.ok(thrown instanceof Error);
      return thrown;
    };
    for (let i = 0; i < WARM_UP; i++) await failed();
    const { captureStackTrace, prepareStackTrace } = Error;
    const framesBefore: boolean[] = [];
    let written = 0;
    const prepare: typeof prepareStackTrace = (error, frames) => {
      written += frames.length;
      return [String(error), ...frames.map((frame) => `    at ${frame}`)].join('\n');
    };
    Error.captureStackTrace = (target, above) => {
      framesBefore.push((target as Error).stack?.includes('    at ') === true);
      captureStackTrace(target, above);
    };
    Error.prepareStackTrace = prepare;
    let error: Error;
    try {
      error = await failed();
      assert.equal(written, 0);
      assert.match(
        error.stack ?? '',
        /^RpcError: INTERNAL: no such thing \(shop\.price at memory:1 \[\w+\]\)\n {4}at /,
      );
    } finally {
      Object.assign(Error, { captureStackTrace, prepareStackTrace });
    }
    assert.deepEqual(framesBefore, [false], 'captures, and whether the error had a stack that nobody has asked for');
    await client.close();
  });
});
