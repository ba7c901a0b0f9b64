import assert from 'node:assert/strict';
import { encoded, hex } from '../../../test/codec-helpers.js';
import { compressedItem, compressedPayload } from '../../../test/compressed-frames.js';
import {
  type ClientRig,
  greetedClientRig,
  greetedServerRig,
  makeCall,
  type SentCall,
  send,
} from '../../../test/connection-rig.js';
import { goAwayFrame, rawFrame, readError, requestFrame } from '../../../test/raw-peer.js';
import { FrameType, GoAwayCode, RequestFlag } from '../../frames/frame.js';
import { ItemQueue } from '../streams/item-queue.js';

/** A stream of a client, and what its reader gets. */
function sendStream(rig: ClientRig): { sent: SentCall; received: ItemQueue } {
  const received = new ItemQueue();
  const call = makeCall(rig.clock, 'count', []);
  call.stream = { received, opened: () => {} };
  return { sent: send(rig.connection, call), received };
}

const item = (id: number, value: unknown): Buffer => rawFrame(FrameType.ITEM, encoded(value), id);
const refusal = (id: number): Buffer => rawFrame(FrameType.ERROR, hex('0e00ffffffff0000'), id);

/** Whether the reader has been told of an end by now. */
async function isOver(received: ItemQueue): Promise<boolean> {
  return Promise.race([received.next().then(() => true), new Promise<boolean>((r) => setImmediate(r, false))]);
}

describe('the end of a stream', () => {
  it('is told to its reader together with the success of the call', async () => {
    const rig = await greetedClientRig();
    const { sent, received } = sendStream(rig);
    rig.peer.send(item(1, 'a'), rawFrame(FrameType.END, Buffer.alloc(0), 1));
    await rig.settle();
    assert.deepEqual(await received.next(), { done: false, value: 'a' });
    assert.deepEqual([await isOver(received), sent.settledTimes, sent.error], [true, 1, undefined]);
  });

  for (const [what, body, flags] of [
    ['has bytes that mean nothing', '01', 0],
    ['says that it has metadata and has none', '', 1],
    ['has metadata that is cut', '000561', 1],
  ] as const) {
    it(`fails the call, and does not pass for the end of the items, when it ${what}`, async () => {
      const rig = await greetedClientRig();
      const { sent, received } = sendStream(rig);
      rig.peer.send(rawFrame(FrameType.END, hex(body), 1, flags));
      await rig.settle();
      assert.deepEqual([sent.error?.code, sent.error?.progress], ['INTERNAL', 'processed']);
      assert.equal(await isOver(received), false);
    });
  }
});

describe('a stream of which an item has come', () => {
  it('has run, whatever its ERROR says: it must not be begun anew', async () => {
    const rig = await greetedClientRig();
    const [{ sent: begun }, { sent: other }] = [sendStream(rig), sendStream(rig)];
    rig.peer.send(item(1, 'a'), refusal(1), refusal(2));
    await rig.settle();
    assert.deepEqual([begun.error?.code, begun.error?.progress], ['UNAVAILABLE', 'processed']);
    assert.deepEqual([other.error?.code, other.error?.progress], ['UNAVAILABLE', 'refused']);
  });

  it('has run as well when a server that would not be the one that was meant says goodbye', async () => {
    const rig = await greetedClientRig();
    const [{ sent: begun }, { sent: other }] = [sendStream(rig), sendStream(rig)];
    rig.peer.send(item(1, 'a'), goAwayFrame(GoAwayCode.WRONG_INSTANCE, 'not me'));
    await rig.settle();
    assert.deepEqual([begun.error?.progress, other.error?.progress], ['maybe-processed', 'refused']);
  });
});

describe('an item that is empty', () => {
  const nothing = (id: number): Buffer => compressedItem(id, compressedPayload(Buffer.alloc(0)));

  it('is undefined, compressed or not, for a client', async () => {
    const rig = await greetedClientRig();
    const { received } = sendStream(rig);
    rig.peer.send(nothing(1), rawFrame(FrameType.ITEM, Buffer.alloc(0), 1), item(1, 1));
    await rig.settle();
    const values = [await received.next(), await received.next(), await received.next()];
    assert.deepEqual(
      values.map(({ value }) => value as unknown),
      [undefined, undefined, 1],
    );
    assert.equal(rig.connection.isOpen, true);
  });

  it('is undefined, compressed or not, for a server', async () => {
    const rig = await greetedServerRig();
    const taken: unknown[] = [];
    rig.host.methods['take'] = async function* (items: AsyncIterable<unknown>) {
      for await (const each of items) yield taken.push(each);
    } as never;
    rig.peer.send(requestFrame(1, [], { name: ['test', 'take'], flags: RequestFlag.STREAM }));
    rig.peer.send(
      nothing(1),
      rawFrame(FrameType.ITEM, Buffer.alloc(0), 1),
      rawFrame(FrameType.END, Buffer.alloc(0), 1),
    );
    await rig.settle();
    assert.deepEqual(taken, [undefined, undefined]);
    assert.equal(rig.peer.only(FrameType.END).id, 1);
  });
});

describe('an item that cannot be taken', () => {
  const deep = hex(`${'91'.repeat(40)}01`);
  const limits = { messageDepth: 32 };

  for (const [what, unread] of [
    ['plain', rawFrame(FrameType.ITEM, deep, 1)],
    ['compressed', compressedItem(1, compressedPayload(deep))],
  ] as const) {
    it(`fails its reader, after the items before it, and nobody else: ${what}, for a client`, async () => {
      const rig = await greetedClientRig({ limits });
      const [{ received }, other] = [sendStream(rig), sendStream(rig)];
      rig.peer.send(item(1, 'sound'), unread, item(2, 'sound'));
      await rig.settle();
      assert.deepEqual(await received.next(), { done: false, value: 'sound' });
      await assert.rejects(received.next(), /INTERNAL: an item cannot be taken: /);
      assert.deepEqual(await other.received.next(), { done: false, value: 'sound' });
      assert.equal(rig.connection.isOpen, true);
    });

    it(`fails what its handler reads, and nobody else: ${what}, for a server`, async () => {
      const rig = await greetedServerRig({ limits });
      rig.host.methods['take'] = async function* (items: AsyncIterable<unknown>) {
        yield* items;
      } as never;
      rig.peer.send(requestFrame(1, [], { name: ['test', 'take'], flags: RequestFlag.STREAM }));
      rig.peer.send(item(1, 'sound'), unread);
      await rig.settle();
      assert.equal(rig.peer.only(FrameType.ITEM).id, 1);
      assert.match(readError(rig.peer.only(FrameType.ERROR)).reason, /^an item cannot be taken: /);
      assert.equal(rig.peer.isClosed, false);
    });
  }
});
