import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { roundRobin } from '@org/rpc-client';
import { defineService, method } from '@org/rpc-core';
import { memory, remembered } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { connect, manualRegistry } from '@org/rpc-testkit';
import { Greeter, World } from './world.js';

describe('the first calls of a client', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.client.close());

  it('wait for the first list and the first connection', async () => {
    const stub = world.client.service(Greeter);
    const calls = [stub.hello(), stub.hello()];
    await world.clock.advance(300);
    await world.list(world.start('a', 1));
    assert.deepEqual(await Promise.all(calls), ['a', 'a']);
  });

  it('have the time that they are given by default once the registry has answered', async () => {
    const call = world.client.service(Greeter).hello();
    await world.clock.advance(4_900);
    await world.list(world.start('a', 1));
    assert.equal(await call, 'a');
  });

  it('fail when the registry has not answered for five seconds, and then for as long as they may take', async () => {
    let isOver = false;
    const message = /took longer than 1000 ms, the default of timeoutMs, beside 5000 ms for the registry to answer \(/;
    const expected = { code: 'DEADLINE_EXCEEDED', message };
    const call = world.client.service(Greeter).hello();
    const failed = assert.rejects(call, { ...expected, progress: 'unsent' }).then(() => {
      isOver = true;
    });
    await world.clock.advance(5_999);
    assert.equal(isOver, false);
    await world.clock.advance(1);
    await failed;
  });

  it('end with the call that they are made for, whether or not the registry has answered', async () => {
    const controller = new AbortController();
    const call = world.client.service(Greeter).with({ signal: controller.signal }).hello();
    await world.clock.advance(2_000);
    controller.abort('enough');
    await assert.rejects(call, { code: 'CANCELLED', cause: 'enough' });
  });

  it('wait half a second for a server when the first list is empty', async () => {
    const call = world.client.service(Greeter).hold();
    await world.list();
    await world.clock.advance(400);
    const a = world.start('a', 1);
    await world.list(a);
    world.release(a);
    assert.equal(await call, 'a has held');
    const later = new World({ retry: false });
    const refused = assert.rejects(later.client.service(Greeter).hello(), {
      code: 'UNAVAILABLE',
    });
    await later.list();
    await later.clock.advance(500);
    await refused;
    await later.client.close();
  });

  it('do not take the memory of an earlier run for the answer of the registry', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rpc-first-'));
    const manual = manualRegistry();
    const registry = remembered(manual.registry, { directory });
    const before = new World({ registry }, manual);
    const a = before.start('a', 1);
    before.client.service(Greeter);
    await before.list(a);
    await before.clock.advance(2_000);
    await before.client.close();
    const fresh = manualRegistry();
    const after = new World({ registry: remembered(fresh.registry, { directory }) }, fresh);
    const views: boolean[] = [];
    after.client.on('viewChanged', ({ remembered: isRemembered }) => views.push(isRemembered));
    const call = after.client.service(Greeter).with({ timeoutMs: 3_000 }).hello();
    while (views.length === 0) {
      await after.settle();
      await new Promise(setImmediate);
    }
    assert.deepEqual(views, [true]);
    await after.clock.advance(500);
    await after.list(after.start('b', 2));
    assert.equal(await call, 'b');
    await after.client.close();
    rmSync(directory, { recursive: true });
  });

  it('go to a server of an earlier run at once when it answers, whether or not the registry does', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rpc-first-'));
    const manual = manualRegistry();
    const before = new World({ registry: remembered(manual.registry, { directory }) }, manual);
    before.client.service(Greeter);
    await before.list(before.start('a', 1));
    await before.clock.advance(2_000);
    await before.client.close();
    const after = new World({ registry: remembered(manualRegistry().registry, { directory }) });
    after.start('a', 1);
    let isListed = false;
    after.client.on('viewChanged', () => {
      isListed = true;
    });
    const calls = [after.client.service(Greeter).hello()];
    while (!isListed) await new Promise(setImmediate);
    await after.settle();
    calls.push(after.client.service(Greeter).hello());
    assert.deepEqual(await Promise.all(calls), ['a', 'a']);
    assert.equal(after.clock.now(), 1_000);
    await after.client.close();
    rmSync(directory, { recursive: true });
  });

  it('wait no longer than their deadline', async () => {
    const call = world.client.service(Greeter).with({ timeoutMs: 200 }).hello();
    await Promise.all([
      assert.rejects(call, { code: 'DEADLINE_EXCEEDED', progress: 'unsent' }),
      world.clock.advance(200),
    ]);
    assert.equal(world.clock.now(), 1_200);
  });

  it('wait for a connection that takes its time, within their deadline', async () => {
    const a = world.start('a', 1);
    world.unplug(a);
    const call = world.client.service(Greeter).with({ timeoutMs: 500 }).hello();
    await world.list(a);
    await Promise.all([
      assert.rejects(call, {
        code: 'DEADLINE_EXCEEDED',
        message:
          /greeter\.hello took longer than 500 ms, the timeoutMs of the call \(no time left while waiting for a node of "greeter": .*h:1 \[a\] \(connecting\)/,
      }),
      world.clock.advance(500),
    ]);
  });

  it('wait no longer than the caller wants', async () => {
    const controller = new AbortController();
    const call = world.client.service(Greeter).with({ signal: controller.signal }).hello();
    await world.clock.advance(50);
    controller.abort('enough');
    await assert.rejects(call, { code: 'CANCELLED', cause: 'enough', progress: 'unsent' });
  });

  it('are told at once when every endpoint refuses, without waiting for the deadline', async () => {
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    world.kill(a);
    world.kill(b);
    const call = world.client.service(Greeter).with({ timeoutMs: 60_000 }).hello();
    const failed = assert.rejects(call, { code: 'UNAVAILABLE', progress: 'unsent' });
    await world.list(a, b);
    await world.clock.advance(1_000);
    await failed;
  });

  it('go to the one that answers when others do not', async () => {
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    world.unplug(a);
    const call = world.client.service(Greeter).hello();
    await world.list(a, b);
    assert.equal(await call, 'b');
  });
});

