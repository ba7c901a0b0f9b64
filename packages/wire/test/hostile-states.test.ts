import assert from 'node:assert/strict';
import { FrameType, GoAwayCode, PREFACE, RequestFlag } from '../src/frames/frame.js';
import { encoded } from './codec-helpers.js';
import { greetedClientRig, greetedServerRig, type ServerRig, serverRig } from './connection-rig.js';
import { goAwayFrame, helloFrame, rawFrame, readError, requestFrame, responseFrame } from './raw-peer.js';

const NOTHING = Buffer.alloc(0);
const cancel = (id: number): Buffer => rawFrame(FrameType.CANCEL, Buffer.from([1]), id);
const item = (id: number, value: unknown = 'x'): Buffer => rawFrame(FrameType.ITEM, encoded(value), id);
const end = (id: number): Buffer => rawFrame(FrameType.END, NOTHING, id);
const credit = (id: number, bytes = 1): Buffer => {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(bytes);
  return rawFrame(FrameType.CREDIT, body, id);
};
const opening = (id: number): Buffer => requestFrame(id, [], { name: ['test', 'stream'], flags: RequestFlag.STREAM });
const hanging = (id: number, remainingMs = 0): Buffer => requestFrame(id, [], { name: ['test', 'hang'], remainingMs });

/** A rig with a method that hangs and a stream that neither sends nor takes. */
async function rig(): Promise<ServerRig> {
  const made = await greetedServerRig();
  made.host.methods['hang'] = () => new Promise(() => {});
  made.host.methods['stream'] = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
  return made;
}

describe('the HELLO of a peer', () => {
  it('may have fields that nobody knows', async () => {
    const { peer, settle } = serverRig();
    peer.send(PREFACE, helloFrame({ colour: 'red', nested: { deep: [1] } }), requestFrame(1, ['x']));
    await settle();
    assert.equal(peer.only(FrameType.RESPONSE).id, 1);
  });

  const minimal = { version: 1, codec: 'msgpack', messageBytes: 4_096, callsInFlight: 10, uptimeMs: 0 };
  for (const field of ['version', 'codec', 'messageBytes', 'callsInFlight', 'uptimeMs'] as const) {
    it(`closes the connection when it lacks the field ${field}`, async () => {
      const { [field]: _, ...rest } = minimal;
      const { peer, settle } = serverRig();
      peer.send(PREFACE, rawFrame(FrameType.HELLO, encoded(rest)), requestFrame(1));
      await settle();
      assert.match(peer.goAway.reason, field === 'codec' ? /^the peer uses codec ""/ : new RegExp(`field "${field}"`));
    });
  }

  for (const [field, value] of [
    ['version', '1'],
    ['version', 0],
    ['version', -1],
    ['version', Number.NaN],
    ['codec', 7],
    ['codec', null],
    ['instance', ['a']],
    ['instance', 'x'.repeat(257)],
    ['instance', 'line\r\nbreak'],
    ['expect', '\u001b[2J'],
    ['messageBytes', 0],
    ['messageBytes', 2 ** 32],
    ['messageBytes', Number.POSITIVE_INFINITY],
    ['callsInFlight', 2n ** 63n],
    ['callsInFlight', true],
    ['uptimeMs', -1],
    ['streamCredit', 1],
    ['streamCredit', 2 ** 31],
    ['connectionCredit', 'much'],
  ] as const) {
    const shown = typeof value === 'string' && value.length > 20 ? 'a long text' : `${JSON.stringify(String(value))}`;
    it(`closes the connection when its field ${field} is ${shown} of the type ${typeof value}`, async () => {
      const { host, peer, settle } = serverRig();
      peer.send(PREFACE, helloFrame({ [field]: value }), requestFrame(1));
      await settle();
      assert.equal(peer.goAway.code, GoAwayCode.PROTOCOL_ERROR);
      assert.match(peer.goAway.reason, new RegExp(`^(HELLO field "${field}" must be|the peer uses codec)`));
      assert.equal(host.calls.length, 0);
    });
  }

  it('has the last word of a field that it says twice', async () => {
    const { peer, settle } = serverRig();
    const once = encoded({ ...minimal, messageBytes: 2_048 });
    const twice = Buffer.concat([
      Buffer.from([once[0]! + 1]),
      once.subarray(1),
      encoded('messageBytes'),
      encoded(1_024),
    ]);
    peer.send(PREFACE, rawFrame(FrameType.HELLO, twice), requestFrame(1, ['x'.repeat(1_500)]));
    await settle();
    assert.match(readError(peer.only(FrameType.ERROR)).reason, /the limit is 1024/);
  });

  it('closes the connection when it is larger than any greeting', async () => {
    const { peer, settle } = serverRig();
    peer.send(PREFACE, helloFrame({ padding: 'x'.repeat(17_000) }));
    await settle();
    assert.match(peer.goAway.reason, /^a HELLO of \d+ bytes is beyond 16384$/);
  });
});

