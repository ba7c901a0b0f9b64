import assert from 'node:assert/strict';
import { Greeter, World } from './world.js';

describe('the error of a call for which there is no node', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.client.service(Greeter);
  });
  afterEach(() => world.client.close());

  it('says that the registry is silent, which one it is, and what to do', async () => {
    await assert.rejects(world.call(200), {
      code: 'DEADLINE_EXCEEDED',
      message:
        'DEADLINE_EXCEEDED: greeter.hello took longer than 200 ms, the timeoutMs of the call (no time left while waiting for a node of "greeter": ' +
        'the registry has not answered yet (registry manual, namespace "default"): start it, check the option registry, or give the call more time); ' +
        'at fault: the registry, which named no instance for 200 of 200 ms',
    });
  });

  it('repeats what the registry reports as wrong, until it has recovered', async () => {
    world.registry.report({ kind: 'unreachable', message: 'connect ECONNREFUSED 10.0.0.9:2379' });
    await assert.rejects(
      world.call(200),
      /namespace "default"; its last error: connect ECONNREFUSED 10\.0\.0\.9:2379\)/,
    );
    world.registry.report({ kind: 'recovered', message: 'it answers again' });
    await assert.rejects(world.call(200), /namespace "default"\): start it/);
  });

  it('says that the service has no instance, where it looked, and what to do', async () => {
    await world.list();
    await assert.rejects(world.call(), {
      code: 'UNAVAILABLE',
      message:
        'UNAVAILABLE: greeter.hello failed: service "greeter" has no instance in registry manual, namespace "default": ' +
        "start a server that adds it, or check the service's name, registry and namespace",
    });
  });

  it('names the instances that refuse, each with its reason', async () => {
    const endpoints = [1, 2, 3, 4, 5].map((port) => world.start(`s${port}`, port));
    for (const endpoint of endpoints) world.kill(endpoint);
    await world.list(...endpoints);
    const refused = (port: number): string => `h:${port} [s${port}] (connection refused: nothing listens there)`;
    await assert.rejects(world.call(), {
      code: 'UNAVAILABLE',
      message:
        `UNAVAILABLE: greeter.hello failed: no instance of "greeter" takes calls: ${refused(1)}, ${refused(2)}, ${refused(3)} ` +
        'and 2 more; registry manual, namespace "default"; check that they run and can be reached from here',
    });
  });

  it('names instances that drain as such', async () => {
    const a = world.start('a', 1);
    await world.list(a);
    await world.list({ ...a, state: 'draining' });
    await assert.rejects(
      world.call(),
      /no instance of "greeter" takes calls: h:1 \[a\] \(it is draining\); registry manual/,
    );
  });
});
