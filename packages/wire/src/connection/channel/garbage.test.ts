import assert from 'node:assert/strict';
import fc from 'fast-check';
import { greetedClientRig, greetedServerRig, serverRig } from '../../../test/connection-rig.js';
import { helloFrame, rawFrame, requestFrame, responseFrame } from '../../../test/raw-peer.js';
import { FrameType, PREFACE } from '../../frames/frame.js';
import { isMessagePackRpc } from '../../frames/message-pack-rpc.js';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

/** Frames with valid headers and invalid bodies, mutated valid frames, and valid frames. */
const garbageFrame = fc.oneof(
  fc
    .record({ type: fc.nat(14), flags: fc.nat(255), id: fc.oneof(fc.nat(5), fc.nat(0xffff_ffff)), body: bytes(60) })
    .map(({ type, flags, id, body }) => rawFrame(type, body, id, flags)),
  fc
    .record({
      frame: fc.constantFrom(
        requestFrame(3, ['x', { a: [1, 2.5] }], { metadata: Buffer.from('01000261aabb', 'hex') }),
        responseFrame(1, { a: 'b' }),
        rawFrame(FrameType.ERROR, Buffer.from('0501ffffffff00026e6f81a16101', 'hex'), 2),
        helloFrame(),
      ),
      at: fc.nat(60),
      to: fc.nat(255),
    })
    .map(({ frame, at, to }) => {
      const mutated = Buffer.from(frame);
      mutated[at % mutated.length] = to;
      return mutated;
    }),
  fc.integer({ min: 1, max: 20 }).map((id) => requestFrame(id, ['fine'])),
);

describe('a connection, whatever comes', function () {
  this.timeout(60_000);

  it('of a server: it answers the same however its bytes are cut', async () => {
    const answers = async (parts: readonly Buffer[]): Promise<unknown[]> => {
      const { host, peer, settle } = await greetedServerRig();
      for (const part of parts) peer.send(part);
      await settle();
      // When a peer sends GOAWAY the connection is dropped: bytes that have not left by then never do.
      const isDropped = host.closedReasons[0]?.startsWith('closed by the client') === true;
      return [isDropped ? '' : peer.bytes.toString('hex'), host.closedReasons, host.calls.length];
    };
    const cuts = fc.array(fc.nat(), { maxLength: 6 });
    const property = fc.asyncProperty(fc.array(garbageFrame, { maxLength: 6 }), cuts, async (frames, places) => {
      const whole = Buffer.concat(frames);
      const ends = [...places.map((place) => place % (whole.length + 1)), whole.length].sort((a, b) => a - b);
      const parts = ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
      assert.deepEqual(await answers(parts), await answers([whole]));
    });
    await fc.assert(property, { numRuns: 10_000, seed: 13 });
  });

  it('of a server: it throws nothing, and closes with a GOAWAY or goes on', async () => {
    const property = fc.asyncProperty(fc.array(garbageFrame, { maxLength: 10 }), fc.nat(40), async (frames, cut) => {
      const { clock, connection, host, peer, settle } = await greetedServerRig();
      const stream = Buffer.concat(frames);
      peer.send(stream.subarray(0, cut));
      await settle();
      peer.send(stream.subarray(cut));
      await settle();
      const byPeer = host.closedReasons.some((reason) => reason.startsWith('closed by the client'));
      assert.equal(peer.framesOf(FrameType.GOAWAY).length, byPeer ? 0 : host.closedReasons.length);
      assert.ok(!host.closedReasons.some((reason) => reason.includes('internal')), host.closedReasons[0]);
      assert.equal(connection.running, 0);
      assert.ok(host.ended.length >= host.calls.length);
      await clock.advance(1_000);
      assert.equal(clock.pending, 0);
    });
    await fc.assert(property, { numRuns: 10_000, seed: 10 });
  });

  it('of a client: it throws nothing, and every call settles', async () => {
    const property = fc.asyncProperty(fc.array(garbageFrame, { maxLength: 10 }), fc.nat(40), async (frames, cut) => {
      const { call, clock, observed, peer, settle } = await greetedClientRig();
      const sent = [call('echo', [], { timeoutMs: 500 }), call('echo', [], { timeoutMs: 500 })];
      const stream = Buffer.concat(frames);
      peer.send(stream.subarray(0, cut));
      await settle();
      peer.send(stream.subarray(cut));
      await settle();
      assert.ok(!observed.closed.some((reason) => reason.includes('internal')), observed.closed[0]);
      await clock.advance(1_600);
      for (const { settledTimes } of sent) assert.equal(settledTimes, 1);
      assert.equal(clock.pending, 0);
    });
    await fc.assert(property, { numRuns: 10_000, seed: 11 });
  });

  it('from its first byte on', async () => {
    const first = fc.oneof(
      bytes(200),
      bytes(50).map((rest) => Buffer.concat([PREFACE, rest])),
      bytes(5).map((rest) => Buffer.concat([PREFACE.subarray(0, 3), rest])),
    );
    const property = fc.asyncProperty(first, fc.integer({ min: 1, max: 9 }), async (stream, size) => {
      const { clock, connection, host, peer } = serverRig();
      for (let at = 0; at < stream.length; at += size) peer.send(stream.subarray(at, at + size));
      await clock.advance(5_001);
      connection.tick(clock.now());
      await clock.advance(1_000);
      assert.equal(host.calls.length, 0);
      assert.deepEqual([host.closedReasons.length, peer.isClosed, clock.pending], [1, true, 0]);
      // A peer that seems to speak MessagePack-RPC gets an answer only if it has named the call.
      if (!isMessagePackRpc(stream[0] ?? 0)) assert.ok(peer.bytes.length > 0, 'it must say why');
    });
    await fc.assert(property, { numRuns: 500, seed: 12 });
  });
});
