import assert from 'node:assert/strict';
import { ItemQueue } from '../src/connection/streams/item-queue.js';
import { clientRig, greetedClientRig, makeCall, type ServerRig, send, serverRig } from './connection-rig.js';
import { bytesOf, frameBytes, VECTOR_LIMITS, VECTORS } from './protocol-vectors.js';
import { readGoAway } from './raw-peer.js';

const never = (): Promise<unknown> => new Promise(() => {});
const neverItems = (): AsyncIterable<unknown> => ({ [Symbol.asyncIterator]: () => ({ next: never as never }) });

async function server(isGreeted: boolean): Promise<ServerRig> {
  const rig = serverRig({ limits: VECTOR_LIMITS });
  rig.host.self.instance = 'users-1';
  Object.assign(rig.host.methods, {
    get: () => 1,
    size: () => 1,
    note: () => 1,
    count: neverItems,
    hold: neverItems,
    wait: never,
  });
  if (isGreeted) rig.peer.send(bytesOf(VECTORS.preface), frameBytes('hello-client'));
  await rig.settle();
  return rig;
}

describe('what breaks the native protocol', () => {
  for (const { name, to, after, hex, times = 1, goAway, goesOn = false } of VECTORS.refused) {
    if (to !== 'server') continue;
    it(`closes the connection of a server: ${name}`, async () => {
      const { peer, host, settle } = await server(after !== 'nothing');
      const bytes = bytesOf(hex);
      for (let i = 1; i < times; i++) peer.send(bytes);
      await settle();
      assert.deepEqual([peer.isEnded, host.closedReasons], [false, []]);
      peer.send(bytes);
      await settle();
      assert.deepEqual(readGoAway(peer.frames.at(-1)!), goAway);
      assert.deepEqual([peer.isEnded, host.closedReasons], goesOn ? [false, []] : [true, [goAway.reason]]);
    });
  }

  for (const { name, to, after, hex, goAway, call, streams } of VECTORS.refused) {
    if (to !== 'client') continue;
    it(`closes the connection of a client: ${name}`, async () => {
      const rig =
        after === 'nothing' ? clientRig({ limits: VECTOR_LIMITS }) : await greetedClientRig({ limits: VECTOR_LIMITS });
      const sketch = makeCall(rig.clock, 'echo', []);
      if (streams === true) sketch.stream = { received: new ItemQueue(), opened: () => {} };
      const sent = send(rig.connection, sketch);
      await rig.settle();
      rig.peer.send(bytesOf(hex));
      await rig.settle();
      assert.deepEqual(rig.peer.goAway, goAway);
      assert.ok(rig.peer.isEnded);
      const { code, progress } = sent.error!;
      assert.deepEqual({ code, progress }, call ?? { code: 'UNAVAILABLE', progress: 'maybe-processed' });
    });
  }

  for (const { name, hex, answer } of VECTORS.refusedCalls) {
    it(`is answered while the connection goes on: ${name}`, async () => {
      const { peer, settle } = await server(true);
      const before = peer.bytes.length;
      peer.send(bytesOf(hex));
      await settle();
      assert.equal(peer.bytes.subarray(before).toString('hex'), bytesOf(answer).toString('hex'));
      assert.equal(peer.isEnded, false);
    });
  }
});
