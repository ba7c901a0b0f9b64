import assert from 'node:assert/strict';
import { encoded } from '../../../test/codec-helpers.js';
import { compressedPayload, repetitive } from '../../../test/compressed-frames.js';
import {
  type ClientRig,
  clientRig,
  pairRig,
  type RigOptions,
  type SentCall,
  serverRig,
} from '../../../test/connection-rig.js';
import { helloFrame, requestFrame } from '../../../test/raw-peer.js';
import { COMPRESSED } from '../../frames/compressed.js';
import { FrameType, PREFACE } from '../../frames/frame.js';

const ON: RigOptions = { compression: { aboveBytes: 1_000, level: 1 } };
const LARGE = repetitive(300_000);

async function greeted(): Promise<ClientRig> {
  const rig = clientRig(ON);
  rig.peer.send(helloFrame({ compression: ['deflate'] }));
  await rig.settle();
  return rig;
}

/** Sends one more large call, and waits until it has come out of zlib: what was compressed before it has come out as well. */
async function untilCompressed(rig: ClientRig): Promise<void> {
  const { id } = rig.call('echo', [LARGE]).call;
  while (!rig.peer.framesOf(FrameType.REQUEST).some((frame) => frame.id === id)) await rig.settle();
  await rig.settle();
}

function idsOf({ peer }: ClientRig, type: number): number[] {
  return peer.framesOf(type).map(({ id }) => id);
}

describe('a call that ends while its arguments are compressed', () => {
  const ends: readonly [
    what: string,
    end: (rig: ClientRig, sent: SentCall, abort: () => void) => void,
    code: string,
  ][] = [
    // As the timers do it: a step of the fake clock would let zlib finish first.
    ['by its deadline', (_rig, { call }) => call.holder?.expire(call, false), 'DEADLINE_EXCEEDED'],
    ['by its caller', (_rig, _sent, abort) => abort(), 'CANCELLED'],
  ];
  for (const [what, end, code] of ends) {
    it(`${what}: settles once, and nothing of it is sent`, async () => {
      const rig = await greeted();
      const controller = new AbortController();
      const sent = rig.call('echo', [LARGE], { timeoutMs: 50, signal: controller.signal });
      end(rig, sent, () => controller.abort());
      assert.deepEqual([rig.connection.inFlight, rig.timers.size], [0, 0]);
      await untilCompressed(rig);
      assert.deepEqual([sent.error?.code, sent.error?.progress, sent.settledTimes], [code, 'unsent', 1]);
      assert.deepEqual([idsOf(rig, FrameType.REQUEST), idsOf(rig, FrameType.CANCEL)], [[2], []]);
    });
  }

  it('by the loss of its connection: it was not sent, and may go elsewhere', async () => {
    const rig = await greeted();
    const sent = [rig.call('echo', [LARGE]), rig.call('echo', [LARGE], { oneWay: true }), rig.call('echo', ['small'])];
    rig.connection.close('gone');
    for (const { promise } of sent) await promise.catch(() => {});
    const facts = ({ error, settledTimes }: SentCall): unknown[] => [error?.code, error?.progress, settledTimes];
    assert.deepEqual(sent.map(facts), [
      ['UNAVAILABLE', 'unsent', 1],
      ['UNAVAILABLE', 'unsent', 1],
      ['UNAVAILABLE', 'maybe-processed', 1],
    ]);
    assert.equal(rig.connection.inFlight, 0);
  });
});

describe('a call that ends while its reply is inflated', () => {
  const payload = compressedPayload(encoded(LARGE));

  /** A call whose reply has come and is being inflated: the reply is handed over without a wait. */
  async function waiting(): Promise<{ rig: ClientRig; sent: SentCall; abort: () => void }> {
    const rig = await greeted();
    const controller = new AbortController();
    const sent = rig.call('echo', [], { timeoutMs: 50, signal: controller.signal });
    rig.connection.frame(FrameType.RESPONSE, COMPRESSED, sent.call.id, payload, 0, payload.length, rig.clock.now());
    assert.equal(rig.connection.inFlight, 1);
    return { rig, sent, abort: () => controller.abort() };
  }

  const ends: readonly [
    what: string,
    end: (rig: ClientRig, sent: SentCall, abort: () => void) => void,
    code: string,
  ][] = [
    ['by its deadline', (_rig, { call }) => call.holder?.expire(call, false), 'DEADLINE_EXCEEDED'],
    ['by its caller', (_rig, _sent, abort) => abort(), 'CANCELLED'],
  ];
  for (const [what, end, code] of ends) {
    it(`${what}: settles once, and the reply counts as late`, async () => {
      const { rig, sent, abort } = await waiting();
      end(rig, sent, abort);
      assert.deepEqual([rig.connection.inFlight, rig.connection.lateReplies], [0, 0]);
      while (rig.connection.lateReplies === 0) await rig.settle();
      assert.deepEqual([sent.error?.code, sent.settledTimes], [code, 1]);
      assert.deepEqual([rig.timers.size, rig.connection.isOpen], [0, true]);
    });
  }

  it('by the loss of its connection: settles once', async () => {
    const { rig, sent } = await waiting();
    rig.connection.close('gone');
    await assert.rejects(sent.promise, /gone/);
    while (rig.connection.lateReplies === 0) await rig.settle();
    assert.deepEqual([sent.settledTimes, rig.connection.inFlight, rig.timers.size], [1, 0, 0]);
  });
});

describe('an answer that is compressed', () => {
  it('is not sent to a caller that has given up meanwhile, and its call counts as running until then', async () => {
    const rig = pairRig(ON);
    await rig.settle();
    const controller = new AbortController();
    rig.host.methods['large'] = () => {
      queueMicrotask(() => controller.abort());
      return LARGE;
    };
    const sent = rig.call('large', [], { signal: controller.signal });
    while (rig.host.ended.length === 0) await rig.settle();
    assert.deepEqual([sent.error?.code, sent.settledTimes], ['CANCELLED', 1]);
    assert.deepEqual([rig.server.running, rig.connection.lateReplies], [0, 0]);
  });

  it('holds up the end of a connection that the client has half-closed', async () => {
    const { peer, host, connection, settle } = serverRig(ON);
    host.methods['large'] = () => LARGE;
    peer.send(PREFACE, helloFrame({ compression: ['deflate'] }), requestFrame(1, [], { name: ['test', 'large'] }));
    peer.stream.end();
    while (!peer.isEnded) await settle();
    assert.equal(peer.only(FrameType.RESPONSE).flags, COMPRESSED);
    assert.deepEqual([connection.running, host.ended.length], [0, 1]);
  });

  it('is dropped when the connection is lost meanwhile', async () => {
    const rig = pairRig(ON);
    await rig.settle();
    rig.host.methods['large'] = () => {
      queueMicrotask(() => rig.server.close('gone'));
      return LARGE;
    };
    await assert.rejects(rig.call('large').promise, /UNAVAILABLE/);
    while (rig.host.ended.length === 0) await rig.settle();
    assert.deepEqual([rig.server.running, rig.connection.inFlight], [0, 0]);
  });
});
