import assert from 'node:assert/strict';
import type { CallContext } from '@org/rpc-core';
import { RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { encoded, hex } from '../../../test/codec-helpers.js';
import { greetedServerRig, serverRig } from '../../../test/connection-rig.js';
import { helloFrame, type RawRequest, rawFrame, readError, requestFrame } from '../../../test/raw-peer.js';
import { FrameType, GoAwayCode, PREFACE, RequestFlag } from '../../frames/frame.js';

describe('a request that a server refuses', () => {
  it('is answered as never started: unknown, not admitted, too many, too large in all', async () => {
    const limits = { callsInFlight: 2, inFlightRequestBytes: 1_000 };
    const { host, peer, settle } = await greetedServerRig({ limits });
    host.methods['hang'] = () => new Promise(() => {});
    peer.send(requestFrame(1, [], { name: ['test', 'nothing'] }));
    peer.send(requestFrame(2, ['x'.repeat(820)], { name: ['test', 'hang'] }));
    peer.send(requestFrame(3, ['x'.repeat(200)]));
    peer.send(requestFrame(4, [], { name: ['test', 'hang'] }));
    peer.send(requestFrame(5, []));
    await settle();
    host.admission = rpcError('UNAVAILABLE', 'not now');
    peer.send(requestFrame(6, []));
    await settle();
    const answers = peer.framesOf(FrameType.ERROR).map((frame) => ({ id: frame.id, ...readError(frame) }));
    assert.deepEqual(
      answers.map(({ id, code, handlerRan }) => [id, code, handlerRan]),
      [
        [1, 12, 0],
        [3, 8, 0],
        [5, 8, 0],
        [6, 8, 0],
      ],
    );
    assert.match(answers[1]!.reason, /limits\.inFlightRequestBytes/);
    assert.match(answers[2]!.reason, /limits\.callsInFlight/);
    assert.equal(host.calls.length, 2);
  });

  it('is not admitted when the host says so, and is not counted as served', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.admission = rpcError('UNAVAILABLE', 'not now');
    peer.send(requestFrame(6, [], { payload: hex('c1') }));
    await settle();
    assert.deepEqual(readError(peer.only(FrameType.ERROR)), { code: 14, handlerRan: 0, reason: 'not now' });
    assert.deepEqual([host.left.length, host.calls.length, peer.framesOf(FrameType.GOAWAY).length], [0, 0, 0]);
  });

  it('is answered and skipped when it is larger than a message may be', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: { messageBytes: 2_000 } });
    peer.send(
      requestFrame(1, ['x'.repeat(7_000)]),
      requestFrame(0, ['x'.repeat(7_000)], { flags: 1 }),
      requestFrame(2),
    );
    await settle();
    const error = peer.only(FrameType.ERROR);
    assert.deepEqual([error.id, readError(error).code, readError(error).handlerRan], [1, 8, 0]);
    assert.match(
      readError(error).reason,
      /^the request has 7\d\d\d bytes, the limit is 2000 \(limits\.messageBytes\)$/,
    );
    assert.deepEqual([peer.only(FrameType.RESPONSE).id, host.calls.length], [2, 1]);
  });

  it('closes the connection when it is beyond four times of that, or no request at all', async () => {
    for (const frame of [requestFrame(1, ['x'.repeat(9_000)]), rawFrame(FrameType.PING, Buffer.alloc(3_000))]) {
      const { peer, settle } = await greetedServerRig({ limits: { messageBytes: 2_000 } });
      peer.send(frame);
      await settle();
      assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
    }
  });
});

describe('a request that breaks the protocol closes its connection', () => {
  const rawRequest = (id: number, flags = 0): Buffer => requestFrame(id, [], { flags });
  for (const [name, frame, reason] of [
    ['cut short', rawFrame(FrameType.REQUEST, Buffer.alloc(5), 1), /^a REQUEST is cut short$/],
    ['empty', rawFrame(FrameType.REQUEST, Buffer.alloc(0), 1), /^a REQUEST is cut short$/],
    ['with the id 0 and an answer wanted', rawRequest(0), /^only a one-way REQUEST has the id 0$/],
    ['one-way with an id', rawRequest(1, RequestFlag.ONE_WAY), /^only a one-way REQUEST has the id 0$/],
    ['with an id of a server', rawRequest(0x8000_0001), /^call id 2147483649 is not one of a client$/],
    [
      'with the id of a call in flight',
      Buffer.concat([requestFrame(5, [], { name: ['test', 'hang'] }), rawRequest(5)]),
      /^call id 5 is in flight already$/,
    ],
    ['with metadata that is cut', requestFrame(1, [], { metadata: hex('05') }), /^metadata is cut short$/],
    [
      'with a wrong metadata key',
      requestFrame(1, [], { metadata: hex('01 0000 41') }),
      /^a metadata key has characters/,
    ],
    [
      'with arguments that are malformed',
      requestFrame(1, [], { payload: hex('91 c1') }),
      /^the arguments are malformed: .*byte 2/,
    ],
    ['without arguments', requestFrame(1, [], { payload: hex('') }), /^the arguments are malformed: /],
    [
      'with bytes after its arguments',
      requestFrame(1, [], { payload: hex('90 00') }),
      /^the arguments are malformed: .*left over/,
    ],
  ] as const) {
    it(name, async () => {
      const { connection, host, peer, settle } = await greetedServerRig();
      host.methods['hang'] = () => new Promise(() => {});
      peer.send(frame, requestFrame(99));
      await settle();
      assert.equal(peer.goAway.code, GoAwayCode.PROTOCOL_ERROR);
      assert.match(peer.goAway.reason, reason);
      assert.equal(peer.frames.at(-1)?.type, FrameType.GOAWAY);
      assert.deepEqual(host.closedReasons, [peer.goAway.reason]);
      assert.ok(host.calls.every(({ method }) => method === 'hang'));
      assert.ok(connection.running <= 1);
    });
  }

  for (const [what, payload, reason] of [
    ['nested too deep', `${'91'.repeat(80)}c0`, /deep/],
    ['of too many elements', `dc0065${'c0'.repeat(101)}`, /elements/],
    ['an extension that nobody knows', '91 d4 4d 00', /extension/],
    ['text that is not UTF-8', '91 a1 ff', /UTF-8/],
  ] as const)
    it(`but not when its arguments are ${what}: that costs the one call`, async () => {
      const { host, peer, settle } = await greetedServerRig({ limits: { messageElements: 100 } });
      peer.send(
        requestFrame(1, [], { payload: hex(payload) }),
        requestFrame(0, [], { payload: hex(payload), flags: 1 }),
      );
      peer.send(requestFrame(2, ['beside']));
      await settle();
      const { code, handlerRan, reason: said } = readError(peer.only(FrameType.ERROR));
      assert.deepEqual([code, handlerRan, peer.only(FrameType.RESPONSE).id], [3, 0, 2]);
      assert.match(said, reason);
      assert.match(said, /^the arguments cannot be taken: /);
      assert.deepEqual([host.calls.length, host.closedReasons], [1, []]);
    });

  it('but not when its arguments are one value that is no array', async () => {
    const { host, peer, settle } = await greetedServerRig();
    peer.send(requestFrame(1, [], { payload: encoded({ a: 1 }) }));
    await settle();
    assert.deepEqual(readError(peer.only(FrameType.ERROR)), {
      code: 3,
      handlerRan: 0,
      reason: 'the arguments must be an array',
    });
    assert.deepEqual([host.calls.length, host.ended.length, peer.framesOf(FrameType.GOAWAY).length], [0, 1, 0]);
  });
});

