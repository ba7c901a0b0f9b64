import assert from 'node:assert/strict';
import type { CallContext } from '@org/rpc-core';
import { encoded } from '../../../test/codec-helpers.js';
import { noise, repetitive } from '../../../test/compressed-frames.js';
import {
  type ClientRig,
  clientRig,
  greetedServerRig,
  pairRig,
  type RigOptions,
  serverRig,
} from '../../../test/connection-rig.js';
import { helloFrame, requestFrame, responseFrame } from '../../../test/raw-peer.js';
import { COMPRESSED } from '../../frames/compressed.js';
import { FrameType, MORE, PREFACE } from '../../frames/frame.js';

const ON: RigOptions = { compression: { aboveBytes: 1_000, level: 1 } };
const OFFER = { compression: ['deflate'] };
const SMALL = repetitive(5_000);
const LARGE = repetitive(300_000);

describe('a client that compresses', () => {
  it('sends payloads as they are until the HELLO of the server has come', async () => {
    const { peer, call, settle } = await clientWith({}, false);
    call('echo', [SMALL]);
    await settle();
    peer.send(helloFrame(OFFER));
    await settle();
    call('echo', [SMALL]);
    await settle();
    assert.deepEqual(
      peer.framesOf(FrameType.REQUEST).map(({ flags }) => flags),
      [0, COMPRESSED],
    );
  });

  for (const [what, hello] of [
    ['says nothing of compression', {}],
    ['knows other ways only', { compression: ['zstd'] }],
  ] as const) {
    it(`never compresses for a server that ${what}`, async () => {
      const { peer, call, settle } = await clientWith(hello);
      call('echo', [SMALL]);
      await settle();
      assert.equal(peer.only(FrameType.REQUEST).flags, 0);
    });
  }

  it('compresses the arguments alone, with their length before them', async () => {
    const { peer, call, settle } = await clientWith(OFFER);
    call('echo', [SMALL], { metadata: { a: 'b'.repeat(2_000) } });
    await settle();
    const { body } = peer.only(FrameType.REQUEST);
    const metadata = body.indexOf('b'.repeat(2_000));
    assert.deepEqual([metadata > 0, body.length < 2_300], [true, true]);
    const payload = body.subarray(metadata + 2_000);
    assert.equal(payload.readUInt32BE(0), encoded([SMALL]).length);
    assert.equal(payload[4], 0x78);
  });

  it('leaves alone what is not above the size, and what does not shrink', async () => {
    const { peer, call, settle } = await clientWith(OFFER);
    const fits = repetitive(1_000 - 4);
    call('echo', [fits]);
    call('echo', [`${fits}x`]);
    call('echo', [noise(5_000)]);
    const large = call('echo', [noise(100_000)]);
    while (peer.framesOf(FrameType.REQUEST).length < 4) await settle();
    assert.deepEqual(
      peer.framesOf(FrameType.REQUEST).map(({ id, flags, body }) => [id, flags, body.length > 5_000]),
      [
        [1, 0, false],
        [2, COMPRESSED, false],
        [3, 0, true],
        [4, MORE, true],
      ],
    );
    peer.send(responseFrame(4, 'done'));
    assert.equal(await large.promise, 'done');
  });

  it('sends as it is what would wait beside as much as the write queue may hold', async () => {
    const { peer, call, settle } = await clientWith(OFFER, true, { ...ON, limits: { writeQueueBytes: 400_000 } });
    call('echo', [LARGE]);
    call('echo', [LARGE]);
    while (peer.framesOf(FrameType.REQUEST).length < 2) await settle();
    assert.deepEqual(
      peer.framesOf(FrameType.REQUEST).map(({ id, flags }) => [id, flags]),
      [
        [2, MORE],
        [1, COMPRESSED],
      ],
    );
  });
});

describe('a server that compresses', () => {
  it('does so for clients only that can inflate', async () => {
    for (const [hello, flags] of [
      [{}, 0],
      [OFFER, COMPRESSED],
    ] as const) {
      const { peer, settle } = serverRig(ON);
      peer.send(PREFACE, helloFrame(hello), requestFrame(1, [SMALL]));
      await settle();
      assert.equal(peer.only(FrameType.RESPONSE).flags, flags);
    }
  });

  it('is asked by nobody when it does not compress itself', async () => {
    const { peer, settle } = await greetedServerRig();
    peer.send(requestFrame(1, [SMALL]));
    await settle();
    assert.equal(peer.only(FrameType.RESPONSE).flags, 0);
  });
});

describe('a client and a server that compress', () => {
  for (const [what, text] of [
    ['small ones, at once', SMALL],
    ['large ones, on threads', LARGE],
  ] as const) {
    it(`exchange payloads unharmed: ${what}`, async () => {
      const rig = pairRig(ON);
      await rig.settle();
      rig.host.methods['describe'] = (value: unknown, call: CallContext) => {
        call.responseMetadata['served-by'] = 'me';
        return { value, metadata: { ...call.metadata } };
      };
      const sent = rig.call('describe', [text], { metadata: { a: 'ü' } });
      assert.deepEqual(await sent.promise, { value: text, metadata: { a: 'ü' } });
      assert.deepEqual({ ...sent.call.responseMetadata }, { 'served-by': 'me' });
      assert.deepEqual([sent.settledTimes, rig.connection.inFlight, rig.server.running], [1, 0, 0]);
    });

    it(`exchange errors and one-way calls: ${what}`, async () => {
      const rig = pairRig(ON);
      await rig.settle();
      rig.host.methods['fail'] = (value: string) => {
        throw new Error(`no ${value.length}`);
      };
      const failed = rig.call('fail', [text]);
      await assert.rejects(failed.promise, new RegExp(`no ${text.length}`));
      await rig.call('echo', [text], { oneWay: true }).promise;
      while (rig.host.ended.length < 2) await rig.settle();
      assert.equal(rig.host.calls[1]!.args[0], text);
    });
  }

  it('authorize a call before its arguments are inflated', async () => {
    const rig = pairRig(ON);
    await rig.settle();
    rig.host.authorize = async () => {
      throw new Error('go away');
    };
    await assert.rejects(rig.call('echo', [LARGE]).promise, /go away/);
    rig.host.authorize = async () => {};
    assert.equal(await rig.call('echo', [LARGE]).promise, LARGE);
  });

  it('finish what is compressed when they drain', async () => {
    const rig = pairRig(ON);
    await rig.settle();
    const sent = rig.call('echo', [LARGE]);
    const oneWay = rig.call('echo', [LARGE], { oneWay: true });
    rig.connection.drain();
    await Promise.all([sent.promise, oneWay.promise]);
    while (rig.observed.closed.length === 0) await rig.settle();
    assert.deepEqual([rig.host.calls.length, rig.observed.closed.length], [2, 1]);
  });
});

async function clientWith(hello: Record<string, unknown>, greets = true, options = ON): Promise<ClientRig> {
  const rig = clientRig(options);
  if (greets) rig.peer.send(helloFrame(hello));
  await rig.settle();
  return rig;
}
