import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { hex } from '../../../test/codec-helpers.js';
import { greetedServerRig, TestHost } from '../../../test/connection-rig.js';
import { MessagePackRpcPeer, message } from '../../../test/message-pack-rpc-peer.js';
import { readError, requestFrame } from '../../../test/raw-peer.js';
import { msgpack } from '../../codec/msgpack.js';
import { FrameType } from '../../frames/frame.js';
import { memoryPair } from '../../transport/memory.js';
import { serveMessagePackRpc } from '../message-pack-rpc/message-pack-rpc-server-connection.js';
import { ServerConnection } from './server-connection.js';

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
    // Whoever keeps a refused call, such as an observer, does not keep what it would have been called with.
    assert.deepEqual(
      host.ended.map(({ call }) => call.args.length),
      refused.map(() => 0),
    );
    for (const end of release.splice(0)) end();
    await settle();
    send(30);
    await settle();
    assert.equal(release.length, 1);
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
  });

  it('is bounded as well when a call waited for its authorization', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: { inFlightRequestBytes: 2_000_000 } });
    const authorized: (() => void)[] = [];
    host.authorize = () => new Promise((resolve) => authorized.push(resolve));
    host.methods['hang'] = () => new Promise(() => {});
    for (let id = 1; id <= 4; id++)
      peer.send(requestFrame(id, [], { name: ['test', 'hang'], payload: expensive(10_000) }));
    await settle();
    for (const resolve of authorized) resolve();
    await settle();
    assert.deepEqual([authorized.length, host.calls.length], [4, 3]);
    assert.match(readError(peer.only(FrameType.ERROR)).reason, /when decoded/);
  });

  it('is bounded on connections of MessagePack-RPC too', async () => {
    const host = new TestHost();
    const clock = new FakeClock(1_000);
    const [clientEnd, stream] = memoryPair();
    const limits = { ...DEFAULT_LIMITS, inFlightRequestBytes: 2_000_000 };
    new ServerConnection({ stream, codec: msgpack(), limits, clock, host, messagePackRpc: serveMessagePackRpc });
    const peer = new MessagePackRpcPeer(clientEnd);
    host.methods['hang'] = () => new Promise(() => {});
    const objects = Array.from({ length: 10_000 }, () => ({}));
    for (let id = 1; id <= 4; id++) peer.send(message(0, id, 'test.hang', [objects]));
    await clock.advance(0);
    assert.equal(host.calls.length, 3);
    assert.match(String((peer.messages[0] as unknown[])[2]), /^RESOURCE_EXHAUSTED: .* when decoded/);
  });

  it('lets a call run that is alone, whatever it takes', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: { inFlightRequestBytes: 100_000 } });
    host.methods['count'] = (objects: unknown[]) => objects.length;
    peer.send(requestFrame(1, [], { name: ['test', 'count'], payload: expensive(10_000) }));
    await settle();
    assert.equal(peer.framesOf(FrameType.RESPONSE).length, 1);
  });
});
