import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { rpcError } from '@org/rpc-core/internal';
import { encoded } from '../../../test/codec-helpers.js';
import { type ClientRig, clientRig, greetedClientRig } from '../../../test/connection-rig.js';
import { goAwayFrame, helloFrame, type RawFrame, rawFrame, responseFrame } from '../../../test/raw-peer.js';
import { CancelReason, FrameType, GoAwayCode, ReplyFlag, RequestFlag } from '../../frames/frame.js';
import { createParsedRequest, type ParsedRequest, parseRequest } from '../../frames/frame-parser.js';
import { decodeMetadata } from '../../frames/metadata.js';

const parse = ({ body }: RawFrame): ParsedRequest => {
  const parsed = createParsedRequest();
  parseRequest(parsed, body, 0, body.length);
  return parsed;
};
const requests = ({ peer }: ClientRig): RawFrame[] => peer.framesOf(FrameType.REQUEST);

describe('a request as the client sends it', () => {
  it('says whom it is for, with which arguments', async () => {
    const rig = await greetedClientRig();
    rig.call('echo', ['a', 1]);
    await rig.settle();
    const [request] = requests(rig);
    const { nameStart, metadataStart, serviceLength, attempt, priority, remainingMs, payloadStart } = parse(request!);
    const name = request!.body.latin1Slice(nameStart, metadataStart);
    assert.deepEqual([name, serviceLength, attempt, priority, remainingMs], ['testecho', 4, 0, 128, 0]);
    assert.deepEqual(request!.body.subarray(payloadStart), encoded(['a', 1]));
    assert.deepEqual([request!.id, request!.flags], [1, 0]);
  });

  it('says what is left of its deadline, rounded up and never 0, which would mean none', async () => {
    const rig = await greetedClientRig();
    for (const timeoutMs of [1_500, 0.2, 1.5, 0, -7, 2 ** 40]) rig.call('echo', [], { timeoutMs });
    await rig.settle();
    assert.deepEqual(
      requests(rig).map((request) => parse(request).remainingMs),
      [1_500, 1, 2, 1, 1, 2 ** 32 - 1],
    );
  });

  it('says that it may be repeated, which attempt it is and how important', async () => {
    const rig = await greetedClientRig();
    const { call } = rig.call('echo', [], { idempotent: true });
    const again = call.nextAttempt(300);
    again.priority = 200;
    rig.connection.send(again);
    await rig.settle();
    const [first, second] = requests(rig);
    assert.deepEqual(
      [first!.flags, second!.flags],
      [RequestFlag.IDEMPOTENT, RequestFlag.IDEMPOTENT | RequestFlag.NO_RETRY_BELOW],
    );
    const { attempt, priority } = parse(second!);
    assert.deepEqual([attempt, priority], [255, 200]);
  });

  it('carries its metadata', async () => {
    const rig = await greetedClientRig();
    rig.call('echo', [], { metadata: { 'trace-id': 'abc' } });
    await rig.settle();
    const [request] = requests(rig);
    const { metadataStart, payloadStart } = parse(request!);
    const limits = { metadataBytes: 100, metadataKeys: 2 };
    assert.deepEqual({ ...decodeMetadata(request!.body, metadataStart, payloadStart, limits) }, { 'trace-id': 'abc' });
  });

  it('is sent before the server has greeted', async () => {
    const rig = clientRig();
    const sent = rig.call('echo');
    await rig.settle();
    rig.peer.send(helloFrame(), responseFrame(requests(rig)[0]!.id, 'early'));
    await rig.settle();
    assert.equal(sent.value, 'early');
  });
});

