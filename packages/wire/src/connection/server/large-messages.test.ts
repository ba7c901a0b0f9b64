import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import { encoded } from '../../../test/codec-helpers.js';
import { greetedServerRig, serverRig } from '../../../test/connection-rig.js';
import { helloFrame, type RawFrame, rawFrame, readError, requestFrame } from '../../../test/raw-peer.js';
import { continuation, inPieces, joined } from '../../../test/raw-pieces.js';
import { wrapStream } from '../../../test/wrap-stream.js';
import { FrameType, MORE, PREFACE, RequestFlag } from '../../frames/frame.js';
import type { ByteStream } from '../../transport/byte-stream.js';

const LARGE = Buffer.alloc(4 * 1024 * 1024 - 100, 'large');
const HALF = LARGE.subarray(0, 2 * 1024 * 1024);
const cancel = (id: number): Buffer => rawFrame(FrameType.CANCEL, Buffer.from([1]), id);
const PING = rawFrame(FrameType.PING, Buffer.from('01234567'));
const order = (frames: readonly RawFrame[]): string =>
  frames
    .map(({ type, id }) => (type === FrameType.PONG ? 'PONG' : type === FrameType.END ? `END${id}` : `${id}`))
    .join(' ');
/** Everything but the greeting. */
const calls = (frames: readonly RawFrame[]): RawFrame[] => frames.filter(({ type }) => type !== FrameType.HELLO);

describe('a large reply to a peer that reads slowly', () => {
  async function slow() {
    const rig = await greetedServerRig();
    rig.host.methods['large'] = () => LARGE;
    rig.peer.stream.pause();
    return rig;
  }

  it('delays neither PONG nor a small call', async () => {
    const { peer, settle } = await slow();
    peer.send(requestFrame(1, [], { name: ['test', 'large'] }));
    await settle();
    peer.send(PING, requestFrame(2, ['small']));
    await settle();
    peer.stream.resume();
    await settle();
    const frames = calls(peer.frames);
    assert.equal(order(frames.slice(0, 7)), '1 1 PONG 2 1 1 1');
    assert.equal(frames.length, 2 + 64);
    assert.deepEqual(joined(frames).at(-1)?.body, encoded(LARGE));
  });

  it('goes out before another one, and lets one of 200,000 bytes go after four pieces', async () => {
    const { host, peer, settle } = await slow();
    host.methods['shorter'] = () => Buffer.alloc(200_000);
    peer.send(...[1, 2].map((id) => requestFrame(id, [], { name: ['test', 'large'] })));
    peer.send(requestFrame(3, [], { name: ['test', 'shorter'] }));
    await settle();
    peer.stream.resume();
    await settle();
    const ids = calls(peer.frames).map(({ id }) => id);
    assert.deepEqual(ids.slice(0, 10), [1, 1, 1, 1, 3, 3, 3, 3, 1, 1]);
    assert.ok(ids.lastIndexOf(1) < ids.indexOf(2));
    for (const { id, body } of joined(calls(peer.frames))) if (id !== 3) assert.ok(body.equals(encoded(LARGE)));
  });

  it('is dropped in the middle by a CANCEL', async () => {
    const { connection, peer, settle } = await slow();
    peer.send(requestFrame(1, [], { name: ['test', 'large'] }));
    await settle();
    peer.send(cancel(1));
    await settle();
    peer.stream.resume();
    await settle();
    assert.equal(order(calls(peer.frames)), '1 1');
    peer.send(requestFrame(2, ['small']));
    await settle();
    assert.equal(order(calls(peer.frames)), '1 1 2');
    assert.equal(connection.running, 0);
  });

  it('is sent to its end although the peer has said that it will send no more', async () => {
    const { peer, settle } = await slow();
    peer.send(requestFrame(1, [], { name: ['test', 'large'] }));
    peer.stream.end();
    await settle();
    peer.stream.resume();
    await settle();
    assert.equal(joined(calls(peer.frames)).length, 1);
    assert.deepEqual([peer.isEnded, peer.isClosed], [true, true]);
  });

  it('is dropped when the connection closes for cause, and the reason arrives', async () => {
    const { peer, settle } = await slow();
    peer.send(requestFrame(1, [], { name: ['test', 'large'] }));
    await settle();
    peer.send(rawFrame(FrameType.RESPONSE));
    await settle();
    peer.stream.resume();
    await settle();
    assert.match(peer.goAway.reason, /does not come from a client/);
    assert.equal(calls(peer.frames).length, 3);
    assert.equal(peer.isEnded, true);
  });

  it('counts as waiting to be written: at writeQueueBytes nothing more is read, and no progress ends the connection', async () => {
    const rig = await greetedServerRig({ limits: { writeQueueBytes: 3_000_000 } });
    const { clock, connection, host, peer, settle } = rig;
    host.methods['large'] = () => LARGE;
    peer.stream.pause();
    peer.send(requestFrame(1, [], { name: ['test', 'large'] }));
    await settle();
    peer.send(requestFrame(2));
    await settle();
    assert.equal(host.calls.length, 1);
    for (let second = 1; second <= 11; second++) {
      assert.deepEqual(host.closedReasons, []);
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    assert.deepEqual(host.closedReasons, ['the peer has read nothing for 10000 ms (limits.writeStallMs)']);
  });

  it('is read from again once half of that is written', async () => {
    const resumedAt: number[] = [];
    const wrap = (stream: ByteStream): ByteStream =>
      wrapStream(stream, { onResume: () => resumedAt.push(peer.framesOf(FrameType.CONTINUATION).length) });
    const rig = await greetedServerRig({ limits: { writeQueueBytes: 3_000_000 }, wrap });
    const { host, settle } = rig;
    const { peer } = rig;
    host.methods['large'] = () => LARGE;
    peer.stream.pause();
    peer.send(requestFrame(1, [], { name: ['test', 'large'] }));
    await settle();
    peer.stream.resume();
    await settle();
    assert.equal(resumedAt.length, 1);
    assert.ok(resumedAt[0]! > 35 && resumedAt[0]! < 50, `${resumedAt[0]}`);
    peer.send(requestFrame(2, ['x']));
    await settle();
    assert.equal(host.calls.length, 2);
  });
});

describe('a large error', () => {
  it('goes in pieces too', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods['fails'] = () => {
      throw new RpcError('ABORTED', 'why', { details: HALF });
    };
    peer.send(requestFrame(1, [], { name: ['test', 'fails'] }));
    await settle();
    assert.ok(peer.framesOf(FrameType.CONTINUATION).length > 30);
    const [error] = joined(calls(peer.frames));
    assert.deepEqual([readError(error!).reason, error!.body.length], ['why', 8 + 3 + encoded(HALF).length]);
  });
});

