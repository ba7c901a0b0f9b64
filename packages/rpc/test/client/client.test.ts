import assert from 'node:assert/strict';
import { createClient } from '@org/rpc-client';
import type { RpcError } from '@org/rpc-core';
import type { Registry } from '@org/rpc-registry';
import { FakeClock, manualRegistry } from '@org/rpc-testkit';
import { openShop, Shop } from './shop.js';
import { uncaughtIn } from './uncaught.js';
import { Greeter, World } from './world.js';

describe('client.call()', () => {
  it('calls a method of a contract', async () => {
    await using open = openShop();
    const sum: number = await open.client.call(Shop, 'add', [1, 2]);
    assert.equal(sum, 103);
  });

  it('calls a method by its names', async () => {
    await using open = openShop();
    assert.equal(await open.client.call<number>('shop', 'add', [1, 2]), 103);
  });

  it('takes options', async () => {
    await using open = openShop();
    const calls = [
      open.client.call(Shop, 'hang', [], { timeoutMs: 50 }),
      open.client.call('shop', 'hang', [], { timeoutMs: 50 }),
    ];
    await Promise.all([
      ...calls.map((call) => assert.rejects(call, /shop\.hang took longer than 50 ms/)),
      open.clock.advance(50),
    ]);
  });

  it('says which method was probably meant', async () => {
    await using open = openShop();
    assert.throws(() => open.client.call(Shop, 'ad' as never, [] as never), {
      name: 'TypeError',
      message: 'client.call: service "shop" has no method "ad"; did you mean "add"?',
    });
    await assert.rejects(open.client.call('shop', 'ad', []), {
      code: 'UNIMPLEMENTED',
      message: 'UNIMPLEMENTED: service "shop" has no method "ad"; did you mean "add"? (shop.ad at memory:1)',
      progress: 'refused',
    });
    await assert.rejects(open.client.call('shopp', 'add', []), {
      code: 'UNIMPLEMENTED',
      message: 'UNIMPLEMENTED: this server has no service "shopp"; did you mean "shop"? (shopp.add at memory:1)',
    });
    await assert.rejects(open.client.call('shop', 'toString', []), { code: 'UNIMPLEMENTED' });
  });

  for (const [args, message] of [
    [[undefined, 'add', []], /^client\.call: expected a service definition made by defineService\(\), got undefined$/],
    [[{ name: 'shop' }, 'add', []], /^client\.call: expected a service definition .*, got an object$/],
    [['', 'add', []], /^client\.call: the name of a service must be 1 to 200 of .*, got ""$/],
    [['shop', 'a b', []], /^method name must be 1 to 200 of .*, got "a b"$/],
    [['shop', 'add', 1], /^client\.call: the third parameter must be the list of the arguments, got 1$/],
    [['shop', 'add'], /^client\.call: the third parameter must be the list of the arguments, got undefined$/],
  ] as const)
    it(`refuses what makes no sense: ${message.source}`, async () => {
      await using open = openShop();
      const call: (...args: never[]) => unknown = open.client.call;
      assert.throws(() => call.apply(open.client, args as never), { name: 'TypeError', message });
    });
});

