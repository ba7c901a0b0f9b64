import assert from 'node:assert/strict';
import { hex } from '../../test/codec-helpers.js';
import { greetedServerRig } from '../../test/connection-rig.js';
import { readError, requestFrame } from '../../test/raw-peer.js';
import { FrameType } from '../protocol/frame.js';

/** Arguments of one array of so many empty objects: a byte each on the wire, 63 in memory. */
const expensive = (count: number): Buffer =>
  Buffer.concat([hex('91 dd'), Buffer.from([0, 0, count >> 8, count & 0xff]), Buffer.alloc(count, 0x80)]);

describe('what the requests in flight of a connection take when decoded', () => {
  it('is bounded: small bytes that grow to large objects are refused before the bound, and the rest goes on', async () => {
    const limits = { inFlightRequestBytes: 2_000_000 };
    const { host, peer, settle } = await greetedServerRig({ limits });
    const release: (() => void)[] = [];
    host.methods['hang'] = () => new Promise((resolve) => release.push(() => resolve('done')));
    const send = (id: number): void =>
      peer.send(requestFrame(id, [], { name: ['test', 'hang'], payload: expensive(10_000) }));
    // 640,000 bytes each by the estimate, and 10,000 by their length: without the estimate 199 would run.
    for (let id = 1; id <= 20; id++) send(id);
    await settle();
    assert.equal(release.length, 3);
    const refused = peer.framesOf(FrameType.ERROR).map((frame) => ({ id: frame.id, ...readError(frame) }));
    assert.equal(refused.length, 17);
    assert.deepEqual([refused[0]!.id, refused[0]!.code, refused[0]!.handlerRan], [4, 8, 0]);
    assert.match(refused[0]!.reason, /take more than 2000000 bytes when decoded \(limits\.inFlightRequestBytes\)/);
    for (const end of release.splice(0)) end();
    await settle();
    send(30);
    await settle();
    assert.equal(release.length, 1);
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
  });
});
