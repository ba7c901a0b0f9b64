import assert from 'node:assert/strict';
import { FrameType, GoAwayCode, PREFACE, RequestFlag } from '../../packages/wire/src/frames/frame.js';
import { encoded } from '../../packages/wire/test/codec-helpers.js';
import { helloFrame, rawFrame, readError, requestFrame, responseFrame } from '../../packages/wire/test/raw-peer.js';
import { NEUTRAL, NOT_HERE, TLS } from './coverage.js';
import { rawClientRig, rawServerRig } from './raw-rig.js';
import { Conformance, type Request } from './service.js';
import { conformanceCases, conformanceFiles } from './suite.js';

const SERVICE = Conformance.name;
const UNIMPLEMENTED = 12;

/** An upload whose peer answers with these items and an END, and the error that it must end with. */
async function uploadAnswered(items: readonly unknown[], reason: string): Promise<void> {
  const { clock, client, request } = rawServerRig();
  const result = client.service(Conformance).ClientStream([{}]);
  const { peer, frame } = await request();
  for (const item of items) peer.send(rawFrame(FrameType.ITEM, encoded(item), frame.id));
  peer.send(rawFrame(FrameType.END, Buffer.alloc(0), frame.id));
  await Promise.all([assert.rejects(result, { code: 'INTERNAL', reason }), clock.advance(10)]);
  assert.equal(peer.isClosed, false);
  await client.close();
}

/** A peer that sends a whole HTTP request to a server and reads what comes back. */
async function httpAnswer(request: string): Promise<string> {
  const { peer, settle } = rawClientRig({ greet: false });
  peer.send(Buffer.from(request));
  await settle();
  return peer.bytes.toString();
}

const HTTP_ANSWER = /^HTTP\/1\.1 400 Bad Request\r\n.*an HTTP request came instead\n$/s;

/** A request whose payload holds nothing, not even an empty list of arguments. */
async function withoutArguments(method: string, flags: number): Promise<void> {
  const { peer, server, settle } = rawClientRig();
  peer.send(requestFrame(1, [], { name: [SERVICE, method], payload: Buffer.alloc(0), flags }));
  await settle();
  // Bytes that no client of this protocol sends: whatever follows them can't be trusted either.
  assert.equal(peer.goAway.code, GoAwayCode.PROTOCOL_ERROR);
  assert.match(peer.goAway.reason, /the arguments are malformed/);
  assert.equal(server.running, 0);
}