describe('a client with no node that takes calls', () => {
  it('asks the registry for a new list, and only then', async () => {
    const world = new World();
    const a = world.start('a', 1);
    world.client.service(Greeter);
    await world.list(a);
    assert.equal(await world.call(), 'a');
    assert.equal(world.registry.refreshes('greeter'), 0);
    world.kill(a);
    await world.settle();
    await assert.rejects(world.call(), { code: 'UNAVAILABLE' });
    assert.ok(world.registry.refreshes('greeter') > 0);
    await world.client.close();
  });
});

describe('a connection that had worked and is closed by somebody between', () => {
  it('is made anew at once, and calls wait for that', async () => {
    const world = new World();
    const a = world.start('a', 1);
    await world.list(a);
    assert.equal(await world.call(), 'a');
    for (let round = 1; round <= 5; round++) {
      await world.clock.advance(2_000);
      world.cut(a);
      const lostAt = world.clock.now();
      const calls = [world.call()];
      await world.clock.advance(0);
      calls.push(world.call());
      assert.deepEqual(await Promise.all(calls), ['a', 'a']);
      assert.deepEqual([world.dials.length, world.dials.at(-1)?.at], [round + 1, lostAt]);
    }
    await world.client.close();
  });

  it('is made anew after a pause when it ends at once, again and again', async () => {
    const world = new World();
    const a = world.start('a', 1);
    await world.list(a);
    await world.call();
    await world.clock.advance(2_000);
    for (let i = 0; i < 20; i++) {
      world.cut(a);
      await world.clock.advance(0);
    }
    assert.equal(world.dials.length, 2);
    await world.client.close();
  });
});

