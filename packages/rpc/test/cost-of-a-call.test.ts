import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, createServer, defineService, method, systemClock } from '@org/rpc';
import { connect } from '@org/rpc-testkit';

const Shop = defineService('shop', {
  price: method<(name: string) => number>({ idempotent: true }),
  order: method<(name: string) => number>(),
});

/** Calls that are made before anything is counted: connections, windows and methods are made with the first ones. */
const WARM_UP = 50;

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
    price: (name) => name.length,
    order: (name) => name.length,
  });
  const client = connect(server, { clock: counted('client') });
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
    const before = { ...looks };
    await together();
    assert.ok(looks.client - before.client < 64 + 8, `${looks.client - before.client} looks of the client`);
    assert.ok(looks.server - before.server < 16, `${looks.server - before.server} looks of the server`);
    await client.close();
  });
});