describe('a reply that the client gets', () => {
  it('is the result, with the moment at which it was read', async () => {
    const { clock, call, peer, settle } = await greetedClientRig();
    const [first, second] = [call('echo'), call('echo')];
    await clock.advance(25);
    peer.send(responseFrame(2, { a: 1 }), rawFrame(FrameType.RESPONSE, Buffer.alloc(0), 1));
    await settle();
    assert.deepEqual([first.value, first.settledTimes], [undefined, 1]);
    assert.deepEqual([second.value, second.call.endedAt], [{ a: 1 }, 1_025]);
  });

  it('ends the wait for its deadline', async () => {
    const { call, peer, settle, timers } = await greetedClientRig();
    call('echo', [], { timeoutMs: 100 });
    assert.equal(timers.size, 1);
    peer.send(responseFrame(1, 1));
    await settle();
    assert.equal(timers.size, 0);
  });

  it('may carry metadata and load before its payload', async () => {
    const { call, peer, settle } = await greetedClientRig();
    const sent = call('echo');
    const body = Buffer.concat([Buffer.from('000100020006010002617877', 'hex'), encoded('value')]);
    peer.send(rawFrame(FrameType.RESPONSE, body, 1, ReplyFlag.LOAD | ReplyFlag.METADATA));
    await settle();
    assert.equal(sent.value, 'value');
    assert.deepEqual({ ...sent.call.responseMetadata }, { a: 'xw' });
  });

  it('is an error that says whose it is', async () => {
    const { call, peer, settle } = await greetedClientRig();
    const sent = call('echo');
    sent.call.destination = { address: 'a:1' };
    peer.send(rawFrame(FrameType.ERROR, Buffer.concat([Buffer.from('0501ffffffff0002', 'hex'), Buffer.from('no')]), 1));
    await settle();
    const { code, reason, progress, service, method, endpoint } = sent.error!;
    assert.deepEqual(
      [code, reason, progress, service, method, endpoint],
      ['NOT_FOUND', 'no', 'processed', 'test', 'echo', 'a:1'],
    );
  });

  it('finds its call among a thousand, in any order', async () => {
    const { call, peer, settle, connection } = await greetedClientRig();
    const sent = Array.from({ length: 1_000 }, (_, index) => call('echo', [index]));
    assert.equal(connection.inFlight, 1_000);
    const ids = sent.map(({ call: { id } }) => id);
    for (const id of ids.filter((_, index) => index % 2 === 1).reverse()) peer.send(responseFrame(id, `to ${id}`));
    for (const id of ids.filter((_, index) => index % 2 === 0)) peer.send(responseFrame(id, `to ${id}`));
    await settle();
    for (const {
      value,
      settledTimes,
      call: { id },
    } of sent)
      assert.deepEqual([value, settledTimes], [`to ${id}`, 1]);
    assert.equal(connection.inFlight, 0);
  });
});

describe('a call that the caller cancels', () => {
  it('is given up at once, and the server is told', async () => {
    const { call, clock, connection, peer, settle } = await greetedClientRig();
    const controller = new AbortController();
    const sent = call('echo', [], { signal: controller.signal, timeoutMs: 1_000 });
    await clock.advance(10);
    controller.abort('enough');
    await settle();
    const { code, progress, cause } = sent.error!;
    assert.deepEqual([code, progress, cause, sent.call.endedAt], ['CANCELLED', 'maybe-processed', 'enough', 1_010]);
    const cancel = peer.only(FrameType.CANCEL);
    assert.deepEqual([cancel.id, [...cancel.body]], [sent.call.id, [CancelReason.CALLER]]);
    assert.equal(connection.inFlight, 0);
    await clock.advance(2_000);
    assert.deepEqual([sent.settledTimes, clock.pending], [1, 0]);
  });

  it('says so on the wire when another attempt was faster', async () => {
    const { call, peer, settle } = await greetedClientRig();
    const sent = call('echo', []);
    await settle();
    sent.call.holder?.abandon(sent.call, rpcError('CANCELLED', 'another attempt was faster'), 'hedge lost');
    await settle();
    assert.deepEqual([...peer.only(FrameType.CANCEL).body], [CancelReason.HEDGE_LOST]);
    assert.equal(sent.error?.code, 'CANCELLED');
  });

  it('is not sent at all when that was before', async () => {
    const rig = await greetedClientRig();
    const sent = rig.call('echo', [], { signal: AbortSignal.abort('before') });
    await rig.settle();
    assert.deepEqual([sent.error?.code, sent.error?.progress, sent.error?.cause], ['CANCELLED', 'unsent', 'before']);
    assert.equal(requests(rig).length, 0);
  });

  it('is no longer listened for once it has an answer', async () => {
    const { call, peer, settle } = await greetedClientRig();
    const controller = new AbortController();
    const sent = call('echo', [], { signal: controller.signal });
    peer.send(responseFrame(1, 'ok'));
    await settle();
    controller.abort();
    await settle();
    assert.deepEqual([sent.value, sent.settledTimes, peer.framesOf(FrameType.CANCEL).length], ['ok', 1, 0]);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  });
});