describe('ids of calls', () => {
  it('may come in any order, and be used again after the answer', async () => {
    const { peer, settle } = await rig();
    peer.send(...[9, 3, 0x7fff_ffff, 1, 9, 3].map((id) => requestFrame(id, [id])));
    await settle();
    assert.deepEqual(
      peer.framesOf(FrameType.RESPONSE).map(({ id }) => id),
      [9, 3, 0x7fff_ffff, 1, 9, 3],
    );
  });

  for (const [name, frames, reason] of [
    ['used twice at once', [hanging(1), hanging(1)], /^call id 1 is in flight already$/],
    ['used again after a CANCEL, while the handler runs', [hanging(1), cancel(1), hanging(1)], /is in flight already$/],
    ['of a stream that is open', [opening(1), hanging(1)], /^call id 1 is in flight already$/],
    ['of a call, for a stream', [hanging(1), opening(1)], /^call id 1 is in flight already$/],
    ['2^31', [hanging(2 ** 31)], /^call id 2147483648 is not one of a client$/],
    ['2^32 - 1', [hanging(2 ** 32 - 1)], /^call id 4294967295 is not one of a client$/],
    ['0 with an answer wanted', [hanging(0)], /^only a one-way REQUEST has the id 0$/],
    [
      '0 of a stream',
      [requestFrame(0, [], { name: ['test', 'stream'], flags: RequestFlag.STREAM })],
      /^only a one-way REQUEST has the id 0$/,
    ],
  ] as const) {
    it(`close the connection when they are ${name}; what runs sees its signal abort`, async () => {
      const { host, peer, settle } = await rig();
      peer.send(...frames);
      await settle();
      assert.match(peer.goAway.reason, reason);
      assert.ok(host.calls.length < frames.length);
      assert.ok(host.calls.every(({ signal }) => signal.aborted));
    });
  }
});

describe('frames of calls that are not there', () => {
  const ignored: readonly [name: string, frame: Buffer][] = [
    ['CANCEL of a call that never was', cancel(77)],
    ['CANCEL of the connection', cancel(0)],
    ['CANCEL without a reason', rawFrame(FrameType.CANCEL, NOTHING, 77)],
    ['CANCEL with an unknown reason', rawFrame(FrameType.CANCEL, Buffer.from([200]), 77)],
    ['END of a stream that never was', end(77)],
    ['END of the connection', end(0)],
    ['CREDIT for a stream that never was', credit(77)],
    ['CREDIT for the connection that nothing needs', credit(0)],
    ['ITEM of a stream that never was', item(77)],
    ['ITEM of the connection', item(0)],
    ['CANCEL of a call that was answered', Buffer.concat([requestFrame(5), cancel(5)])],
    ['CANCEL twice', Buffer.concat([hanging(5), cancel(5), cancel(5)])],
    ['END of a call that streams nothing', Buffer.concat([hanging(5), end(5)])],
    ['ITEM of a call that streams nothing', Buffer.concat([hanging(5), item(5)])],
    ['CREDIT for a call that streams nothing', Buffer.concat([hanging(5), credit(5)])],
    [
      'END of a stream that was refused',
      Buffer.concat([requestFrame(5, [], { name: ['test', 'no'], flags: 0x40 }), end(5)]),
    ],
    [
      'ITEM of a stream that was refused',
      Buffer.concat([requestFrame(5, [], { name: ['test', 'no'], flags: 0x40 }), item(5)]),
    ],
    ['CREDIT for a stream that was cancelled', Buffer.concat([opening(5), cancel(5), credit(5)])],
    ['ITEM of a stream that was cancelled', Buffer.concat([opening(5), cancel(5), item(5)])],
    ['END of a stream that was cancelled', Buffer.concat([opening(5), cancel(5), end(5)])],
  ];
  for (const [name, frame] of ignored) {
    it(`are ignored, since they may have crossed: ${name}`, async () => {
      const { peer, settle } = await rig();
      peer.send(frame);
      await settle();
      peer.send(requestFrame(99, ['after']));
      await settle();
      assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
      assert.equal(peer.framesOf(FrameType.RESPONSE).at(-1)?.id, 99);
    });
  }

  for (const [name, frame, limit] of [
    ['CANCELs', cancel(77), /limits\.cancels/],
    ['ENDs', end(77), /limits\.ignoredFrames/],
    ['CREDITs', credit(77), /limits\.ignoredFrames/],
    ['ITEMs', item(77), /limits\.ignoredFrames/],
  ] as const) {
    it(`close the connection when there are thousands: ${name}`, async () => {
      const { peer, settle } = await rig();
      peer.send(Buffer.concat(Array.from({ length: 2_000 }, () => frame)));
      await settle();
      assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
      assert.match(peer.goAway.reason, limit);
    });
  }

  it('are ignored by a client as well, and close its connection when there are too many', async () => {
    const { call, peer, settle } = await greetedClientRig();
    const sent = call('echo');
    peer.send(end(77), end(0), credit(77), item(77), responseFrame(77, 'x'));
    await settle();
    peer.send(responseFrame(1, 'mine'));
    await settle();
    assert.equal(sent.value, 'mine');
    peer.send(Buffer.concat(Array.from({ length: 200 }, () => item(77))));
    await settle();
    assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
  });
});

