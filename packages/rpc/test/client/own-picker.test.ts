import assert from 'node:assert/strict';
import type { PickerFactory } from '@org/rpc-client';
import { Greeter, World } from './world.js';

describe('a picker of the user', () => {
  it('is told the zone of the client and of each node, and what is in flight to each and to all', async () => {
    const seen: unknown[] = [];
    const own: PickerFactory = {
      name: 'own',
      create: (nodes, environment) => ({
        pick: () => {
          const loads = nodes.map(({ endpoint, load }) => [endpoint.zone, load.inFlight]);
          seen.push({ own: environment.zone, inFlight: environment.inFlight, loads });
          return (
            nodes.find(({ endpoint, load }) => endpoint.zone === environment.zone && load.inFlight === 0) ?? nodes[0]
          );
        },
      }),
    };
    const world = new World({ zone: 'north', balancer: own });
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    await world.list({ ...a, zone: 'south' }, { ...b, zone: 'north' });
    await world.client.ready(Greeter);
    await world.settle();
    const stub = world.client.service(Greeter);
    const held = [stub.hold(), stub.hold()];
    await world.settle();
    const third = stub.hello();
    await world.settle();
    assert.equal(await third, 'a');
    world.release(a);
    world.release(b);
    await world.settle();
    assert.deepEqual(await Promise.all(held), ['b has held', 'a has held']);
    assert.equal(await stub.hello(), 'b');
    const counts = [
      [0, 0, 0],
      [1, 0, 1],
      [2, 1, 1],
      [0, 0, 0],
    ] as const;
    const expected = counts.map(([inFlight, south, north]) => ({
      own: 'north',
      inFlight,
      loads: [
        ['south', south],
        ['north', north],
      ],
    }));
    assert.deepEqual(seen, expected);
    await world.client.close();
  });
});
