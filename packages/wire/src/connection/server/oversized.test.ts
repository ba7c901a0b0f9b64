import assert from 'node:assert/strict';
import { CODE_NUMBERS } from '@org/rpc-core/internal';
import { encoded } from '../../../test/codec-helpers.js';
import { compressedPayload } from '../../../test/compressed-frames.js';
import { greetedClientRig, greetedServerRig, makeCall, send } from '../../../test/connection-rig.js';
import { rawFrame, readError, requestFrame } from '../../../test/raw-peer.js';
import { inPieces } from '../../../test/raw-pieces.js';
import { COMPRESSED } from '../../frames/compressed.js';
import { FrameType, HEADER_BYTES, ReplyFlag, RequestFlag } from '../../frames/frame.js';
import { ItemQueue } from '../streams/item-queue.js';

const limits = { messageBytes: 500_000 };
const LARGE = 600_000;
const opening = (id: number, args: readonly unknown[] = []): Buffer =>
  requestFrame(id, args, { flags: RequestFlag.STREAM, name: ['test', 'read'] });
const item = (id: number, bytes = 1): Buffer => rawFrame(FrameType.ITEM, Buffer.alloc(bytes), id);
const FORMS = [
  ['in one frame', (frame: Buffer) => [frame]],
  ['in pieces', (frame: Buffer) => inPieces(frame, Array<number>(20).fill(60_000))],
] as const;

describe('an item beyond messageBytes', () => {
  for (const [form, framesOf] of FORMS) {
    it(`${form} fails the call of a client, which cancels it and gives the credit back`, async () => {
      const { clock, connection, peer, settle } = await greetedClientRig({ limits });
      const call = makeCall(clock, 'read', []);
      call.stream = { received: new ItemQueue(), opened: () => {} };
      const sent = send(connection, call);
      const other = send(connection, makeCall(clock, 'echo', []));
      await settle();
      peer.send(...framesOf(item(1, LARGE)), rawFrame(FrameType.RESPONSE, Buffer.from([7]), 2));
      await settle();
      assert.deepEqual([sent.error?.code, other.value], ['RESOURCE_EXHAUSTED', 7]);
      assert.match(sent.error!.reason, /^the item has 600000 bytes, more than the limit of 500000/);
      assert.equal(peer.only(FrameType.CANCEL).id, 1);
      const { id, body } = peer.only(FrameType.CREDIT);
      assert.deepEqual([id, body.readUInt32BE()], [0, LARGE]);
    });

    it(`${form} fails that call alone on a server, and gives the credit back`, async () => {
      const { host, peer, settle } = await greetedServerRig({ limits });
      host.methods['read'] = async function* (items: AsyncIterable<unknown>) {
        for await (const one of items) yield one;
      };
      peer.send(
        opening(1),
        ...framesOf(item(1, LARGE)),
        rawFrame(FrameType.END, Buffer.alloc(0), 1),
        requestFrame(3, [8]),
      );
      await settle();
      await settle();
      const { code, handlerRan, reason } = readError(peer.only(FrameType.ERROR));
      assert.deepEqual([code, handlerRan], [CODE_NUMBERS.RESOURCE_EXHAUSTED, 1]);
      assert.equal(reason, 'an item has 600000 bytes, the limit is 500000 (limits.messageBytes)');
      assert.deepEqual([host.calls[0]!.signal.aborted, host.ended.length], [true, 2]);
      assert.equal(peer.only(FrameType.RESPONSE).id, 3);
      assert.equal(peer.only(FrameType.CREDIT).body.readUInt32BE(), LARGE);
    });
  }

  it('counts against the credit as any other', async () => {
    const { peer, settle } = await greetedServerRig({ limits });
    for (let id = 1; id <= 4; id++) peer.send(item(id, LARGE));
    await settle();
    assert.equal(peer.isEnded, false);
    const few = { ...limits, streamCreditBytes: 64 * 1024 };
    const { host, peer: other, settle: settled } = await greetedServerRig({ limits: few });
    host.methods['read'] = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
    const covered = rawFrame(FrameType.ITEM, encoded(Buffer.alloc(70_000)), 1);
    other.send(opening(1), covered, item(1, LARGE));
    await settled();
    assert.match(other.goAway.reason, /beyond the credit of 65536 bytes of stream 1/);
  });
});

describe('a request beyond messageBytes', () => {
  for (const [form, framesOf] of FORMS) {
    it(`${form} that opens a stream is refused, and its items are those of one that has ended`, async () => {
      const { host, peer, settle } = await greetedServerRig({ limits });
      peer.send(...framesOf(opening(1, [Buffer.alloc(LARGE)])));
      for (let i = 0; i < 1_000; i++) peer.send(item(1));
      peer.send(rawFrame(FrameType.END, Buffer.alloc(0), 1), requestFrame(3, [8]));
      await settle();
      assert.equal(readError(peer.only(FrameType.ERROR)).code, CODE_NUMBERS.RESOURCE_EXHAUSTED);
      assert.deepEqual([peer.only(FrameType.RESPONSE).id, host.calls.length], [3, 1]);
    });
  }

  it('may not have the id of a call that runs', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits });
    host.methods['hang'] = () => new Promise(() => {});
    const large = requestFrame(1, [Buffer.alloc(LARGE)]);
    peer.send(requestFrame(1, [], { name: ['test', 'hang'] }), large.subarray(0, HEADER_BYTES));
    await settle();
    assert.equal(peer.goAway.reason, 'call id 1 is in flight already');
  });
});

describe('metadata beyond its bounds', () => {
  const pair = Buffer.concat([Buffer.from([1, 0, 100, 97]), Buffer.alloc(100, 98)]);
  const few = { metadataBytes: 50 };

  it('of a request refuses that call alone', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: few });
    peer.send(requestFrame(1, [], { metadata: pair }), requestFrame(3, [8]));
    await settle();
    const { code, handlerRan, reason } = readError(peer.only(FrameType.ERROR));
    assert.deepEqual([code, handlerRan], [CODE_NUMBERS.RESOURCE_EXHAUSTED, 0]);
    assert.equal(reason, 'metadata of 104 bytes is beyond the limit of 50 (limits.metadataBytes)');
    assert.deepEqual([peer.only(FrameType.RESPONSE).id, host.calls.length], [3, 1]);
  });

  it('of a reply fails that call alone', async () => {
    const { call, peer, settle } = await greetedClientRig({ limits: few });
    const calls = [1, 2, 3].map(() => call('echo'));
    await settle();
    const section = Buffer.concat([Buffer.from([0, 104]), pair]);
    const compressed = Buffer.concat([section, compressedPayload(encoded(7))]);
    peer.send(rawFrame(FrameType.RESPONSE, Buffer.concat([section, encoded(7)]), 1, ReplyFlag.METADATA));
    peer.send(rawFrame(FrameType.RESPONSE, compressed, 2, ReplyFlag.METADATA | COMPRESSED));
    peer.send(rawFrame(FrameType.RESPONSE, encoded(7), 3));
    await settle();
    for (const { error } of calls.slice(0, 2)) {
      assert.deepEqual([error?.code, error?.progress], ['RESOURCE_EXHAUSTED', 'processed']);
      assert.match(error!.reason, /^metadata of 104 bytes/);
    }
    assert.equal(calls[2]!.value, 7);
  });
});
