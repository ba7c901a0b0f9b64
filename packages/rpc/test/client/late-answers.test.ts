import assert from 'node:assert/strict';
import { type ObservedServerCall, observe } from '@org/rpc';
import { Greeter, World } from './world.js';

describe('a handler that goes on beyond the deadline of its call', () => {
  it('is told of as a call that had no time left, as its caller has seen it', async () => {
    const world = new World({ retry: false });
    const a = world.start('a', 1);
    const greeter = world.client.service(Greeter).with({ timeoutMs: 100 });
    const early = greeter.hello();
    await world.list(a);
    await early;
    const ended: ObservedServerCall[] = [];
    const watching = observe({
      server(told) {
        if (told.type === 'callEnd') ended.push(told.call);
      },
    });
    const held = greeter.hold().catch((error) => error);
    await world.clock.advance(150);
    assert.equal((await held).code, 'DEADLINE_EXCEEDED');
    world.release(a);
    await world.settle();
    watching.close();
    assert.deepEqual(
      ended.map(({ error, durationMs }) => [error?.code, error?.progress, durationMs]),
      [['DEADLINE_EXCEEDED', 'processed', 150]],
    );
    await world.client.close();
  });
});