describe('large items', () => {
  const credit = (id: number): Buffer => rawFrame(FrameType.CREDIT, Buffer.from('00500000', 'hex'), id);
  const opening = (id: number): Buffer =>
    Buffer.concat([requestFrame(id, [], { flags: RequestFlag.STREAM }), credit(id)]);

  it('keep what comes after them behind them, while others pass', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods.echo = async function* () {
      yield 'first';
      yield HALF;
    } as never;
    peer.stream.pause();
    peer.send(opening(1), credit(0));
    await settle();
    peer.send(PING);
    await settle();
    peer.stream.resume();
    await settle();
    const frames = calls(peer.frames);
    assert.equal(order(frames.slice(0, 5)), '1 1 1 PONG 1');
    assert.equal(order(frames.slice(-2)), '1 END1');
    assert.deepEqual(
      joined(frames)
        .filter(({ id }) => id === 1)
        .map(({ type, body }) => [type, body.length]),
      [
        [FrameType.ITEM, 6],
        [FrameType.ITEM, encoded(HALF).length],
        [FrameType.END, 0],
      ],
    );
  });

  it('are followed by the error of their stream', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods.echo = async function* () {
      yield HALF;
      throw new Error('in the end');
    } as never;
    peer.stream.pause();
    peer.send(opening(1), credit(0));
    await settle();
    peer.stream.resume();
    await settle();
    assert.equal(joined(calls(peer.frames)).at(-1)?.type, FrameType.ERROR);
  });

  it('that are dropped unsent give the credit of the connection back', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods.echo = async function* () {
      yield HALF;
    } as never;
    host.methods['large'] = () => LARGE;
    peer.stream.pause();
    // Three pieces of the reply fill the stream: no piece of the item goes out.
    peer.send(requestFrame(9, [], { name: ['test', 'large'] }), opening(1));
    await settle();
    peer.send(cancel(9), cancel(1), opening(2));
    await settle();
    peer.stream.resume();
    await settle();
    assert.deepEqual(
      joined(calls(peer.frames).filter(({ id }) => id === 2)).map(({ type }) => type),
      [FrameType.ITEM],
    );
    assert.equal(calls(peer.frames).filter(({ id }) => id === 1).length, 0);
  });
});

describe('a server', () => {
  it('sends nothing larger than its client takes', async () => {
    const { host, peer, settle } = serverRig();
    host.methods['large'] = () => HALF;
    peer.send(PREFACE, helloFrame({ messageBytes: 1_000_000 }), requestFrame(1, [], { name: ['test', 'large'] }));
    await settle();
    assert.match(readError(peer.only(FrameType.ERROR)).reason, /the limit is 1000000/);
    assert.equal(peer.frames.filter(({ flags }) => (flags & MORE) !== 0).length, 0);
  });

  it('counts the deadline of a request in pieces from its first piece', async () => {
    const { clock, host, peer, settle } = await greetedServerRig();
    for (const [id, remainingMs] of [
      [1, 200],
      [2, 50],
    ] as const) {
      const begunAt = clock.now();
      for (const piece of inPieces(requestFrame(id, [HALF], { remainingMs }), [1_000_000, 1_000_000])) {
        peer.send(piece);
        await clock.advance(30);
      }
      await settle();
      if (id === 1) assert.equal(host.calls[0]?.deadline, begunAt + remainingMs);
    }
    assert.deepEqual(
      host.calls.map(({ id }) => id),
      [1],
    );
    const { code, handlerRan } = readError(joined(peer.framesOf(FrameType.ERROR)).at(-1)!);
    assert.deepEqual([code, handlerRan], [4, 0]);
  });

  it('ignores pieces of a request that was cancelled', async () => {
    const { host, peer, settle } = await greetedServerRig();
    peer.send(
      inPieces(requestFrame(1, [HALF]), [60_000])[0]!,
      cancel(1),
      continuation(1, 2_000),
      requestFrame(2, ['x']),
    );
    await settle();
    assert.deepEqual(
      host.calls.map(({ id }) => id),
      [2],
    );
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
  });
});