describe('waitForReady', () => {
  it('lets a call wait, within its deadline, where it would fail otherwise', async () => {
    const world = new World();
    const stub = world.client.service(Greeter);
    await world.list();
    await assert.rejects(world.call(), { code: 'UNAVAILABLE' });
    const patient = stub.with({ waitForReady: true }).hello();
    await world.clock.advance(500);
    await world.list(world.start('a', 1));
    assert.equal(await patient, 'a');
    await world.client.close();
  });

  it('ends with the deadline, and says why no node was there', async () => {
    const world = new World();
    const patient = world.client.service(Greeter).with({ waitForReady: true, timeoutMs: 300 }).hello();
    await world.list();
    await Promise.all([
      assert.rejects(patient, {
        code: 'DEADLINE_EXCEEDED',
        message:
          /took longer than 300 ms, the timeoutMs of the call \(.*service "greeter" has no instance in registry manual/,
      }),
      world.clock.advance(300),
    ]);
    await world.client.close();
  });
});

describe('attempts and nodes', () => {
  it('a call that a dying server never answered is not repeated unless that is safe', async () => {
    const world = new World();
    const a = world.start('a', 1);
    await world.list(a, world.start('b', 2));
    const stub = world.client.service(Greeter);
    const held = assert.rejects(stub.hold(), {
      code: 'UNAVAILABLE',
      progress: 'maybe-processed',
      message:
        /greeter\.hold failed: connection lost before the reply: .* \(h:\d \[\w\] broke off after \d+ ms; not retried: the method is not marked idempotent\)/,
    });
    await world.settle();
    for (const id of ['a', 'b']) if (world.node(id)?.inFlight === 1) world.kill(id === 'a' ? a : { ...a, id, port: 2 });
    await world.settle();
    await held;
    await world.client.close();
  });

  it('a call that a draining server refuses goes elsewhere at once, whatever it is', async () => {
    const world = new World({ balancer: roundRobin() });
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    const stub = world.client.service(Greeter);
    await world.list(a, b);
    // It refuses before its goodbye is heard.
    world.server(a).refuseNew('going down');
    const answers = new Set<string>();
    for (let i = 0; i < 10; i++) answers.add(await stub.hello());
    assert.deepEqual([...answers], ['b']);
    await world.client.close();
  });

  it('a change of weights in the registry is followed', async () => {
    const world = new World();
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    world.client.service(Greeter);
    await world.list(a, b);
    await world.list({ ...a, weight: 0 }, b);
    assert.deepEqual(await world.answering(50), ['b']);
    await world.list(a, { ...b, weight: 0 });
    assert.deepEqual(await world.answering(50), ['a']);
    await world.client.close();
  });

  it('a node that a second service uses is ready for it at once', async () => {
    const One = defineService('one', { where: method<() => number>() });
    const Two = defineService('two', { where: method<() => number>() });
    const server = createServer({ registry: memory() })
      .add(One, { where: () => 1 })
      .add(Two, { where: () => 2 });
    await using client = connect(server);
    await client.service(One).where();
    const ups: string[] = [];
    client.on('endpointUp', ({ service }) => ups.push(service));
    await client.ready(Two);
    assert.deepEqual(ups, ['two']);
  });
});

describe('the services of one instance', () => {
  it('share one connection', async () => {
    const One = defineService('one', { where: method<() => number>() });
    const Two = defineService('two', { where: method<() => number>() });
    const server = createServer({ registry: memory() });
    let connections = 0;
    server.on('connectionOpened', () => connections++);
    server.add(One, { where: () => 1 }).add(Two, { where: () => 2 });
    const client = connect(server);
    assert.equal(await client.service(One).where(), 1);
    assert.equal(await client.service(Two).where(), 2);
    assert.equal(connections, 1);
    await client.close();
  });
});

describe('a frozen server whose kernel accepts connections', () => {
  it('is given no call while another server answers', async () => {
    const world = new World();
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    world.freeze(a);
    world.client.service(Greeter);
    await world.list(a, b);
    assert.equal(world.node('a')?.connection, 'ready');
    assert.deepEqual(await world.answering(100), ['b']);
    await world.client.close();
  });

  it('is given no trial call either, which would only be lost', async () => {
    const world = new World();
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    await world.list(a, b);
    await world.answering(20);
    const held = Array.from({ length: 6 }, () =>
      world.client
        .service(Greeter)
        .hold()
        .catch(() => 'lost'),
    );
    await world.settle();
    world.freeze(a);
    await world.settle();
    world.release(b);
    assert.ok((await Promise.all(held)).includes('lost'), 'it has failed, so that trial calls are due');
    for (let second = 0; second < 30; second++) {
      assert.deepEqual(await world.answering(5), ['b'], `second ${second}`);
      await world.clock.advance(1_000);
    }
    await world.client.close();
  });
});
