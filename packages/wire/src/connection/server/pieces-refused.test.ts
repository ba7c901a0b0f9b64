import assert from 'node:assert/strict';
import { greetedClientRig, greetedServerRig } from '../../../test/connection-rig.js';
import { rawFrame, readError, requestFrame, responseFrame } from '../../../test/raw-peer.js';
import { continuation, inPieces } from '../../../test/raw-pieces.js';
import { FrameType, GoAwayCode, RequestFlag } from '../../frames/frame.js';

const VALUE = 'x'.repeat(100_000);
/** The first piece of a request of about 100,000 bytes. */
const begun = (id: number, request = {}): Buffer => inPieces(requestFrame(id, [VALUE], request), [60_000])[0]!;
const item = (id: number): Buffer[] => inPieces(rawFrame(FrameType.ITEM, Buffer.alloc(100_000), id), [60_000]);
const opening = (id: number): Buffer => requestFrame(id, [], { flags: RequestFlag.STREAM });
const hold = (): AsyncIterable<unknown> => ({
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
});

describe('pieces that break the rules close the connection that they come by', () => {
  const whole = inPieces(requestFrame(1, [VALUE]), [60_000]);
  const total = requestFrame(1, [VALUE]).length - 10;
  for (const [name, frames, reason] of [
    ['too long', [begun(1), continuation(1, 50_000, 0)], /more than the 1\d+ bytes announced/],
    ['too short', [begun(1), continuation(1, 2_000, 0)], /end after 62000 of 1\d+ bytes/],
    ['MORE after the last', [begun(1), continuation(1, total - 60_000)], /more than the 1\d+ bytes announced/],
    ['one too many', [...whole, continuation(1, 2_000)], /a CONTINUATION of call 1, of which no message has begun/],
    ['an id that never announced', [continuation(77, 2_000, 0)], /a CONTINUATION of call 77, of which/],
    [
      'a request in between',
      [begun(1), requestFrame(1)],
      /a frame of type 2 between the pieces of a message of call 1/,
    ],
    ['two one-way requests in one another', [begun(0, { flags: 1 }), requestFrame(0, [], { flags: 1 })], /of call 0$/],
    ['a request in pieces with the id of another', [opening(1), begun(1)], /call id 1 is in flight already/],
    [
      'an item in pieces after the end',
      [opening(1), rawFrame(FrameType.END, Buffer.alloc(0), 1), ...item(1)],
      /after the END/,
    ],
    ['a reply in pieces', [inPieces(responseFrame(1, VALUE), [60_000])[0]!], /type 3 does not come from a client/],
  ] as const) {
    it(name, async () => {
      const { host, peer, settle } = await greetedServerRig();
      host.methods.echo = hold;
      peer.send(...frames);
      await settle();
      assert.match(peer.goAway.reason, reason);
      assert.equal(peer.goAway.code, GoAwayCode.PROTOCOL_ERROR);
    });
  }

  it('far more than a message may have, at the first piece', async () => {
    const { peer, settle } = await greetedServerRig({ limits: { messageBytes: 24_000 } });
    peer.send(inPieces(requestFrame(1, [VALUE]), [2_000])[0]!);
    await settle();
    assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
  });

  it('a flood of single bytes, long before the message is whole', async () => {
    for (const rig of [await greetedServerRig(), await greetedClientRig()]) {
      const { peer, settle } = rig;
      if ('call' in rig) rig.call('echo');
      const frame = 'call' in rig ? responseFrame(1, VALUE) : requestFrame(1, [VALUE]);
      const frames = inPieces(frame, Array<number>(1_000).fill(1));
      peer.send(...frames.slice(0, 100));
      await settle();
      assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
      peer.send(...frames.slice(100, 101));
      await settle();
      assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
      assert.match(peer.goAway.reason, /a piece of 1 bytes \(limits\.ignoredFrames\)/);
    }
  });

  it('a flood of single bytes of what nobody wants', async () => {
    const { peer, settle } = await greetedClientRig();
    peer.send(...inPieces(responseFrame(1, VALUE), Array<number>(1_000).fill(1)).slice(0, 101));
    await settle();
    assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
  });

  it('a request from a server', async () => {
    const { peer, settle } = await greetedClientRig();
    peer.send(begun(1));
    await settle();
    assert.match(peer.goAway.reason, /type 2 does not come from a server/);
  });
});

