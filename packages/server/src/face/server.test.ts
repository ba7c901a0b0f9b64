import assert from 'node:assert/strict';
import { connect as dial } from 'node:net';
import { type RpcError, systemClock } from '@org/rpc-core';
import { memory, type Registry } from '@org/rpc-registry';
import { manualRegistry } from '@org/rpc-testkit';
import { setUp, Work } from '../../test/bench.js';
import type { ServerOptions } from './options.js';
import { createServer } from './server.js';
import type { Server } from './server-types.js';

const echo = (...args: unknown[]): unknown => args;

function aServer(options: ServerOptions = {}): Server {
  return createServer({ registry: memory(), ...options }).add(Work, { run: echo, safe: echo, tell: echo });
}

/** Whether anybody accepts connections there. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

describe('server.listen()', () => {
  it('takes any free port unless told otherwise, and says which', async () => {
    await using server = aServer();
    const { host, port } = await server.listen();
    assert.equal(host, '127.0.0.1');
    assert.ok(port > 0);
    assert.equal(await accepts(port), true);
  });

  it('listens first and registers second, with the address that it has', async () => {
    const manual = manualRegistry();
    let portWhenRegistered: Promise<boolean> | undefined;
    const registry: Registry = {
      ...manual.registry,
      open(environment) {
        const handle = manual.registry.open(environment);
        return {
          ...handle,
          register(instance) {
            portWhenRegistered = accepts(instance.endpoint.port);
            return handle.register(instance);
          },
        };
      },
    };
    const clock = { ...systemClock, wallNow: () => 1_767_225_600_000.5 };
    await using server = aServer({
      registry,
      clock,
      weight: 50,
      zone: 'north',
      tags: { canary: 'yes' },
      version: '1.2',
    });
    const { port } = await server.listen();
    await server.registered;
    assert.equal(await portWhenRegistered, true);
    assert.deepEqual(JSON.parse(JSON.stringify(manual.instances())), [
      {
        services: ['work'],
        endpoint: {
          id: server.instance,
          host: '127.0.0.1',
          port,
          weight: 50,
          zone: 'north',
          tags: { canary: 'yes' },
          version: '1.2',
          state: 'up',
          startedAtMs: 1_767_225_600_001,
          protocol: 'rpc/1',
          features: ['streams', 'messagepack-rpc', 'compression'],
        },
      },
    ]);
  });

  it('registers what is advertised instead', async () => {
    const manual = manualRegistry();
    await using server = aServer({ registry: manual.registry });
    await server.listen({ advertise: { host: 'shop.example', port: 80 } });
    await server.registered;
    const { host, port } = manual.instances()[0]!.endpoint;
    assert.deepEqual([host, port], ['shop.example', 80]);
  });

  it('fails clearly when the port is taken, registers nothing, and may be tried again', async () => {
    const manual = manualRegistry();
    await using first = aServer();
    const { port } = await first.listen();
    await using second = aServer({ registry: manual.registry });
    await assert.rejects(second.listen({ port }), {
      name: 'Error',
      message: `listen on 127.0.0.1:${port}: the address is taken by another process: stop it or choose another port (EADDRINUSE)`,
    });
    assert.deepEqual([manual.instances(), manual.openHandles()], [[], 0]);
    await second.listen();
    await second.registered;
    assert.equal(manual.instances().length, 1);
  });

  it('fails clearly for an address that is not of this machine', async () => {
    await using server = aServer();
    await assert.rejects(
      server.listen({ host: '203.0.113.1', port: 4399 }),
      /^Error: listen on 203\.0\.113\.1:4399: the address does not belong to this machine/,
    );
  });

  it('does not wait for the registry, and tells what goes wrong there', async () => {
    const manual = manualRegistry();
    const registry: Registry = {
      ...manual.registry,
      open(environment) {
        const handle = manual.registry.open(environment);
        const pending = {
          state: () => ({ status: 'pending', error: undefined }) as const,
          registered: new Promise<void>(() => {}),
        };
        return { ...handle, register: (instance) => ({ ...handle.register(instance), ...pending }) };
      },
    };
    const events: unknown[] = [];
    const server = aServer({ registry }).on('registry', (event) => events.push(event));
    const { port } = await server.listen();
    assert.equal(await accepts(port), true);
    const event = { kind: 'unreachable', message: 'no route to the registry' } as const;
    manual.report(event);
    assert.deepEqual(events, [event]);
    await server.close();
    await assert.rejects(server.registered, /the server was closed before it was registered/);
  });

  it('leaves no port open when its registry cannot be used', async () => {
    const ports: number[] = [];
    const registry: Registry = {
      display: 'broken',
      drainLeadMs: 0,
      isMachineLocal: true,
      open: () => ({
        ...manualRegistry().registry.open({ namespace: 'default', clock: systemClock, random: Math.random }),
        register({ endpoint }) {
          ports.push(endpoint.port);
          throw new TypeError('this registry takes no instances');
        },
      }),
    };
    const server = aServer({ registry });
    await assert.rejects(server.listen(), /this registry takes no instances/);
    assert.equal(await accepts(ports[0]!), false);
  });

  it('is called once, after add() and before close()', async () => {
    const server = aServer();
    const first = server.listen();
    await assert.rejects(server.listen(), { name: 'TypeError', message: 'server.listen: it listens already' });
    await first;
    assert.throws(() => server.add(Work, { run: echo, safe: echo, tell: echo }), {
      name: 'TypeError',
      message: 'server.add: add services before listen()',
    });
    await server.close();
    await assert.rejects(server.listen(), {
      name: 'TypeError',
      message: 'server.listen: the server is closed; create another one',
    });
  });
});

describe('server.update()', () => {
  it('refuses what makes no sense, and changes nothing', async () => {
    const manual = manualRegistry();
    await using server = aServer({ registry: manual.registry });
    await assert.rejects(server.update({ weight: 1 }), {
      name: 'TypeError',
      message: 'server.update: the server does not listen',
    });
    await server.listen();
    await server.registered;
    for (const [change, message] of [
      [{ wieght: 1 }, 'server.update: unknown option "wieght"; did you mean "weight"?'],
      [{ available: 1 }, 'server.update: available must be true or false, got 1'],
      [{ weight: -1 }, 'server.update: weight must be a number from 0 to 10000, got -1'],
      [
        { tags: { a: 1 } },
        'server.update: tag a must be text of 1 to 1000 characters without control characters, got 1',
      ],
    ] as const)
      await assert.rejects(server.update(change as never), { name: 'TypeError', message });
    assert.equal(manual.instances()[0]?.endpoint.weight, 100);
  });
});

describe('server.close()', () => {
  it('frees the port and leaves the registry', async () => {
    const manual = manualRegistry();
    const server = aServer({ registry: manual.registry });
    const { port } = await server.listen();
    await server.registered;
    await server.close();
    assert.equal(await accepts(port), false);
    assert.deepEqual([manual.instances(), manual.openHandles()], [[], 0]);
  });

  it('may be called any number of times, also of a server that never listened', async () => {
    const server = aServer();
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });

  it('ends a listen that is still on its way', async () => {
    const manual = manualRegistry();
    const server = aServer({ registry: manual.registry });
    const listening = server.listen();
    await server.close();
    const { port } = await listening;
    assert.equal(await accepts(port), false);
    assert.deepEqual(manual.instances(), []);
  });

  it('comes with the end of the block that uses it', async () => {
    let port: number;
    {
      await using server = aServer();
      ({ port } = await server.listen());
    }
    assert.equal(await accepts(port), false);
  });
});

describe('concurrency.max', () => {
  it('refuses calls beyond it before they start, and takes others when one has ended', async () => {
    let runs = 0;
    const run = (ms: unknown): Promise<void> => {
      runs++;
      return new Promise((resolve) => bench.clock.schedule(ms as number, resolve));
    };
    await using bench = setUp({ run }, { concurrency: { max: 2 } });
    const running = [bench.work.run(100), bench.work.run(100)];
    await bench.clock.advance(10);
    assert.equal(bench.server.running, 2);
    const refused = bench.work.with({ timeoutMs: 20 }).run(1);
    await Promise.all([
      assert.rejects(refused, (error: RpcError) => {
        assert.match(
          error.message,
          /RESOURCE_EXHAUSTED: work\.run failed: the server runs 2 calls already \(concurrency\.max\)/,
        );
        assert.equal(error.progress, 'refused');
        return true;
      }),
      bench.clock.advance(20),
    ]);
    assert.equal(runs, 2);
    await bench.clock.advance(100);
    await Promise.all(running);
    const next = bench.work.run(1);
    await bench.clock.advance(1);
    await next;
    assert.equal(runs, 3);
  });
});
