import assert from 'node:assert/strict';
import { type ObservedClientCall, observe } from '@org/rpc';
import { Greeter, World } from './world.js';

describe('the phases of an attempt that was answered', () => {
  let watching: { close(): void } | undefined;
  afterEach(() => watching?.close());

  /** A call that its handler holds for 40 ms, as an observer sees it. */
  async function heldCall(begins: (call: ObservedClientCall) => void): Promise<ObservedClientCall> {
    const world = new World();
    const a = world.start('a', 1);
    const early = world.client.service(Greeter).hello();
    await world.list(a);
    await early;
    let ended: ObservedClientCall | undefined;
    watching = observe({
      client(told) {
        if (told.type === 'callStart') begins(told.call);
        else if (told.type === 'callEnd') ended = told.call;
      },
    });
    const held = world.client.service(Greeter).hold();
    await world.clock.advance(40);
    world.release(a);
    await world.settle();
    await held;
    await world.client.close();
    return ended!;
  }

  it('are told by its server where an observer has asked', async () => {
    const { attempts } = await heldCall((call) => call.askServer());
    assert.deepEqual(
      attempts.map(({ phases }) => phases),
      [{ network: 0, queue: 0, handler: 40 }],
    );
  });

  it('are not known where nobody has asked', async () => {
    const { attempts } = await heldCall(() => {});
    assert.deepEqual(
      attempts.map(({ phases }) => phases),
      [undefined],
    );
  });
});