describe('a call whose deadline passes', () => {
  it('fails then, without a CANCEL: the server has the deadline too', async () => {
    const { call, clock, connection, peer, timers } = await greetedClientRig();
    const sent = call('echo', [], { timeoutMs: 100 });
    await clock.advance(99);
    assert.equal(sent.settledTimes, 0);
    await clock.advance(1);
    const { code, progress, reason, late } = sent.error!;
    assert.deepEqual([code, progress, late], ['DEADLINE_EXCEEDED', 'maybe-processed', false]);
    assert.equal(reason, 'no reply in 100 ms');
    assert.deepEqual([peer.framesOf(FrameType.CANCEL).length, connection.inFlight, timers.size], [0, 0, 0]);
  });

  it('raises the suspicion that the server is gone when not one byte came since it was sent', async () => {
    const { call, clock, connection, observed, peer } = await greetedClientRig();
    await clock.advance(1);
    call('echo', [], { timeoutMs: 100 });
    await clock.advance(100);
    assert.equal(peer.framesOf(FrameType.PING).length, 1);
    await clock.advance(3_001);
    connection.tick(clock.now());
    assert.deepEqual(observed.closed, ['no answer to a PING within 3000 ms']);
  });

  it('raises none when this process was late', async () => {
    const { call, clock, peer } = await greetedClientRig();
    await clock.advance(1);
    const sent = call('echo', [], { timeoutMs: 100 });
    sent.call.holder!.expire(sent.call, true);
    await clock.advance(0);
    assert.equal(sent.error?.late, true);
    assert.equal(peer.framesOf(FrameType.PING).length, 0);
  });

  it('raises none when anything came since', async () => {
    const { call, clock, peer } = await greetedClientRig();
    await clock.advance(1);
    call('echo', [], { timeoutMs: 100 });
    await clock.advance(50);
    peer.send(responseFrame(77, 'for somebody else'));
    await clock.advance(50);
    assert.equal(peer.framesOf(FrameType.PING).length, 0);
  });
});

describe('one-way calls', () => {
  it('have the id 0, succeed when they are written, and are not in flight', async () => {
    const rig = await greetedClientRig();
    const sent = rig.call('note', ['x'], { oneWay: true, timeoutMs: 50 });
    assert.deepEqual([rig.connection.inFlight, sent.settledTimes], [0, 0]);
    await rig.settle();
    assert.deepEqual([sent.settledTimes, sent.error, sent.call.endedAt], [1, undefined, 1_000]);
    const [request] = requests(rig);
    assert.deepEqual([request!.id, request!.flags], [0, 1]);
    assert.equal(rig.clock.pending, 0);
  });

  it('fail when the connection is dropped before they are written', async () => {
    const { call, connection, settle } = await greetedClientRig();
    const sent = call('note', [], { oneWay: true });
    connection.close('gone');
    await settle();
    assert.deepEqual([sent.error?.code, sent.error?.progress, sent.settledTimes], ['UNAVAILABLE', 'unsent', 1]);
  });
});

describe('a connection to the wrong instance', () => {
  it('refuses everything that was sent: none of it was run', async () => {
    const { call, observed, peer, settle, connection } = clientRig({ expectInstance: 'wanted' });
    const sent = call('echo');
    await settle();
    peer.send(helloFrame({ instance: 'other' }), goAwayFrame(GoAwayCode.WRONG_INSTANCE, 'this is "other"'));
    await settle();
    assert.deepEqual([sent.error?.code, sent.error?.progress], ['UNAVAILABLE', 'refused']);
    assert.match(sent.error!.reason, /closed by the server: this is "other"$/);
    assert.deepEqual([observed.closed.length, connection.isOpen, peer.isClosed], [1, false, true]);
  });
});