describe('a request in pieces that a server refuses', () => {
  it('is answered at its first piece when it is larger than a message may be; its rest is skipped', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: { messageBytes: 90_000 } });
    const [first, ...rest] = inPieces(requestFrame(1, [VALUE]), [60_000]);
    peer.send(first!);
    await settle();
    const { code, handlerRan, reason } = readError(peer.only(FrameType.ERROR));
    assert.deepEqual([code, handlerRan], [8, 0]);
    assert.match(reason, /^the request has 1000\d\d bytes, the limit is 90000/);
    peer.send(...rest, requestFrame(2));
    await settle();
    assert.deepEqual([host.calls.length, peer.framesOf(FrameType.GOAWAY).length], [1, 0]);
  });

  it('is skipped too when already its pieces are larger than a message may be', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: { messageBytes: 30_000 } });
    peer.send(...inPieces(requestFrame(1, [VALUE]), [60_000]), requestFrame(2));
    await settle();
    assert.equal(readError(peer.only(FrameType.ERROR)).code, 8);
    assert.deepEqual([host.calls.length, peer.framesOf(FrameType.GOAWAY).length], [1, 0]);
  });

  it('counts whole against inFlightRequestBytes from its first piece on, until it is cancelled', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: { inFlightRequestBytes: 250_000 } });
    peer.send(begun(1), begun(2), begun(3));
    await settle();
    const error = peer.only(FrameType.ERROR);
    assert.equal(error.id, 3);
    assert.match(readError(error).reason, /limits\.inFlightRequestBytes/);
    peer.send(rawFrame(FrameType.CANCEL, Buffer.from([1]), 2), ...inPieces(requestFrame(4, [VALUE]), [60_000]));
    peer.send(...inPieces(requestFrame(1, [VALUE]), [60_000]).slice(1));
    await settle();
    assert.deepEqual(
      host.calls.map(({ id }) => id),
      [4, 1],
    );
    peer.send(begun(5), begun(6));
    await settle();
    assert.equal(peer.framesOf(FrameType.ERROR).length, 1);
  });

  it('counts as a call from its first piece on', async () => {
    const { peer, settle } = await greetedServerRig({ limits: { callsInFlight: 2 } });
    peer.send(begun(1), begun(2), begun(3));
    await settle();
    assert.match(readError(peer.only(FrameType.ERROR)).reason, /limits\.callsInFlight/);
  });

  it('may be followed by the items of its stream', async () => {
    const { peer, settle } = await greetedServerRig({ limits: { inFlightRequestBytes: 1_000 } });
    peer.send(...inPieces(requestFrame(1, [VALUE], { flags: RequestFlag.STREAM }), [60_000]));
    for (let i = 0; i < 200; i++) peer.send(rawFrame(FrameType.ITEM, Buffer.alloc(1), 1));
    await settle();
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
    assert.equal(readError(peer.only(FrameType.ERROR)).code, 8);
  });
});

describe('items in pieces', () => {
  it('take credit with their first piece: what is begun on many streams is bounded', async () => {
    // What is lent ahead of being taken is a part of the bound.
    const limits = { messageBytes: 200_000, inFlightRequestBytes: 400_000 };
    const { host, peer, settle } = await greetedServerRig({ limits });
    host.methods.echo = hold;
    for (let id = 1; id <= 20; id++) peer.send(opening(id), item(id)[0]!);
    await settle();
    assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
    assert.match(peer.goAway.reason, /beyond the credit of 1048576 bytes of the connection/);
  });

  it('give it back when their stream ends before they are whole', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods.echo = () => [];
    for (let id = 1; id <= 50; id++) {
      peer.send(opening(id), item(id)[0]!);
      await settle();
      peer.send(...item(id).slice(1));
      await settle();
    }
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
    const granted = peer.framesOf(FrameType.CREDIT).map(({ id, body }) => (id === 0 ? body.readUInt32BE(0) : 0));
    assert.ok(granted.reduce((sum, bytes) => sum + bytes) > 4_000_000);
  });
});

describe('a message that never ends', () => {
  it('closes the connection after frameStallMs without a piece, however lively the rest is', async () => {
    const { clock, connection, host, peer, settle } = await greetedServerRig({ limits: { frameStallMs: 5_000 } });
    peer.send(begun(1));
    for (let second = 1; second <= 6; second++) {
      assert.deepEqual(host.closedReasons, []);
      await clock.advance(1_000);
      peer.send(requestFrame(2));
      await settle();
      connection.tick(clock.now());
    }
    await settle();
    assert.deepEqual(peer.goAway, {
      code: GoAwayCode.TIMEOUT,
      reason: 'no piece of a message came within 5000 ms (limits.frameStallMs)',
    });
  });

  it('may take its time as long as pieces come', async () => {
    const { clock, connection, host, peer, settle } = await greetedServerRig({ limits: { frameStallMs: 5_000 } });
    for (const frame of inPieces(requestFrame(1, [VALUE]), Array<number>(25).fill(4_000))) {
      peer.send(frame);
      await clock.advance(4_000);
      connection.tick(clock.now());
    }
    await settle();
    assert.deepEqual([host.calls.length, host.closedReasons], [1, []]);
  });

  it('costs many connections no more memory than what came, and none of it stays', async () => {
    const rigs = await Promise.all(Array.from({ length: 100 }, () => greetedServerRig()));
    const frames = Array.from(
      { length: 7 },
      (_, id) => inPieces(requestFrame(id + 1, ['x'.repeat(2_000)]), [1_500], 4_000_000)[0]!,
    );
    const before = process.memoryUsage().arrayBuffers;
    for (const { peer } of rigs) peer.send(...frames);
    for (const { settle } of rigs) await settle();
    // What was announced is 2.8 GB.
    assert.ok(process.memoryUsage().arrayBuffers - before < 100 * 7 * 4_000 * 4);
    for (const { clock, connection, host } of rigs) {
      await clock.advance(1_000);
      connection.tick(clock.now());
      await clock.advance(31_000);
      connection.tick(clock.now());
      assert.match(host.closedReasons[0]!, /no piece of a message came within 30000 ms/);
    }
  });
});
