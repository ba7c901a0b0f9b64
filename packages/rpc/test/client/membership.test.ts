import assert from 'node:assert/strict';
import type { Endpoint, Registry } from '@org/rpc-registry';
import { manualRegistry } from '@org/rpc-testkit';
import { Greeter, World } from './world.js';

const GRACE_MS = 15_000;
const TICK_MS = 1_000;
const HOUR_MS = 3_600_000;

/** A world with servers `a`, `b`, ... that are listed and connected. */
async function connected(count: number): Promise<{ world: World; endpoints: Endpoint[] }> {
  const world = new World();
  const endpoints = Array.from({ length: count }, (_, index) => world.start('abcdefgh'[index]!, 1 + index));
  world.client.service(Greeter);
  await world.list(...endpoints);
  return { world, endpoints };
}

describe('membership: what a client knows of an endpoint', () => {
  let world: World;
  let endpoints: Endpoint[];
  let a: Endpoint;
  let b: Endpoint;

  beforeEach(async () => {
    ({ world, endpoints } = await connected(2));
    [a, b] = endpoints as [Endpoint, Endpoint];
  });
  afterEach(() => world.client.close());

  it('gives calls to what is listed and connected', async () => {
    assert.deepEqual(await world.answering(), ['a', 'b']);
  });

  it('gives no calls to what is listed and refuses, connects again, and never forgets it', async () => {
    world.kill(a);
    assert.deepEqual(await world.answering(), ['b']);
    await world.clock.advance(HOUR_MS);
    assert.equal(world.node('a')?.listed, true);
    assert.deepEqual(await world.answering(), ['b']);
    world.start('a', 1);
    await world.clock.advance(10_000);
    assert.equal(world.node('a')?.connection, 'ready');
  });

  it('gives no calls to what is listed and silent, and never forgets it', async () => {
    world.unplug(a);
    await world.clock.advance(HOUR_MS);
    assert.equal(world.node('a')?.listed, true);
    assert.deepEqual(await world.answering(), ['b']);
  });

  it('gives no new calls to what is unavailable, stays connected to it, and never forgets it', async () => {
    await world.list({ ...a, state: 'unavailable' }, b);
    assert.deepEqual(await world.answering(), ['b']);
    await world.clock.advance(HOUR_MS);
    const { connection, listed, available, draining } = world.node('a')!;
    assert.deepEqual(
      { connection, listed, available, draining },
      { connection: 'ready', listed: true, available: false, draining: false },
    );
    await world.list(a, b);
    assert.deepEqual(await world.answering(), ['a', 'b']);
  });

  it('says what is wrong when nothing is available', async () => {
    await world.list({ ...a, state: 'unavailable' }, { ...b, state: 'unavailable' });
    await assert.rejects(world.call(), {
      code: 'UNAVAILABLE',
      message: /h:1 \[a\] \(it is unavailable\), h:2 \[b\] \(it is unavailable\)/,
    });
  });

  it('keeps what was unavailable and is unlisted without a reason, for it may have lost its entry', async () => {
    await world.list({ ...a, state: 'unavailable' }, b);
    await world.list(b);
    assert.deepEqual([world.node('a')?.listed, world.node('a')?.connection], [false, 'ready']);
  });

  it('gives no new calls to what says goodbye on its connection, whose calls in flight end well', async () => {
    const held = world.client.service(Greeter).hold();
    await world.settle();
    const [leaving, other] = world.node('a')?.inFlight === 1 ? [a, b] : [b, a];
    const closed = world.server(leaving).close();
    await world.settle();
    assert.equal(world.node(leaving.id)?.draining, true);
    assert.deepEqual(await world.answering(), [other.id]);
    world.release(leaving);
    assert.equal(await held, `${leaving.id} has held`);
    await world.settle();
    await closed;
    assert.notEqual(world.node(leaving.id), undefined, 'it is listed, so it may come back');
  });

  it('gives no new calls to what is draining in the registry, and forgets it when it is unlisted', async () => {
    await world.list({ ...a, state: 'draining' }, b);
    assert.deepEqual(await world.answering(), ['b']);
    assert.equal(world.node('a')?.draining, true);
    await world.list(b);
    assert.equal(world.node('a'), undefined);
  });

  for (const reason of ['left', 'dead'] as const) {
    it(`forgets at once what is gone because it ${reason === 'left' ? 'left' : 'is dead'}; its calls in flight end well`, async () => {
      const held = world.client.service(Greeter).hold();
      await world.settle();
      const [gone, other] = world.node('a')?.inFlight === 1 ? [a, b] : [b, a];
      world.registry.publish('greeter', [other], { gone: reason });
      await world.settle();
      assert.equal(world.node(gone.id), undefined);
      assert.deepEqual(await world.answering(), [other.id]);
      world.release(gone);
      assert.equal(await held, `${gone.id} has held`);
      await world.clock.advance(10_000);
      assert.equal(world.dials.length, 2, 'nobody connects again to what is gone');
    });
  }

  it('goes on calling what is unlisted for no known reason, as long as its connection answers', async () => {
    await world.list(b);
    assert.equal(world.node('a')?.listed, false);
    await world.clock.advance(GRACE_MS * 4);
    assert.deepEqual(await world.answering(), ['a', 'b']);
  });

  it('forgets what is unlisted when its connection is lost and cannot be made again', async () => {
    await world.list(b);
    world.cut(a);
    await world.clock.advance(200);
    assert.notEqual(world.node('a'), undefined, 'the loss alone says nothing');
    world.kill(a);
    await world.clock.advance(200);
    assert.equal(world.node('a'), undefined);
  });

  it('forgets what is unlisted and was lost after one silent attempt to connect', async () => {
    await world.list(b);
    world.unplug(a);
    await world.clock.advance(3_000 + 200);
    assert.equal(world.node('a'), undefined);
  });

  it('forgets what has been unlisted for ten minutes, even if it answers', async () => {
    await world.list(b);
    await world.clock.advance(600_000 - TICK_MS);
    assert.notEqual(world.node('a'), undefined);
    await world.clock.advance(2 * TICK_MS);
    assert.equal(world.node('a'), undefined);
  });

  it('forgets at once what is unlisted and refuses', async () => {
    world.kill(a);
    await world.clock.advance(5_000);
    assert.notEqual(world.node('a'), undefined);
    await world.list(b);
    assert.equal(world.node('a'), undefined);
  });

  it('forgets what is unlisted and silent after the grace of a fresh source', async () => {
    world.unplug(a);
    await world.clock.advance(60_000);
    await world.list(b);
    await world.clock.advance(GRACE_MS - TICK_MS);
    assert.notEqual(world.node('a'), undefined);
    await world.clock.advance(2 * TICK_MS);
    assert.equal(world.node('a'), undefined);
  });

  it('forgets nothing while the source is not fresh, and fails no call', async () => {
    world.registry.loseSource();
    await world.clock.advance(HOUR_MS);
    assert.deepEqual(await world.answering(), ['a', 'b']);
    assert.equal(world.client.state().services['greeter']?.fresh, false);
    assert.equal(Math.round(world.client.state().services['greeter']!.ageMs / 1000), HOUR_MS / 1000);
  });

  it('gives what was unlisted its whole grace anew when the source is fresh again', async () => {
    world.unplug(a);
    await world.clock.advance(60_000);
    await world.list(b);
    await world.clock.advance(GRACE_MS - 2 * TICK_MS);
    world.registry.loseSource();
    await world.clock.advance(HOUR_MS);
    await world.list(b);
    await world.clock.advance(GRACE_MS - TICK_MS);
    assert.notEqual(world.node('a'), undefined);
    await world.clock.advance(2 * TICK_MS);
    assert.equal(world.node('a'), undefined);
  });

  it('takes another instance on the same address for the successor: a new node, and the old one drains', async () => {
    const held = world.client.service(Greeter).hold();
    await world.settle();
    const [old, other] = world.node('a')?.inFlight === 1 ? [a, b] : [b, a];
    const next = world.start('next', old.port);
    await world.list(next, other);
    assert.equal(world.node(old.id), undefined);
    assert.deepEqual(await world.answering(), [other.id, 'next'].sort());
    world.release(old);
    assert.equal(await held, `${old.id} has held`);
  });

  it('says how old its view is when nothing is left that answers', async () => {
    world.registry.loseSource();
    await world.settle();
    world.kill(a);
    world.kill(b);
    await world.clock.advance(90_000);
    await assert.rejects(
      world.call(),
      /UNAVAILABLE: .*no instance of "greeter" takes calls: h:1 \[a\] \(connection refused.*the registry has been unreachable for 9\d s/,
    );
    assert.notEqual(world.node('a'), undefined, 'the last list is kept');
  });
});

describe('membership: many endpoints vanish at once', () => {
  it('keeps those that answer, and says so once', async () => {
    const { world, endpoints } = await connected(8);
    const messages: string[] = [];
    world.client.on('registry', ({ kind, message }) => messages.push(`${kind}: ${message}`));
    await world.list(...endpoints.slice(0, 2));
    await world.list(...endpoints.slice(0, 2).map((endpoint) => ({ ...endpoint, weight: 50 })));
    await world.clock.advance(60_000);
    assert.deepEqual(await world.answering(200), ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    assert.deepEqual(messages, [
      'lost: 6 of 8 endpoints of greeter vanished from the registry at once; those that answer are kept',
    ]);
    await world.client.close();
  });

  it('forgets those that refuse, each on evidence of its own, and does not take them for the fault of the registry', async () => {
    const { world, endpoints } = await connected(4);
    const messages: string[] = [];
    world.client.on('registry', ({ message }) => messages.push(message));
    for (const endpoint of endpoints.slice(1)) world.kill(endpoint);
    await world.clock.advance(1_000);
    await world.list(endpoints[0]!);
    assert.deepEqual(await world.answering(), ['a']);
    assert.deepEqual(
      ['b', 'c', 'd'].map((id) => world.node(id)),
      [undefined, undefined, undefined],
    );
    assert.deepEqual(messages, []);
    await world.client.close();
  });

  it('says nothing when a few vanish', async () => {
    const { world, endpoints } = await connected(4);
    const messages: string[] = [];
    world.client.on('registry', ({ message }) => messages.push(message));
    await world.list(...endpoints.slice(2));
    assert.deepEqual(messages, []);
    assert.deepEqual(await world.answering(100), ['a', 'b', 'c', 'd']);
    await world.client.close();
  });
});

describe('membership: a list remembered from an earlier run', () => {
  const remembering = (endpoints: readonly Endpoint[], inner: World['registry']): Registry => ({
    ...inner.registry,
    open(environment) {
      const handle = inner.registry.open(environment);
      return {
        ...handle,
        watch(service, publish) {
          queueMicrotask(() => publish({ endpoints, fresh: false, gone: [], remembered: true }));
          return handle.watch(service, publish);
        },
      };
    },
  });
  const endpoint = (id: string, port: number): Endpoint => ({ id, host: 'h', port, weight: 100, state: 'up' });

  /** A client that starts without its registry; of the servers that it remembers, those named are running. */
  async function remembered(remembers: string, running: string): Promise<World> {
    const endpoints = [...remembers].map((id, index) => endpoint(id, 1 + index));
    const inner = manualRegistry();
    const world = new World({ registry: remembering(endpoints, inner) }, inner);
    for (const [index, id] of [...remembers].entries()) {
      const started = world.start(id, 1 + index);
      if (!running.includes(id)) world.kill(started);
    }
    world.client.service(Greeter);
    await world.settle();
    await world.clock.advance(200);
    return world;
  }

  it('calls the instances that answer while the registry has not', async () => {
    const world = await remembered('abc', 'ac');
    assert.deepEqual(await world.answering(), ['a', 'c']);
    await world.client.close();
  });

  it('forgets at once those that refuse, without waiting for the registry', async () => {
    const world = await remembered('abc', 'ac');
    assert.equal(world.node('b'), undefined);
    assert.notEqual(world.node('a'), undefined);
    await world.client.close();
  });

  it('tries them all again and again when none answers', async () => {
    const world = await remembered('ab', '');
    await world.clock.advance(HOUR_MS);
    world.start('b', 2);
    await world.clock.advance(10_000);
    assert.deepEqual(await world.answering(), ['b']);
    await world.client.close();
  });

  it('sends nothing to another instance on a remembered address', async () => {
    const world = await remembered('ab', 'b');
    world.start('z', 1);
    await world.clock.advance(10_000);
    assert.deepEqual(await world.answering(), ['b']);
    await world.client.close();
  });

  it('keeps for good what the registry then lists, though it refuses now', async () => {
    const world = await remembered('ab', 'a');
    await world.list(endpoint('a', 1), endpoint('b', 2));
    await world.clock.advance(HOUR_MS);
    assert.equal(world.node('b')?.listed, true);
    await world.client.close();
  });

  it('weighs what the registry does not list then like all that vanishes', async () => {
    const world = await remembered('ab', 'ab');
    await world.list(endpoint('a', 1));
    assert.equal(world.node('b')?.listed, false);
    assert.deepEqual(await world.answering(), ['a', 'b']);
    await world.client.close();
  });
});
