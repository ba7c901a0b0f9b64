import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';
import { encoded } from '../../../test/codec-helpers.js';
import { compressedItem, compressedPayload, repetitive } from '../../../test/compressed-frames.js';
import { greetedServerRig, type RigOptions, type ServerRig, serverRig } from '../../../test/connection-rig.js';
import { helloFrame, type RawFrame, rawFrame, readError, requestFrame } from '../../../test/raw-peer.js';
import { COMPRESSED } from '../../frames/compressed.js';
import { FrameType, PREFACE, RequestFlag } from '../../frames/frame.js';

const ON: RigOptions = { compression: { aboveBytes: 1_000, level: 1 } };
const opening = (id: number, method: string): Buffer =>
  requestFrame(id, [], { name: ['test', method], flags: RequestFlag.STREAM });

async function sending(...items: readonly unknown[]): Promise<ServerRig> {
  const rig = serverRig(ON);
  rig.host.methods['items'] = async function* () {
    yield* items;
  };
  rig.peer.send(PREFACE, helloFrame({ compression: ['deflate'] }));
  await rig.settle();
  return rig;
}

function payloadOf({ flags, body }: RawFrame): Buffer {
  return (flags & COMPRESSED) === 0 ? body : inflateSync(body.subarray(4));
}

describe('streams that compress', () => {
  it('keep the order of items that are compressed at once, later, or not at all', async () => {
    const texts = [300_000, 10, 5_000, 100_000, 20, 30, 200_000, 5_000, 10].map(repetitive);
    const { peer, settle } = await sending(...texts);
    peer.send(opening(1, 'items'));
    while (peer.framesOf(FrameType.END).length === 0) await settle();
    const items = peer.framesOf(FrameType.ITEM);
    assert.deepEqual(
      items.map(({ flags }) => flags !== 0),
      texts.map(({ length }) => length > 1_000),
    );
    assert.deepEqual(
      items.map(payloadOf),
      texts.map((text) => encoded(text)),
    );
    assert.equal(peer.frames.at(-1)!.type, FrameType.END);
  });

  it('spend the credit for what is on the wire', async () => {
    const { peer, settle } = await sending(...Array<string>(40).fill(repetitive(15_000)));
    peer.send(opening(1, 'items'));
    while (peer.framesOf(FrameType.END).length === 0) await settle();
    assert.equal(peer.framesOf(FrameType.ITEM).length, 40);
  });

  it('look at the credit of the connection again when an item has been compressed', async () => {
    const rig = await sending(repetitive(300_000));
    const { peer, host, settle } = rig;
    const filler = Buffer.alloc(1024 * 1024 + 10, 1).map((_, index) => (Math.imul(index, 2_654_435_761) >>> 11) & 0xff);
    host.methods['filler'] = async function* () {
      yield Buffer.from(filler.subarray(0, 900));
      for (let at = 0; at < filler.length; at += 900) yield Buffer.from(filler.subarray(at, at + 900));
    };
    const grant = Buffer.alloc(4);
    grant.writeUInt32BE(8 * 1024 * 1024);
    peer.send(opening(1, 'items'), opening(3, 'filler'), rawFrame(FrameType.CREDIT, grant, 3));
    for (let turn = 0; turn < 50; turn++) await settle();
    let spent = 0;
    for (const { body } of peer.framesOf(FrameType.ITEM)) {
      assert.ok(spent < 1024 * 1024, 'an item was sent without credit');
      spent += body.length;
    }
    peer.send(rawFrame(FrameType.CREDIT, grant, 0));
    while (peer.framesOf(FrameType.END).length < 2) await settle();
    assert.equal(peer.framesOf(FrameType.ITEM).filter(({ id }) => id === 1).length, 1);
  });

  it('give items to their reader in order, and grant what they took on the wire', async () => {
    const { peer, host, settle } = await greetedServerRig();
    const seen: unknown[] = [];
    host.methods['collect'] = async function* (items: AsyncIterable<unknown>) {
      for await (const item of items) yield seen.push(item);
    } as never;
    const texts = [300_000, 10, 5_000, 100_000, 10].map(repetitive);
    peer.send(opening(1, 'collect'));
    for (const text of texts) {
      const whole = compressedItem(1, compressedPayload(encoded(text)));
      peer.send(text.length === 10 ? rawFrame(FrameType.ITEM, encoded(text), 1) : whole);
    }
    peer.send(rawFrame(FrameType.END, Buffer.alloc(0), 1));
    while (host.ended.length === 0) await settle();
    assert.deepEqual(seen, texts);
    assert.equal(peer.framesOf(FrameType.ERROR).map(readError).length, 0);
  });
});
