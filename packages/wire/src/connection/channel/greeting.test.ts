import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { encoded } from '../../../test/codec-helpers.js';
import { clientRig, greetedClientRig, greetedServerRig, serverRig } from '../../../test/connection-rig.js';
import { helloFrame, rawFrame, requestFrame } from '../../../test/raw-peer.js';
import { CodecError } from '../../codec/codec.js';
import { msgpack } from '../../codec/msgpack.js';
import { FrameType, GoAwayCode, PREFACE } from '../../frames/frame.js';

const decode = (body: Buffer): unknown => msgpack().createDecoder(DEFAULT_LIMITS)(body, 0, body.length);

describe('the greeting of a client', () => {
  it('is the preface and a HELLO, sent without waiting for anything', async () => {
    const { peer, settle } = clientRig({ expectInstance: 'wanted', limits: { callsInFlight: 9, messageBytes: 5_000 } });
    await settle();
    assert.deepEqual(peer.bytes.subarray(0, PREFACE.length), PREFACE);
    assert.deepEqual(decode(peer.only(FrameType.HELLO).body), {
      version: 1,
      instance: '',
      expect: 'wanted',
      codec: 'msgpack',
      messageBytes: 5_000,
      callsInFlight: 9,
      uptimeMs: 1_000,
      streamCredit: 262_144,
      connectionCredit: 1_048_576,
      pieceCredit: 262_144,
      compression: ['deflate'],
    });
  });

  it('goes out in one write with the calls of the same tick', async () => {
    const { peer, call, settle } = clientRig();
    call('echo', [1]);
    await settle();
    assert.deepEqual(
      peer.frames.map(({ type }) => type),
      [FrameType.HELLO, FrameType.REQUEST],
    );
  });

  it('ends with the HELLO of the server, of which its observer is told', async () => {
    const { connection, observed, peer, settle } = clientRig();
    assert.equal(connection.isGreeted, false);
    peer.send(helloFrame({ instance: 'there', uptimeMs: 12 }));
    await settle();
    assert.equal(connection.isGreeted, true);
    assert.deepEqual([observed.greeted[0]?.instance, observed.greeted[0]?.uptimeMs], ['there', 12]);
  });

  it('must be answered in time', async () => {
    const { clock, connection, observed, peer, settle } = clientRig();
    await clock.advance(5_000);
    connection.tick(clock.now());
    assert.deepEqual(observed.closed, []);
    await clock.advance(1);
    connection.tick(clock.now());
    await settle();
    assert.deepEqual(observed.closed, ['no greeting within 5000 ms (limits.handshakeMs)']);
    assert.equal(peer.goAway.code, GoAwayCode.TIMEOUT);
  });
});

describe('the greeting of a server', () => {
  it('comes only after a HELLO, not after the preface: MessagePack-RPC clients would not understand it', async () => {
    const { peer, settle } = serverRig();
    await settle();
    peer.send(PREFACE);
    await settle();
    assert.equal(peer.bytes.length, 0);
    peer.send(helloFrame());
    await settle();
    assert.equal((decode(peer.only(FrameType.HELLO).body) as { instance: string }).instance, 'test-instance');
    assert.equal((decode(peer.only(FrameType.HELLO).body) as { uptimeMs: number }).uptimeMs, 7);
  });

  it('is given however the bytes are cut', async () => {
    const { peer, settle } = serverRig();
    for (const byte of Buffer.concat([PREFACE, helloFrame(), requestFrame(1, ['x'])])) peer.send(Buffer.from([byte]));
    await settle();
    assert.deepEqual(
      peer.frames.map(({ type }) => type),
      [FrameType.HELLO, FrameType.RESPONSE],
    );
  });

  it('must be asked for in time, whether nothing comes or single bytes do', async () => {
    for (const bytes of [
      Buffer.alloc(0),
      PREFACE.subarray(0, 3),
      Buffer.concat([PREFACE, helloFrame().subarray(0, 20)]),
    ]) {
      const { clock, connection, host, peer, settle } = serverRig({ limits: { handshakeMs: 300 } });
      for (let i = 0; i < 4; i++) {
        const share = Math.ceil(bytes.length / 4);
        peer.send(bytes.subarray(i * share, (i + 1) * share));
        await clock.advance(75);
      }
      connection.tick(clock.now());
      assert.deepEqual(host.closedReasons, []);
      await clock.advance(1);
      connection.tick(clock.now());
      await settle();
      assert.deepEqual(host.closedReasons, ['no greeting within 300 ms (limits.handshakeMs)']);
    }
  });
});

