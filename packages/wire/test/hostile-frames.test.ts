import assert from 'node:assert/strict';
import { FrameType, GoAwayCode, HEADER_BYTES, PREFACE } from '../src/frames/frame.js';
import { encoded } from './codec-helpers.js';
import { greetedClientRig, greetedServerRig, serverRig } from './connection-rig.js';
import { helloFrame, type RawFrame, rawFrame, readError, requestFrame, responseFrame } from './raw-peer.js';

const LIMIT = 2_000;

/** The header of a frame that claims a body of so many bytes. */
const claim = (type: number, length: number, id = 1): Buffer => rawFrame(type, Buffer.alloc(0), id, 0, length);

/** A request whose body has so many bytes in all. */
function requestOfBody(id: number, bodyBytes: number): Buffer {
  const empty = requestFrame(id, ['']).length - HEADER_BYTES;
  // From 256 bytes on a text has a header of three bytes instead of one.
  return requestFrame(id, ['x'.repeat(bodyBytes - empty - 2)]);
}

describe('a frame whose length is', () => {
  for (const [name, bytes, expected] of [
    ['0 is whole: an unknown one is skipped', rawFrame(99), 'goes on'],
    ['0 although its type needs more', rawFrame(FrameType.REQUEST, Buffer.alloc(0), 1), /^a REQUEST is cut short$/],
    ['what a message may have', requestOfBody(1, LIMIT), 'goes on'],
    ['one more than a message may have', requestOfBody(1, LIMIT + 1), 'refused'],
    ['four times of what a message may have', requestOfBody(1, 4 * LIMIT), 'refused'],
    ['one more than that', claim(FrameType.REQUEST, 4 * LIMIT + 1), /^a frame of 8001 bytes is far beyond the limit/],
    ['2^31', claim(FrameType.REQUEST, 2 ** 31), /^a frame of 2147483648 bytes is far beyond/],
    ['2^32 - 1', claim(FrameType.REQUEST, 2 ** 32 - 1), /^a frame of 4294967295 bytes is far beyond/],
    ['2^32 - 1 of an unknown type', claim(99, 2 ** 32 - 1), /^a frame of 4294967295 bytes is far beyond/],
    ['too much for a PING', rawFrame(FrameType.PING, Buffer.alloc(LIMIT + 1)), /^a frame of type 6 with 2001 bytes$/],
    ['too much for an unknown type', rawFrame(99, Buffer.alloc(LIMIT + 1)), /^a frame of type 99 with 2001 bytes$/],
  ] as const) {
    for (const [how, cut] of [
      ['in one piece', false],
      ['in single bytes', true],
    ] as const) {
      it(`${name} (${how})`, async () => {
        const { host, peer, settle } = await greetedServerRig({ limits: { messageBytes: LIMIT } });
        const stream = Buffer.concat([bytes, requestFrame(7, ['after'])]);
        if (cut) for (const byte of stream) peer.send(Buffer.from([byte]));
        else peer.send(stream);
        await settle();
        if (expected instanceof RegExp) {
          assert.match(peer.goAway.reason, expected);
          assert.equal(host.calls.length, 0);
          return;
        }
        assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
        assert.equal(peer.framesOf(FrameType.RESPONSE).at(-1)?.id, 7);
        const errors = peer.framesOf(FrameType.ERROR);
        assert.equal(errors.length, expected === 'refused' ? 1 : 0);
        if (expected === 'refused') assert.match(readError(errors[0]!).reason, /the limit is 2000 \(limits/);
      });
    }
  }
});

describe('a good stream of frames', () => {
  const frames = [
    requestFrame(1, ['first']),
    rawFrame(FrameType.PING, Buffer.from('01234567')),
    requestFrame(2, ['x'.repeat(300)]),
  ];
  const bytes = Buffer.concat([PREFACE, helloFrame(), ...frames]);

  /** What a server answers when the bytes come in these pieces. */
  async function answers(pieces: readonly Buffer[]): Promise<RawFrame[]> {
    const { peer, settle } = serverRig();
    for (const piece of pieces) {
      peer.send(piece);
      await settle();
    }
    return peer.frames;
  }

  it('has the same answers wherever it is cut in two, in single bytes, and in one chunk', async () => {
    const whole = await answers([bytes]);
    assert.deepEqual(
      whole.map(({ type }) => type),
      [FrameType.HELLO, FrameType.RESPONSE, FrameType.PONG, FrameType.RESPONSE],
    );
    for (let cut = 1; cut < bytes.length; cut++)
      assert.deepEqual(await answers([bytes.subarray(0, cut), bytes.subarray(cut)]), whole, `cut at ${cut}`);
    assert.deepEqual(await answers(Array.from(bytes, (byte) => Buffer.from([byte]))), whole);
    assert.deepEqual(await answers([PREFACE, helloFrame(), ...frames]), whole);
  });
});

describe('frames of a later version', () => {
  for (const [name, frame] of [
    ['an unknown type', rawFrame(200, Buffer.from('whatever'), 3)],
    ['an unknown type with every flag', rawFrame(200, Buffer.from('whatever'), 3, 0xff)],
    ['type 0', rawFrame(0)],
    ['type 255', rawFrame(255)],
    ['a PING with flags', rawFrame(FrameType.PING, Buffer.alloc(8), 0, 0xff)],
    ['a PING with an id', rawFrame(FrameType.PING, Buffer.alloc(8), 77)],
  ] as const) {
    it(`are skipped or served as usual: ${name}`, async () => {
      const { peer, settle } = await greetedServerRig();
      peer.send(frame, requestFrame(1, ['after']));
      await settle();
      assert.deepEqual(
        peer.framesOf(FrameType.RESPONSE).map(({ id }) => id),
        [1],
      );
      assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
    });
  }

  it('close the connection when there are ten thousand: of these, few are looked at', async () => {
    const { host, peer, settle } = await greetedServerRig();
    peer.send(Buffer.concat(Array.from({ length: 10_000 }, () => rawFrame(200))));
    await settle();
    assert.deepEqual([peer.goAway.code, host.closedReasons.length], [GoAwayCode.LIMIT, 1]);
    assert.match(peer.goAway.reason, /limits\.ignoredFrames/);
  });
});

describe('a body under the type of another frame', () => {
  const helloBody = helloFrame().subarray(HEADER_BYTES);
  const requestBody = requestFrame(1, ['x']).subarray(HEADER_BYTES);
  for (const [name, frame, reason] of [
    ['a greeting as a request', rawFrame(FrameType.REQUEST, helloBody, 1), /^a REQUEST is cut short$/],
    ['a result as a request', rawFrame(FrameType.REQUEST, encoded('x'), 1), /^a REQUEST is cut short$/],
    ['a request as a greeting', rawFrame(FrameType.HELLO, requestBody), /^a second HELLO$/],
    ['a request as a PING', rawFrame(FrameType.PING, requestBody), /^a PING has 8 bytes, not 21$/],
    ['an item as a CREDIT', rawFrame(FrameType.CREDIT, encoded('an item'), 1), /^a CREDIT has 4 bytes, not 8$/],
    ['a result to a server', responseFrame(1, 'x'), /^frame type 3 does not come from a client$/],
    [
      'an error to a server',
      rawFrame(FrameType.ERROR, Buffer.alloc(8), 1),
      /^frame type 4 does not come from a client$/,
    ],
  ] as const) {
    it(`closes the connection of a server: ${name}`, async () => {
      const { host, peer, settle } = await greetedServerRig();
      peer.send(frame, requestFrame(9));
      await settle();
      assert.match(peer.goAway.reason, reason);
      assert.deepEqual([host.calls.length, host.closedReasons.length], [0, 1]);
    });
  }

  for (const [name, frame, reason] of [
    ['a request to a client', requestFrame(1), /^frame type 2 does not come from a server$/],
    ['a CANCEL to a client', rawFrame(FrameType.CANCEL, Buffer.from([1]), 1), /^frame type 5 does not come from/],
    ['a result as an ERROR', rawFrame(FrameType.ERROR, encoded('x'), 1), /an ERROR is cut short$/],
    ['a reply to call 0', responseFrame(0, 'x'), /^a reply to call 0$/],
    ['an ERROR to call 0', rawFrame(FrameType.ERROR, Buffer.alloc(8)), /^a reply to call 0$/],
    ['a result that is cut', rawFrame(FrameType.RESPONSE, Buffer.from('a5', 'hex'), 1), /malformed|cannot decode/],
    [
      'a result with metadata of a lying length',
      rawFrame(FrameType.RESPONSE, Buffer.from('ffff', 'hex'), 1, 1),
      /cut short/,
    ],
    ['a result with load that is not there', rawFrame(FrameType.RESPONSE, Buffer.alloc(3), 1, 2), /cut short/],
  ] as const) {
    it(`closes the connection of a client, and its call fails: ${name}`, async () => {
      const { call, observed, peer, settle } = await greetedClientRig();
      const sent = call('echo');
      await settle();
      peer.send(frame);
      await settle();
      assert.equal(sent.settledTimes, 1);
      assert.ok(sent.error !== undefined);
      assert.equal(observed.closed.length, 1);
      assert.match(peer.goAway.reason, reason);
    });
  }
});

describe('metadata on the wire', () => {
  const pair = (key: string | Buffer, value: string | Buffer): Buffer => {
    const [keyBytes, valueBytes] = [Buffer.from(key as string), Buffer.from(value as string)];
    return Buffer.concat([
      Buffer.from([keyBytes.length, valueBytes.length >> 8, valueBytes.length & 255]),
      keyBytes,
      valueBytes,
    ]);
  };
  for (const [name, metadata, reason] of [
    ['an upper-case key', pair('Trace', 'v'), /^a metadata key has characters/],
    ['a key with a blank', pair('a b', 'v'), /^a metadata key has characters/],
    ['a key with a line break', pair('a\r\nb', 'v'), /^a metadata key has characters/],
    ['a key with NUL', pair('a\0', 'v'), /^a metadata key has characters/],
    ['a key with a colon', pair(':path', 'v'), /^a metadata key has characters/],
    ['an empty key', pair('', 'v'), /^a metadata key has characters/],
    ['a key twice', Buffer.concat([pair('a', '1'), pair('a', '2')]), /^metadata key "a" occurs twice$/],
    ['bytes in place of text', pair('a', Buffer.from([0xff, 0xfe])), /^metadata "a" is not valid UTF-8$/],
    ['a value with a line break', pair('a', 'x\r\nlog: fine'), /^metadata "a" contains control characters$/],
    ['a value with an escape sequence', pair('a', '\u001b[2J'), /^metadata "a" contains control characters$/],
  ] as const) {
    it(`closes the connection before anything of the call is looked at: ${name}`, async () => {
      const { host, peer, settle } = await greetedServerRig();
      let asked = 0;
      host.authorize = () => {
        asked++;
      };
      peer.send(requestFrame(1, [], { metadata }));
      await settle();
      assert.match(peer.goAway.reason, reason);
      assert.deepEqual([asked, host.calls.length], [0, 0]);
    });
  }

  for (const [name, metadata, reason] of [
    [
      'ten thousand keys',
      Buffer.concat(Array.from({ length: 10_000 }, (_, i) => pair(`${i % 10}`, ''))),
      /^metadata of/,
    ],
    ['65 keys', Buffer.concat(Array.from({ length: 65 }, (_, i) => pair(`k${i}`, ''))), /^more than 64 metadata keys/],
    ['a value of 64 KiB', pair('a', 'v'.repeat(65_000)), /^metadata of 65004 bytes is beyond the limit of 16384/],
  ] as const) {
    it(`refuses the call alone, before anybody is asked about it: ${name}`, async () => {
      const { host, peer, settle } = await greetedServerRig();
      let asked = 0;
      host.authorize = () => {
        asked++;
      };
      peer.send(requestFrame(1, [], { metadata }));
      await settle();
      assert.match(readError(peer.only(FrameType.ERROR)).reason, reason);
      assert.deepEqual([asked, host.calls.length, peer.isEnded], [0, 0, false]);
    });
  }

  it('may have keys that objects have anyway, without harm', async () => {
    const { host, peer, settle } = await greetedServerRig();
    peer.send(requestFrame(1, [], { metadata: Buffer.concat([pair('__proto__', 'x'), pair('constructor', 'y')]) }));
    await settle();
    const [call] = host.calls;
    assert.deepEqual(Object.entries(call!.metadata), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    assert.equal(Object.getPrototypeOf(call!.metadata), null);
  });
});