describe('client.ready()', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.client.close());

  it('resolves when a node is connected, and not before', async () => {
    let isReady = false;
    const ready = world.client.ready(Greeter).then(() => {
      isReady = true;
    });
    await world.list();
    assert.equal(isReady, false);
    await world.list(world.start('a', 1));
    await ready;
    assert.equal(await world.call(), 'a');
  });

  it('takes the name of a service too', async () => {
    const ready = world.client.ready('greeter');
    await world.list(world.start('a', 1));
    await ready;
  });

  it('rejects when the time is up, with what is missing', async () => {
    const unlisted = world.client.ready(Greeter, { timeoutMs: 100 });
    await Promise.all([assert.rejects(unlisted, /the registry has not answered yet/), world.clock.advance(100)]);
    const a = world.start('a', 1);
    world.kill(a);
    await world.list(a);
    const refused = world.client.ready(Greeter, { timeoutMs: 100 });
    await Promise.all([
      assert.rejects(refused, {
        code: 'DEADLINE_EXCEEDED',
        message: /a node of "greeter": no instance of "greeter" takes calls: h:1 \[a\] \(connection refused/,
      }),
      world.clock.advance(100),
    ]);
  });

  it('waits for half a minute unless told otherwise', async () => {
    const ready = assert.rejects(world.client.ready(Greeter), { code: 'DEADLINE_EXCEEDED' });
    await world.clock.advance(29_999);
    const late = assert.rejects(world.client.ready(Greeter, { timeoutMs: 1 }), { code: 'DEADLINE_EXCEEDED' });
    await world.clock.advance(1);
    await Promise.all([ready, late]);
  });

  it('ends when the caller gives up, and when the client is closed', async () => {
    const controller = new AbortController();
    const given = assert.rejects(world.client.ready(Greeter, { signal: controller.signal }), { code: 'CANCELLED' });
    const closed = assert.rejects(world.client.ready(Greeter), /UNAVAILABLE: the client was closed/);
    controller.abort();
    await given;
    await world.client.close();
    await closed;
    await assert.rejects(world.client.ready(Greeter), /UNAVAILABLE: the client is closed: make another one/);
  });

  it('refuses wrong options and what is no service', async () => {
    await assert.rejects(world.client.ready(Greeter, { timeout: 5 } as never), {
      name: 'TypeError',
      message: 'client.ready: unknown option "timeout"; did you mean "timeoutMs"?',
    });
    await assert.rejects(world.client.ready(undefined as never), {
      name: 'TypeError',
      message: 'client.ready: expected a service definition made by defineService(), got undefined',
    });
  });
});

/** A registry that counts how often it is opened, over one that the test fills. */
function counted(): { registry: Registry; opened: () => number; open: () => number } {
  const manual = manualRegistry();
  let opened = 0;
  const registry: Registry = {
    ...manual.registry,
    open(environment) {
      opened++;
      return manual.registry.open(environment);
    },
  };
  return { registry, opened: () => opened, open: () => manual.openHandles() };
}