describe('a greeting that is wrong', () => {
  for (const [name, bytes, reason] of [
    ['a request comes first', requestFrame(1), /^the first frame must be HELLO, not type 2$/],
    ['a PING comes first', rawFrame(FrameType.PING, Buffer.alloc(8)), /^the first frame must be HELLO, not type 6$/],
    ['an unknown frame comes first', rawFrame(99), /^the first frame must be HELLO, not type 99$/],
    [
      'the first frame is larger than a message may be',
      rawFrame(1, Buffer.alloc(0), 0, 0, 5 * 2 ** 20),
      /^the first frame is larger/,
    ],
    ['a second HELLO comes', Buffer.concat([helloFrame(), helloFrame()]), /^a second HELLO$/],
    ['a field is wrong', helloFrame({ callsInFlight: 0 }), /^HELLO field "callsInFlight" must be a number/],
    ['it is no map', rawFrame(FrameType.HELLO, encoded([1])), /^HELLO is not a map$/],
    ['it is empty', rawFrame(FrameType.HELLO), /^HELLO cannot be read/],
    ['the codec is another', helloFrame({ codec: 'json' }), /^the peer uses codec "json", this side "msgpack"$/],
  ] as const) {
    it(`closes a server's connection, with the reason, when ${name}`, async () => {
      const { host, peer, settle } = serverRig();
      peer.send(PREFACE, bytes);
      await settle();
      assert.equal(peer.goAway.code, GoAwayCode.PROTOCOL_ERROR);
      assert.match(peer.goAway.reason, reason);
      assert.deepEqual([host.closedReasons, peer.isEnded], [[peer.goAway.reason], true]);
      assert.deepEqual(host.calls, []);
    });

    it(`closes a client's connection, with the reason, when ${name}`, async () => {
      const { observed, call, peer, settle } = clientRig();
      const sent = call('echo');
      peer.send(bytes);
      await settle();
      assert.match(peer.goAway.reason, reason);
      assert.match(observed.closed[0]!, reason);
      assert.deepEqual([sent.error?.code, sent.settledTimes], ['UNAVAILABLE', 1]);
    });
  }

  it('closes a connection whose preface is wrong after its first byte, in our own words', async () => {
    for (const [bytes, reason] of [
      [Buffer.from('c1525044', 'hex'), 'the preface is not that of @org/rpc'],
      [Buffer.from('c152504302', 'hex'), 'protocol version 2 is not spoken here, only 1'],
    ] as const) {
      const { host, peer, settle } = serverRig();
      peer.send(bytes, helloFrame());
      await settle();
      assert.deepEqual(peer.goAway, { code: GoAwayCode.PROTOCOL_ERROR, reason });
      assert.deepEqual(host.closedReasons, [reason]);
    }
  });

  it('tells a peer of another protocol what it reached, also when only a byte of it came', async () => {
    for (const text of ['GET / HTTP/1.1\r\n\r\n', 'x', '\0', 'SSH-2.0-x\r\n']) {
      const { host, peer, settle } = serverRig();
      peer.send(Buffer.from(text));
      await settle();
      assert.match(peer.bytes.toString(), /this is a port of @org\/rpc, which expects its own protocol/);
      assert.equal(peer.isEnded, true);
      assert.equal(host.closedReasons.length, 1);
    }
  });
});

describe('frames that come after the greeting', () => {
  it('must be of the other side', async () => {
    const server = await greetedServerRig();
    server.peer.send(rawFrame(FrameType.RESPONSE, encoded(1), 1));
    await server.settle();
    assert.match(server.peer.goAway.reason, /^frame type 3 does not come from a client$/);
    const client = await greetedClientRig();
    client.peer.send(requestFrame(1));
    await client.settle();
    assert.match(client.peer.goAway.reason, /^frame type 2 does not come from a server$/);
  });

  it('tell the peer nothing of what fails on this side', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.find = () => {
      throw new CodecError('a secret');
    };
    peer.send(requestFrame(1));
    await settle();
    assert.equal(peer.goAway.reason, 'an internal error');
    assert.deepEqual(host.closedReasons, ['an internal error: a secret']);
  });
});

describe('the version of the protocol', () => {
  it('is the smaller one of the two, on both sides', async () => {
    for (const version of [1, 2, 65_535]) {
      const server = serverRig();
      server.peer.send(PREFACE, helloFrame({ version }));
      await server.settle();
      const client = clientRig();
      client.peer.send(helloFrame({ version }));
      await client.settle();
      assert.deepEqual([server.connection.version, client.connection.version], [1, 1]);
      server.peer.send(requestFrame(1, ['x']));
      await server.settle();
      assert.equal(server.peer.only(FrameType.RESPONSE).id, 1);
    }
  });
});