describe('frames that make this side break a call off', () => {
  for (const [name, frames] of [
    ['a credit of 0', [credit(1, 0)]],
    ['a credit that overflows', [credit(1, 2 ** 31 - 1)]],
    ['a negative credit', [credit(1, 2 ** 32 - 1)]],
    ['a credit that is cut', [rawFrame(FrameType.CREDIT, Buffer.alloc(2), 1)]],
    ['items beyond the credit', [1, 2, 3, 4, 5, 6].map(() => item(1, Buffer.alloc(60_000)))],
    ['an item after the end', [end(1), item(1)]],
    ['two ends', [end(1), end(1)]],
    ['the same request once more', [opening(1)]],
    ['an item that is malformed', [rawFrame(FrameType.ITEM, Buffer.from('c1', 'hex'), 1)]],
    ['a request that is cut', [rawFrame(FrameType.REQUEST, NOTHING, 2)]],
  ] as const) {
    it(`close the connection, so that no call costs less than a connection: ${name}`, async () => {
      const { connection, host, peer, settle } = await rig();
      peer.send(opening(1));
      await settle();
      const [call] = host.calls;
      peer.send(...frames, hanging(50));
      await settle();
      assert.equal(peer.framesOf(FrameType.GOAWAY).length, 1);
      assert.ok(call!.signal.aborted);
      assert.equal(host.calls.length, 1);
      assert.ok(connection.running <= 1);
    });
  }

  it('do not free the place of the handler that goes on all the same', async () => {
    const { connection, host, peer, settle } = await rig();
    peer.send(hanging(1), hanging(2), hanging(2));
    await settle();
    assert.deepEqual([host.closedReasons.length, connection.running], [1, 2]);
  });
});

describe('a flood of grants', () => {
  it('closes the connection when they are more than what was sent can explain, on an open stream too', async () => {
    for (const id of [0, 1]) {
      const { peer, settle } = await rig();
      peer.send(opening(1), Buffer.concat(Array.from({ length: 100 }, () => credit(id))));
      await settle();
      assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
      peer.send(Buffer.concat(Array.from({ length: 4 }, () => credit(id))));
      await settle();
      assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
      assert.match(peer.goAway.reason, /a CREDIT for which nothing was sent \(limits\.ignoredFrames\)$/);
    }
  });

  it('is none when a peer grants each item by itself, for the stream and for the connection', async () => {
    const { host, peer, settle } = await rig();
    host.methods['stream'] = async function* () {
      for (let i = 0; i < 2_000; i++) yield i;
    };
    peer.send(opening(1));
    // Now and then the source lets others have their turn.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 2_000; i++) peer.send(credit(1), credit(0));
    await settle();
    assert.equal(peer.framesOf(FrameType.ITEM).length, 2_000);
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
  });
});

describe('a deadline on the wire', () => {
  for (const remainingMs of [1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    it(`of ${remainingMs} ms is what the handler has`, async () => {
      const { clock, host, peer, settle } = await rig();
      peer.send(hanging(1, remainingMs));
      await settle();
      const { signal, deadline } = host.calls[0]!;
      assert.equal(deadline, 1_000 + remainingMs);
      assert.equal(signal.aborted, false);
      await clock.advance(1);
      assert.equal(signal.aborted, remainingMs === 1);
    });
  }

  it('of 0 ms is none', async () => {
    const { host, peer, settle } = await rig();
    peer.send(hanging(1, 0));
    await settle();
    assert.equal(host.calls[0]!.remainingMs(), Number.POSITIVE_INFINITY);
  });
});

describe('a GOAWAY', () => {
  for (const [name, code] of [
    ['of an unknown code', 200],
    ['for a mistake of ours', GoAwayCode.PROTOCOL_ERROR],
    ['for a bound that we have passed', GoAwayCode.LIMIT],
  ] as const) {
    it(`${name} ends the connection of a server, whose handlers see their signals abort`, async () => {
      const { host, peer, settle } = await rig();
      peer.send(hanging(1));
      await settle();
      peer.send(goAwayFrame(code, 'bye'), hanging(2));
      await settle();
      assert.deepEqual(host.closedReasons, ['closed by the client: bye']);
      assert.deepEqual([host.calls.length, host.calls[0]!.signal.aborted], [1, true]);
    });
  }

  it('is followed by no new calls of a client: they are unsent, those in flight are answered', async () => {
    const { call, peer, settle } = await greetedClientRig();
    const before = call('echo');
    await settle();
    peer.send(goAwayFrame(GoAwayCode.DRAINING, 'deploy'));
    await settle();
    const after = call('echo');
    peer.send(responseFrame(1, 'answered'));
    await settle();
    assert.equal(before.value, 'answered');
    assert.deepEqual([after.error?.code, after.error?.progress], ['UNAVAILABLE', 'unsent']);
  });
});