describe('a result that cannot be sent', () => {
  it('fails its own call alone when it cannot be encoded; the answers of the same tick go out whole', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods['odd'] = () => ['x'.repeat(200_000), Symbol('no')];
    peer.send(requestFrame(1, ['a']), requestFrame(2, [], { name: ['test', 'odd'] }), requestFrame(3, ['b']));
    await settle();
    assert.deepEqual(
      peer.framesOf(FrameType.RESPONSE).map(({ body }) => body),
      [encoded('a'), encoded('b')],
    );
    const { code, handlerRan, reason } = readError(peer.only(FrameType.ERROR));
    assert.deepEqual([code, handlerRan], [13, 1]);
    assert.match(reason, /hidden: .*\$\[1\]/);
    assert.equal(host.ended.length, 3);
  });

  it('fails its own call alone when it is larger than a message may be, to the byte', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: { messageBytes: 2_000 } });
    host.methods['large'] = (bytes: number) => 'x'.repeat(bytes - 3);
    for (const [id, bytes] of [
      [1, 2_000],
      [2, 2_001],
    ] as const)
      peer.send(requestFrame(id, [bytes], { name: ['test', 'large'] }));
    await settle();
    assert.deepEqual([peer.only(FrameType.RESPONSE).id, peer.only(FrameType.RESPONSE).body.length], [1, 2_000]);
    const { code, handlerRan, reason } = readError(peer.only(FrameType.ERROR));
    assert.deepEqual([code, handlerRan], [8, 1]);
    assert.equal(reason, 'the result has 2001 bytes, the limit is 2000 (limits.messageBytes)');
  });

  it('is bounded by what the client takes, also the details of an error', async () => {
    const { host, peer, settle } = serverRig();
    host.methods['large'] = () => 'x'.repeat(3_000);
    host.methods['fails'] = () => {
      throw new RpcError('ABORTED', 'why', { details: 'x'.repeat(3_000) });
    };
    peer.send(PREFACE, helloFrame({ messageBytes: 1_024 }));
    peer.send(requestFrame(1, [], { name: ['test', 'large'] }), requestFrame(2, [], { name: ['test', 'fails'] }));
    await settle();
    const [large, fails] = peer.framesOf(FrameType.ERROR);
    assert.match(readError(large!).reason, /the limit is 1024/);
    assert.deepEqual([readError(fails!).reason, fails!.body.length], ['why', 8 + 3]);
  });

  it('is bounded by what the client takes, also the metadata at the end of a stream', async () => {
    const { host, peer, settle } = serverRig();
    host.methods['list'] = async function* () {
      for (const call of host.calls) call.responseMetadata['a'] ??= 'x'.repeat(call.args[0] as number);
      yield 1;
    };
    peer.send(PREFACE, helloFrame({ messageBytes: 1_024 }));
    const list: RawRequest = { flags: RequestFlag.STREAM, name: ['test', 'list'] };
    peer.send(requestFrame(1, [1_019], list), requestFrame(2, [1_018], list));
    await settle();
    await settle();
    const error = peer.only(FrameType.ERROR);
    assert.deepEqual([error.id, readError(error).code, readError(error).handlerRan], [1, 8, 1]);
    assert.equal(readError(error).reason, 'the end has 1025 bytes, the limit is 1024 (limits.messageBytes)');
    assert.deepEqual([peer.only(FrameType.END).id, peer.only(FrameType.END).body.length], [2, 1_024]);
  });

  it('fails its own call alone when its metadata is wrong', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods['mark'] = (call: CallContext) => {
      call.responseMetadata['Not Allowed'] = 'x';
      return 1;
    };
    peer.send(requestFrame(1, [], { name: ['test', 'mark'] }));
    await settle();
    assert.match(readError(peer.only(FrameType.ERROR)).reason, /metadata key "Not Allowed"/);
  });
});