/** How each case of the suite is played on this wire, and what the answer is. */
const PLAYED: Readonly<Record<string, () => Promise<void>>> = {
  // Where the suite wants UNIMPLEMENTED: an END belongs to streams. It is ignored, and the call ends by its deadline.
  'grpc_client_unexpected/unary/ok-but-no-response': async () => {
    const { clock, client, request } = rawServerRig();
    const result = client.service(Conformance).with({ timeoutMs: 100 }).Unary({});
    const { peer, frame } = await request();
    peer.send(rawFrame(FrameType.END, Buffer.alloc(0), frame.id));
    await Promise.all([assert.rejects(result, { code: 'DEADLINE_EXCEEDED' }), clock.advance(200)]);
    assert.equal(peer.isClosed, false);
    await client.close();
  },
  // Where the suite wants UNIMPLEMENTED: the first RESPONSE ends the call, and what follows is dropped and counted.
  'grpc_client_unexpected/unary/multiple-responses': async () => {
    const { clock, client, request } = rawServerRig();
    const { Unary } = client.service(Conformance);
    const result = Unary({});
    const { peer, frame } = await request();
    peer.send(responseFrame(frame.id, { data: 'one' }), responseFrame(frame.id, { data: 'two' }));
    await clock.advance(10);
    assert.deepEqual(await result, { data: 'one' });
    const next = Unary({});
    await clock.advance(10);
    peer.send(responseFrame(peer.framesOf(FrameType.REQUEST)[1]!.id, { data: 'three' }));
    await clock.advance(10);
    assert.deepEqual(await next, { data: 'three' });
    await client.close();
  },
  // Where the suite wants UNIMPLEMENTED: the server has run it, so the fault is within it.
  'grpc_client_unexpected/client-stream/ok-but-no-response': () =>
    uploadAnswered([], 'an upload has one result, none came'),
  'grpc_client_unexpected/client-stream/multiple-responses': () =>
    uploadAnswered([{ data: '' }, { data: '' }], 'an upload has one result, more than one came'),
  // Where the suite wants UNKNOWN: no call was looked at there, so that any server of ours may have it instead.
  'grpc_client_unexpected/unexpected-content-type': async () => {
    const { clock, client, request } = rawServerRig({ greet: false });
    const result = client.service(Conformance).Unary({});
    const { peer } = await request();
    peer.send(Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n'));
    await Promise.all([
      assert.rejects(result, { code: 'UNAVAILABLE', message: /an HTTP server answers there/ }),
      clock.advance(2_000),
    ]);
    await client.close();
  },
  // Where the suite wants INTERNAL, UNKNOWN or UNIMPLEMENTED: as above.
  'grpc_client_unexpected/unexpected-codec': async () => {
    const { clock, client, request } = rawServerRig({ greet: false });
    const result = client.service(Conformance).Unary({});
    const { peer } = await request();
    peer.send(helloFrame({ codec: 'json' }));
    const error = { code: 'UNAVAILABLE', message: /the peer uses codec "json", this side "msgpack"/ };
    await Promise.all([assert.rejects(result, error), clock.advance(2_000)]);
    assert.equal(peer.goAway.code, GoAwayCode.PROTOCOL_ERROR);
    await client.close();
  },
  'grpc_server_unexpected/unary/no-request': () => withoutArguments('Unary', 0),
  'grpc_server_unexpected/server-stream/no-request': () => withoutArguments('ServerStream', RequestFlag.STREAM),
  'grpc_server_unexpected/unary/multiple-requests': async () => {
    const { peer, server, settle } = rawClientRig();
    const request: Request = { responseDefinition: { responseDelayMs: 1_000 } };
    peer.send(requestFrame(1, [request], { name: [SERVICE, 'Unary'] }));
    await settle();
    assert.equal(server.running, 1);
    peer.send(requestFrame(1, [request], { name: [SERVICE, 'Unary'] }));
    await settle();
    assert.deepEqual(peer.goAway, { code: GoAwayCode.PROTOCOL_ERROR, reason: 'call id 1 is in flight already' });
    assert.equal(server.running, 0);
  },
  // Where the suite wants UNIMPLEMENTED: items that nobody takes are dropped, and the method answers.
  'grpc_server_unexpected/server-stream/multiple-requests': async () => {
    const { peer, server, settle } = rawClientRig();
    const request: Request = { responseDefinition: { responseData: ['a', 'b'] } };
    const open = requestFrame(1, [request], { name: [SERVICE, 'ServerStream'], flags: RequestFlag.STREAM });
    peer.send(open, rawFrame(FrameType.ITEM, encoded(request), 1), rawFrame(FrameType.ITEM, encoded(request), 1));
    await settle();
    assert.equal(peer.framesOf(FrameType.ITEM).length, 2);
    assert.equal(peer.only(FrameType.END).id, 1);
    assert.equal(server.running, 0);
  },
  'grpc_server_unexpected/unexpected-verb': async () => {
    assert.match(
      await httpAnswer(`DELETE /${SERVICE}/Unary HTTP/1.1\r\ncontent-type: application/grpc\r\n\r\n`),
      HTTP_ANSWER,
    );
  },
  'server_unexpected/unexpected-content-type': async () => {
    assert.match(
      await httpAnswer(`POST /${SERVICE}/Unary HTTP/1.1\r\ncontent-type: image/jpeg\r\n\r\n12345678`),
      HTTP_ANSWER,
    );
  },
  'grpc_server_unexpected/unexpected-uri': async () => {
    const { peer, settle } = rawClientRig();
    peer.send(requestFrame(1, [{}], { name: ['connectrpc.conformance.v1.UnknownService', 'UnknownMethod'] }));
    await settle();
    const { code, handlerRan } = readError(peer.only(FrameType.ERROR));
    assert.deepEqual([code, handlerRan], [UNIMPLEMENTED, 0]);
  },
  // Where the suite wants UNKNOWN, INTERNAL or UNIMPLEMENTED: the codec belongs to the connection, which is closed.
  'grpc_server_unexpected/unexpected-codec': async () => {
    const { peer, settle } = rawClientRig({ greet: false });
    peer.send(PREFACE, helloFrame({ codec: 'foo' }), requestFrame(1, [{}], { name: [SERVICE, 'Unary'] }));
    await settle();
    assert.equal(peer.goAway.code, GoAwayCode.PROTOCOL_ERROR);
    assert.match(peer.goAway.reason, /the peer uses codec "foo", this side "msgpack"/);
  },
};

describe('the conformance suite of Connect, played by raw peers', () => {
  for (const [name, play] of Object.entries(PLAYED)) it(name, play);
});

describe('every case of the conformance suite', () => {
  it('is run, played by a raw peer, or listed with the reason why it means nothing here', () => {
    const others = conformanceFiles().filter((file) => file !== TLS && !NEUTRAL.includes(file));
    const names = others.flatMap((file) => conformanceCases(file).map(({ request }) => `${file}/${request.testName}`));
    assert.deepEqual([...Object.keys(PLAYED), ...Object.keys(NOT_HERE)].sort(), names.sort());
    for (const file of [...NEUTRAL, TLS]) assert.notEqual(conformanceCases(file).length, 0);
  });
});