describe('the life of a client', () => {
  it('begins without any I/O: the registry is opened by the first use of a service', async () => {
    const { registry, opened } = counted();
    const client = createClient({ registry });
    assert.equal(opened(), 0);
    assert.deepEqual(Object.keys(client.state().services), []);
    client.service(Shop);
    client.service<{ a(): void }>('other').a;
    client.service(Greeter);
    assert.equal(opened(), 1);
    await client.close();
  });

  it('ends with nothing left: no handle, no timer', async () => {
    const { registry, open } = counted();
    const clock = new FakeClock(1_000);
    const client = createClient({ registry, clock });
    client.service(Shop);
    await clock.advance(5_000);
    await client.close();
    assert.equal(open(), 0);
    assert.equal(clock.pending, 0);
  });

  it('may be closed any number of times, and before it was used: then it never opens anything', async () => {
    const { registry, opened } = counted();
    const client = createClient({ registry });
    assert.equal(client.close(), client.close());
    await client.close();
    client.service(Shop);
    await assert.rejects(client.service<{ a(): void }>('other').a(), { code: 'UNAVAILABLE' });
    assert.equal(opened(), 0);
  });

  it('ends with the block that uses it', async () => {
    const { registry, open } = counted();
    {
      await using client = createClient({ registry });
      client.service(Shop);
      assert.equal(open(), 1);
    }
    assert.equal(open(), 0);
  });

  it('refuses calls after it was closed, and opens nothing any more', async () => {
    const { registry, opened } = counted();
    const client = createClient({ registry });
    const before = client.service(Shop);
    await client.close();
    const after = [
      before.add(1),
      before.tell('news'),
      client.service(Shop).add(1),
      client.service<{ add(x: number): number }>('shop').add(1),
      client.call('other', 'add', [1]),
    ];
    const error = {
      code: 'UNAVAILABLE',
      message:
        /^UNAVAILABLE: the client is closed: make another one with createClient\(\) \((shop\.(add|tell)|other\.add)\)$/,
      progress: 'unsent',
    };
    await Promise.all(after.map((call) => assert.rejects(call, error)));
    assert.equal(opened(), 1);
  });

  it('fails the calls in flight when it is closed, at once, and repeats none', async () => {
    let calls = 0;
    const open = openShop({
      handlers: {
        hang: () => {
          calls++;
          return new Promise(() => {});
        },
      },
    });
    const repeatable = open.shop.with({ idempotent: true });
    const inFlight = [open.shop.hang(), repeatable.hang()].map((call) =>
      assert.rejects(call, (error: RpcError) => {
        assert.equal(error.code, 'UNAVAILABLE');
        assert.equal(error.progress, 'maybe-processed');
        assert.match(error.message, /shop\.hang failed: connection lost before the reply: the client was closed/);
        return true;
      }),
    );
    await open.clock.advance(10);
    await open.client.close();
    await Promise.all(inFlight);
    assert.equal(calls, 2);
    assert.equal(open.clock.now(), 1_010);
  });

  it('fails the calls that wait for a node when it is closed', async () => {
    const world = new World();
    const waiting = world.client.service(Greeter).hello();
    await world.client.close();
    await assert.rejects(waiting, { code: 'UNAVAILABLE', message: /greeter\.hello failed: the client was closed/ });
  });
});

describe('the events of endpoints', () => {
  it('tell of each step once: added, up, down, up again, removed', async () => {
    const world = new World();
    world.client.service(Greeter);
    const a = world.start('a', 1);
    await world.list(a);
    world.kill(a);
    await world.settle();
    world.start('a', 1);
    await world.clock.advance(5_000);
    await world.list({ ...a, state: 'draining' });
    await world.list();
    await world.client.close();
    assert.deepEqual(world.events, [
      'endpointAdded a',
      'endpointUp a',
      'endpointDown a',
      'endpointUp a',
      'endpointDown a',
      'endpointRemoved a',
    ]);
  });

  it('say which endpoint of which service, and why it is down', async () => {
    const world = new World();
    const events: unknown[] = [];
    world.client.on('endpointUp', (event) => events.push(event));
    world.client.on('endpointDown', (event) => events.push(event));
    world.client.service(Greeter);
    const a = world.start('a', 1);
    await world.list(a);
    await world.list({ ...a, state: 'draining' });
    await world.list(a);
    world.kill(a);
    await world.settle();
    await world.client.close();
    const about = { service: 'greeter', instance: 'a', endpoint: 'h:1' };
    assert.deepEqual(events, [
      about,
      { ...about, reason: 'it is draining' },
      about,
      { ...about, reason: 'the connection was closed by the other end' },
    ]);
  });

  it('pass on what the registry reports', async () => {
    const world = new World();
    const events: unknown[] = [];
    world.client.on('registry', (event) => events.push(event));
    world.client.service(Greeter);
    const event = { kind: 'unreachable', message: 'no route' } as const;
    world.registry.report(event);
    assert.deepEqual(events, [event]);
    await world.client.close();
  });

  it('are harmed by no listener that throws: its mistake surfaces as what it is', async () => {
    const world = new World();
    const mistake = new Error('mistake of the listener');
    world.client.on('endpointUp', () => {
      throw mistake;
    });
    const uncaught = await uncaughtIn(async () => {
      const call = world.client.service(Greeter).hello();
      await world.list(world.start('a', 1));
      assert.equal(await call, 'a');
    });
    assert.equal(uncaught, mistake);
    await world.client.close();
  });
});
