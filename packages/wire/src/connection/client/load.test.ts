import assert from 'node:assert/strict';
import { rpcError } from '@org/rpc-core/internal';
import { clientRig, type PairRig, pairRig, type RigOptions, serverRig } from '../../../test/connection-rig.js';
import { helloFrame, rawFrame, requestFrame } from '../../../test/raw-peer.js';
import { FrameType, PREFACE, ReplyFlag } from '../../frames/frame.js';
import { packLoad } from '../../frames/load.js';

/** Both ends, where the server has so many calls in flight and lets them wait for 3.5 ms. */
async function pair(inFlight: () => number, options: RigOptions = {}): Promise<PairRig> {
  const rig = pairRig({ wantsLoad: true, load: () => packLoad(inFlight(), 3.5), ...options });
  await rig.settle();
  return rig;
}

describe('how busy a server is', () => {
  it('comes with each answer and each error', async () => {
    let inFlight = 12;
    const rig = await pair(() => inFlight);
    rig.host.methods['no'] = () => {
      throw rpcError('NOT_FOUND', 'no');
    };
    assert.equal(rig.connection.load!.at, Number.NEGATIVE_INFINITY);
    const yes = rig.call('echo', ['a']);
    await rig.settle();
    assert.deepEqual([yes.value, rig.connection.load], ['a', { inFlight: 12, queueMs: 3.5, at: 1_000 }]);
    inFlight = 70_000;
    await rig.clock.advance(5);
    const no = rig.call('no');
    await rig.settle();
    assert.deepEqual(
      [no.error?.code, rig.connection.load],
      ['NOT_FOUND', { inFlight: 65_535, queueMs: 3.5, at: 1_005 }],
    );
  });

  it('comes with what is refused, with metadata, compressed, and in pieces', async () => {
    let inFlight = 0;
    const rig = await pair(() => ++inFlight, { compression: { aboveBytes: 100, level: 1 } });
    const missing = rig.call('missing');
    rig.host.methods['tagged'] = (call: never) => {
      (call as { responseMetadata: Record<string, string> }).responseMetadata['cache'] = 'hit';
      return 'a'.repeat(1_000);
    };
    const tagged = rig.call('tagged');
    await rig.settle();
    assert.equal(missing.error?.code, 'UNIMPLEMENTED');
    assert.deepEqual([tagged.value, tagged.call.responseMetadata?.['cache']], ['a'.repeat(1_000), 'hit']);
    assert.equal(rig.connection.load!.inFlight, 2);
    const plain = await pair(() => ++inFlight);
    const large = plain.call('echo', [Buffer.alloc(200_000, 7)]);
    await plain.settle();
    assert.deepEqual([(large.value as Buffer).length, plain.connection.load!.inFlight], [200_000, 3]);
  });

  it('is answered when it is asked for, once for all who ask meanwhile', async () => {
    let asked = 0;
    const rig = await pair(() => ++asked);
    let answers = 0;
    for (let i = 0; i < 3; i++)
      assert.equal(
        rig.connection.askLoad(() => answers++),
        true,
      );
    await rig.settle();
    assert.deepEqual([answers, asked, rig.connection.load!.inFlight], [3, 1, 1]);
    assert.equal(
      rig.connection.askLoad(() => answers++),
      true,
    );
    rig.connection.close('test');
    assert.equal(answers, 4, 'nobody waits for a connection that is gone');
    assert.equal(
      rig.connection.askLoad(() => answers++),
      false,
    );
  });

  it('costs nothing where nobody wants to know, or the server does not tell', async () => {
    for (const options of [{ load: () => packLoad(1, 1) }, { wantsLoad: true }]) {
      const rig = pairRig(options);
      await rig.settle();
      const call = rig.call('echo', [1]);
      await rig.settle();
      assert.deepEqual([call.value, rig.connection.askLoad(() => {})], [1, false]);
    }
    const { peer, settle } = serverRig({ load: () => packLoad(1, 1) });
    peer.send(PREFACE, helloFrame());
    await settle();
    peer.send(requestFrame(1));
    await settle();
    assert.deepEqual(peer.framesOf(FrameType.RESPONSE)[0]?.flags, 0);
  });

  it('is skipped by a client that did not ask for it, and never taken from a LOAD that comes unasked', async () => {
    const rig = clientRig({ wantsLoad: true });
    rig.peer.send(helloFrame({ load: true }));
    await rig.settle();
    rig.peer.send(rawFrame(FrameType.LOAD, Buffer.from('000c0023', 'hex')));
    await rig.settle();
    assert.equal(rig.connection.load!.inFlight, 0);
    const other = clientRig();
    other.peer.send(helloFrame());
    const call = other.call('echo');
    await other.settle();
    other.peer.send(rawFrame(FrameType.RESPONSE, Buffer.from('000c002307', 'hex'), 1, ReplyFlag.LOAD));
    await other.settle();
    assert.deepEqual([call.value, other.connection.load], [7, undefined]);
  });

  it('closes for a LOAD of another length', async () => {
    const client = clientRig({ wantsLoad: true });
    client.peer.send(helloFrame({ load: true }));
    await client.settle();
    client.connection.askLoad(() => {});
    client.peer.send(rawFrame(FrameType.LOAD, Buffer.alloc(3)));
    await client.settle();
    assert.equal(client.peer.goAway.reason, 'a LOAD of a server has 4 bytes, not 3');
    const server = serverRig({ load: () => packLoad(1, 1) });
    server.peer.send(PREFACE, helloFrame({ load: true }), rawFrame(FrameType.LOAD, Buffer.alloc(1)));
    await server.settle();
    assert.equal(server.peer.goAway.reason, 'a LOAD of a client has no body, not 1 bytes');
  });
});
