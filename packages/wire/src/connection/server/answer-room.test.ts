import assert from 'node:assert/strict';
import { rpcError } from '@org/rpc-core/internal';
import { greetedServerRig, type ServerRig, serverRig } from '../../../test/connection-rig.js';
import { MessagePackRpcPeer, message } from '../../../test/message-pack-rpc-peer.js';
import { readError, requestFrame } from '../../../test/raw-peer.js';
import { FrameType } from '../../frames/frame.js';

const LIMITS = { writeQueueBytes: 10_000 };
const LARGE = 'x'.repeat(6_000);
const CALLS = 50;

/** A rig with the method `later`, whose calls all end when the test says so. */
async function withLater(): Promise<ServerRig & { answerAll(value: unknown): void; failAll(error: Error): void }> {
  const rig = await greetedServerRig({ limits: LIMITS });
  const held: { resolve(value: unknown): void; reject(error: Error): void }[] = [];
  rig.host.methods['later'] = () => new Promise((resolve, reject) => held.push({ resolve, reject }));
  rig.peer.stream.pause();
  for (let id = 1; id <= CALLS; id++) rig.peer.send(requestFrame(id, [], { name: ['test', 'later'] }));
  await rig.settle();
  assert.equal(held.length, CALLS);
  return {
    ...rig,
    answerAll: (value) => {
      for (const { resolve } of held.splice(0)) resolve(value);
    },
    failAll: (error) => {
      for (const { reject } of held.splice(0)) reject(error);
    },
  };
}

describe('a server whose peer does not read', () => {
  it('starts no call of a chunk once the answers before it fill the write queue', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: LIMITS });
    peer.stream.pause();
    peer.send(Buffer.concat(Array.from({ length: CALLS }, (_, index) => requestFrame(index + 1, [LARGE]))));
    await settle();
    // Output is written from 48 KiB on, which is when it is looked at.
    assert.equal(host.calls.length, 9);
    peer.stream.resume();
    await settle();
    const ids = peer.framesOf(FrameType.RESPONSE).map(({ id }) => id);
    assert.deepEqual(
      ids,
      Array.from({ length: CALLS }, (_, index) => index + 1),
    );
  });

  it('keeps the order of what was held and what came after it, whatever is cut', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: LIMITS });
    const bytes = Buffer.concat(Array.from({ length: CALLS }, (_, index) => requestFrame(index + 1, [LARGE])));
    peer.stream.pause();
    for (let at = 0; at < bytes.length; at += 7_001) peer.send(bytes.subarray(at, at + 7_001));
    await settle();
    assert.ok(host.calls.length < CALLS);
    peer.stream.resume();
    await settle();
    assert.deepEqual(
      host.calls.map(({ id }) => id),
      Array.from({ length: CALLS }, (_, index) => index + 1),
    );
    assert.equal(peer.framesOf(FrameType.RESPONSE).length, CALLS);
  });

  it('drops the answers of calls that ran already beyond four times the queue, each for an error', async () => {
    const { peer, answerAll, settle } = await withLater();
    answerAll(LARGE);
    await settle();
    peer.stream.resume();
    await settle();
    const answered = peer.framesOf(FrameType.RESPONSE);
    const dropped = peer.framesOf(FrameType.ERROR).map(readError);
    assert.equal(answered.length + dropped.length, CALLS);
    const bytes = answered.reduce((sum, { body }) => sum + body.length, 0);
    assert.ok(bytes > 4 * LIMITS.writeQueueBytes && bytes < 4 * LIMITS.writeQueueBytes + 4 * LARGE.length, `${bytes}`);
    for (const { code, handlerRan, reason } of dropped) {
      assert.deepEqual([code, handlerRan], [8, 1]);
      assert.match(reason, /^the answer was dropped: \d+ bytes wait for a peer .* limits\.writeQueueBytes$/);
    }
  });

  it('shortens errors as well then, so that they cannot stand in for the answers', async () => {
    const { peer, failAll, settle } = await withLater();
    failAll(rpcError('NOT_FOUND', LARGE, { details: LARGE }));
    await settle();
    peer.stream.resume();
    await settle();
    const bodies = peer.framesOf(FrameType.ERROR).map(({ body }) => body.length);
    assert.equal(bodies.length, CALLS);
    assert.ok(bodies[0]! > LARGE.length);
    assert.ok(bodies.at(-1)! <= 1_024);
  });

  it('is the same to it in MessagePack-RPC: calls of a chunk wait, answers beyond four times the queue are dropped', async () => {
    const { clock, connection, host, peer: raw } = serverRig({ limits: LIMITS });
    const held: ((value: unknown) => void)[] = [];
    host.methods['later'] = () => new Promise((resolve) => held.push(resolve));
    const peer = new MessagePackRpcPeer(raw.stream);
    peer.pause();
    peer.send(...Array.from({ length: CALLS }, (_, index) => message(0, index, 'later', [])));
    await clock.advance(0);
    assert.equal(held.length, CALLS);
    for (const resolve of held) resolve(LARGE);
    peer.send(Buffer.concat(Array.from({ length: CALLS }, (_, index) => message(0, CALLS + index, 'echo', [LARGE]))));
    await clock.advance(0);
    assert.equal(host.calls.length, CALLS);
    peer.resume();
    await clock.advance(0);
    assert.equal(connection.running, 0);
    const answers = peer.messages as [number, number, string | null, unknown][];
    assert.equal(answers.length, 2 * CALLS);
    const dropped = answers.filter(([, , error]) => error?.startsWith('RESOURCE_EXHAUSTED: the answer was dropped'));
    assert.ok(dropped.length > CALLS / 2 && dropped.length < CALLS, `${dropped.length}`);
    assert.ok(dropped.every(([, id]) => id < CALLS));
  });
});
