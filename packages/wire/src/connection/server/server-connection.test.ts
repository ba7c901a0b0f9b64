import assert from 'node:assert/strict';
import type { CallContext } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { encoded, hex } from '../../../test/codec-helpers.js';
import { greetedServerRig, type ServerRig, serverRig } from '../../../test/connection-rig.js';
import { MessagePackRpcPeer, message } from '../../../test/message-pack-rpc-peer.js';
import { helloFrame, type RawRequest, rawFrame, readError, requestFrame } from '../../../test/raw-peer.js';
import { wrapStream } from '../../../test/wrap-stream.js';
import { CancelReason, FrameType, GoAwayCode, ReplyFlag, RequestFlag } from '../../frames/frame.js';
import type { ByteStream } from '../../transport/byte-stream.js';

const CANCEL = (id: number): Buffer => rawFrame(FrameType.CANCEL, Buffer.from([CancelReason.CALLER]), id);
const of = (method: string, rest: RawRequest = {}): RawRequest => ({ name: ['test', method], ...rest });

/** A method that ends when it is told to. */
function hanging({ host }: ServerRig): { end(value: unknown): void; fail(error: unknown): void } {
  const ends = { end: (_: unknown) => {}, fail: (_: unknown) => {} };
  host.methods['hang'] = () =>
    new Promise((resolve, reject) => {
      ends.end = resolve;
      ends.fail = reject;
    });
  return { end: (value) => ends.end(value), fail: (error) => ends.fail(error) };
}

describe('a call that a server serves', () => {
  it('is answered with what its handler returns, at once or later, in the order in which they end', async () => {
    const rig = await greetedServerRig();
    const hang = hanging(rig);
    rig.peer.send(requestFrame(5, [], of('hang')), requestFrame(9, [{ a: 1 }]));
    await rig.settle();
    assert.equal(rig.connection.running, 1);
    hang.end('late');
    await rig.settle();
    const [first, second] = rig.peer.framesOf(FrameType.RESPONSE);
    assert.deepEqual([first!.id, first!.flags, first!.body], [9, 0, encoded({ a: 1 })]);
    assert.deepEqual([second!.id, second!.body], [5, encoded('late')]);
    assert.deepEqual([rig.connection.running, rig.host.ended.length], [0, 2]);
  });

  it('is answered with an empty payload for undefined', async () => {
    const { peer, settle } = await greetedServerRig();
    peer.send(requestFrame(1, []));
    await settle();
    assert.equal(peer.only(FrameType.RESPONSE).body.length, 0);
  });

  it('is answered with metadata when its handler has left some', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods['mark'] = (call: CallContext) => {
      call.responseMetadata['a'] = 'xw';
      return 5;
    };
    peer.send(requestFrame(1, [], of('mark')));
    await settle();
    const { flags, body } = peer.only(FrameType.RESPONSE);
    assert.deepEqual([flags, body], [ReplyFlag.METADATA, hex('0006 01 0002 61 7877 05')]);
  });

  it('is answered with the error that its handler throws or rejects with', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods['throws'] = () => {
      throw rpcError('NOT_FOUND', 'no such user');
    };
    host.methods['rejects'] = () => Promise.reject(new Error('a secret'));
    peer.send(requestFrame(1, [], of('throws')), requestFrame(2, [], of('rejects')));
    await settle();
    const errors = peer.framesOf(FrameType.ERROR);
    assert.deepEqual(readError(errors[0]!), { code: 5, handlerRan: 1, reason: 'no such user' });
    assert.deepEqual(readError(errors[1]!), { code: 13, handlerRan: 1, reason: 'hidden: a secret' });
    assert.deepEqual(
      host.ended.map(({ error }) => (error as Error).message),
      ['NOT_FOUND: no such user', 'a secret'],
    );
  });

  it('knows its deadline, counted from when its bytes were read, and its caller', async () => {
    const { clock, host, peer, settle } = await greetedServerRig();
    await clock.advance(100);
    peer.send(requestFrame(1, [], { remainingMs: 250, flags: RequestFlag.IDEMPOTENT }), requestFrame(2));
    await settle();
    const [first, second] = host.calls;
    assert.deepEqual([first!.deadline, first!.remainingMs(), first!.idempotent], [1_350, 250, true]);
    assert.deepEqual([second!.deadline, second!.idempotent], [Number.POSITIVE_INFINITY, false]);
    assert.equal(first!.peer.address, 'memory:server');
  });

  it('has its metadata', async () => {
    const { host, peer, settle } = await greetedServerRig();
    peer.send(requestFrame(1, [], { metadata: hex('01 0002 61 7877') }));
    await settle();
    assert.deepEqual({ ...host.calls[0]!.metadata }, { a: 'xw' });
  });

  it('aborts at its deadline, for a handler that looks; the answer still goes out', async () => {
    const rig = await greetedServerRig();
    const hang = hanging(rig);
    rig.peer.send(requestFrame(1, [], of('hang', { remainingMs: 50 })));
    await rig.settle();
    const { signal } = rig.host.calls[0]!;
    await rig.clock.advance(50);
    assert.equal((signal.reason as { code: string }).code, 'DEADLINE_EXCEEDED');
    hang.end('late');
    await rig.settle();
    assert.equal(rig.peer.framesOf(FrameType.RESPONSE).length, 1);
  });

  it('leaves no timer when its handler has looked and has ended', async () => {
    const { clock, host, peer, settle } = await greetedServerRig();
    host.methods['look'] = (...all: unknown[]) => (all.at(-1) as CallContext).signal.aborted;
    peer.send(requestFrame(1, [], of('look', { remainingMs: 50 })));
    await settle();
    assert.deepEqual(peer.only(FrameType.RESPONSE).body, encoded(false));
    assert.equal(clock.pending, 0);
  });
});

describe('a call whose caller gives up', () => {
  it('aborts, is not answered, and counts until its handler ends', async () => {
    const rig = await greetedServerRig();
    const hang = hanging(rig);
    rig.peer.send(requestFrame(1, [], of('hang', { remainingMs: 1_000 })));
    await rig.settle();
    const { signal } = rig.host.calls[0]!;
    rig.peer.send(CANCEL(1), CANCEL(1));
    await rig.settle();
    assert.equal((signal.reason as { code: string }).code, 'CANCELLED');
    assert.equal(rig.connection.running, 1);
    hang.fail(new Error('aborted'));
    await rig.settle();
    assert.deepEqual([rig.connection.running, rig.host.ended.length, rig.clock.pending], [0, 1, 0]);
    assert.equal(rig.peer.frames.length, 1);
  });

  it('is not answered either when its handler goes on to a result', async () => {
    const rig = await greetedServerRig();
    const hang = hanging(rig);
    rig.peer.send(requestFrame(1, [], of('hang')), CANCEL(1));
    await rig.settle();
    hang.end('for nobody');
    await rig.settle();
    assert.deepEqual([rig.host.ended.length, rig.peer.frames.length, rig.connection.running], [1, 1, 0]);
  });

  it('may have been answered already, or never have been', async () => {
    const { peer, settle } = await greetedServerRig();
    peer.send(requestFrame(1), CANCEL(1), CANCEL(77), CANCEL(0));
    await settle();
    assert.deepEqual([peer.framesOf(FrameType.RESPONSE).length, peer.framesOf(FrameType.GOAWAY).length], [1, 0]);
  });
});

describe('authorization', () => {
  it('comes before anything of the payload is decoded', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.authorize = () => {
      throw rpcError('PERMISSION_DENIED', 'not you', { progress: 'refused' });
    };
    peer.send(requestFrame(1, [], { payload: hex('c1') }));
    await settle();
    assert.deepEqual(readError(peer.only(FrameType.ERROR)), { code: 7, handlerRan: 0, reason: 'not you' });
    assert.deepEqual([host.calls.length, host.ended.length, peer.framesOf(FrameType.GOAWAY).length], [0, 1, 0]);
  });

  it('may take its time: the payload is kept meanwhile', async () => {
    const wrap = (stream: ByteStream): ByteStream => wrapStream(stream, { overwrites: true });
    const { clock, connection, host, peer, settle } = await greetedServerRig({ wrap });
    host.authorize = () => new Promise((resolve) => clock.schedule(10, resolve));
    peer.send(requestFrame(1, ['kept']));
    await settle();
    assert.deepEqual([connection.running, host.calls.length], [1, 0]);
    await clock.advance(10);
    assert.deepEqual(peer.only(FrameType.RESPONSE).body, encoded('kept'));
    assert.equal(connection.running, 0);
  });

  it('that fails late is answered as refused', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.authorize = () => Promise.reject(rpcError('UNAUTHENTICATED', 'who?'));
    peer.send(requestFrame(1, ['x']));
    await settle();
    assert.deepEqual(readError(peer.only(FrameType.ERROR)), { code: 16, handlerRan: 0, reason: 'who?' });
    assert.equal(host.ended.length, 1);
  });

  it('is the end of a call that is cancelled meanwhile: its handler never runs', async () => {
    const { clock, connection, host, peer, settle } = await greetedServerRig();
    host.authorize = () => new Promise((resolve) => clock.schedule(10, resolve));
    peer.send(requestFrame(1, ['x']), CANCEL(1));
    await clock.advance(10);
    await settle();
    assert.deepEqual([host.calls.length, host.ended.length, connection.running, peer.frames.length], [0, 1, 0, 1]);
  });

  it('and a handler that take their time do not use up the room for requests', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: { inFlightRequestBytes: 1_500 } });
    host.authorize = () => Promise.resolve();
    host.methods['later'] = async () => 'done';
    for (let id = 1; id <= 20; id++) {
      peer.send(requestFrame(id, ['x'.repeat(1_000)], of('later')));
      await settle();
    }
    assert.equal(peer.framesOf(FrameType.RESPONSE).length, 20);
  });
});

describe('one-way calls', () => {
  it('run and are never answered, whatever becomes of them', async () => {
    const { host, peer, settle } = await greetedServerRig();
    host.methods['boom'] = () => {
      throw new Error('boom');
    };
    const oneWay = { flags: RequestFlag.ONE_WAY };
    peer.send(
      requestFrame(0, ['x'], oneWay),
      requestFrame(0, [], of('boom', oneWay)),
      requestFrame(0, [], of('nothing', oneWay)),
    );
    await settle();
    assert.deepEqual(
      host.calls.map(({ method }) => method),
      ['echo', 'boom'],
    );
    assert.deepEqual(
      host.ended.map(({ error }) => (error as Error | undefined)?.message),
      [undefined, 'boom'],
    );
    host.admission = rpcError('RESOURCE_EXHAUSTED', 'full');
    peer.send(requestFrame(0, ['x'], oneWay));
    await settle();
    assert.equal(host.calls.length, 2);
    assert.deepEqual(
      peer.frames.map(({ type }) => type),
      [FrameType.HELLO],
    );
  });
});

describe('a server whose client has said all', () => {
  it('answers what is in flight, then closes', async () => {
    const rig = await greetedServerRig();
    const hang = hanging(rig);
    rig.peer.send(requestFrame(1, [], of('hang')));
    rig.peer.stream.end();
    await rig.settle();
    assert.equal(rig.peer.isEnded, false);
    hang.end('last');
    await rig.settle();
    assert.deepEqual([rig.peer.only(FrameType.RESPONSE).id, rig.peer.isEnded, rig.peer.isClosed], [1, true, true]);
    assert.equal(rig.host.closedReasons.length, 1);
  });

  it('closes at once when nothing is', async () => {
    const { host, peer, settle } = await greetedServerRig();
    peer.stream.end();
    await settle();
    assert.deepEqual([peer.isClosed, host.closedReasons.length], [true, 1]);
  });
});

describe('a server that drains', () => {
  it('says so, serves what still comes, and from a moment on refuses it as never started', async () => {
    const { connection, peer, settle } = await greetedServerRig();
    connection.drain('shutting down');
    peer.send(requestFrame(1));
    await settle();
    assert.deepEqual(peer.goAway, { code: GoAwayCode.DRAINING, reason: 'shutting down' });
    assert.equal(peer.only(FrameType.RESPONSE).id, 1);
    connection.refuseNew('shutting down');
    peer.send(requestFrame(2));
    await settle();
    assert.deepEqual(readError(peer.only(FrameType.ERROR)), { code: 14, handlerRan: 0, reason: 'shutting down' });
  });

  it('serves what nobody can send again, though it refuses the rest: it has crossed the goodbye', async () => {
    const { connection, host, peer, settle } = await greetedServerRig();
    connection.drain('shutting down');
    connection.refuseNew('shutting down');
    host.takesItems.add('upload');
    host.methods['upload'] = () => 'taken';
    const oneWay = requestFrame(0, ['news'], { flags: RequestFlag.ONE_WAY });
    peer.send(oneWay, requestFrame(1, ['again']), requestFrame(2, [], of('upload')));
    await settle();
    assert.deepEqual([host.calls.map(({ args }) => args), peer.only(FrameType.RESPONSE).id], [[['news'], []], 2]);
    assert.equal(peer.only(FrameType.ERROR).id, 1);
  });

  it('says so to a peer that has said nothing yet only after its greeting', async () => {
    const { connection, peer, settle } = serverRig();
    connection.drain('shutting down');
    await settle();
    assert.equal(peer.bytes.length, 0);
    peer.send(hex('c152504301'), helloFrame());
    await settle();
    assert.deepEqual(
      peer.frames.map(({ type }) => type),
      [FrameType.HELLO, FrameType.GOAWAY],
    );
  });

  it('answers a peer that turns out to speak MessagePack-RPC without a word of the native protocol', async () => {
    const { connection, peer, settle } = serverRig();
    connection.drain('shutting down');
    peer.send(hex('940001a9 746573742e6563686f 9107'));
    await settle();
    assert.equal(peer.bytes.toString('hex'), '940101c007');
  });

  it('ends the connection in the end: handlers see their signal abort, their callers are answered', async () => {
    const rig = await greetedServerRig();
    hanging(rig);
    rig.peer.send(requestFrame(1, [], of('hang')));
    await rig.settle();
    rig.connection.close('the grace is over');
    assert.equal(rig.host.calls[0]!.signal.aborted, true);
    await rig.settle();
    const reason = 'the grace is over: the handler was cut off before it had ended';
    assert.deepEqual(readError(rig.peer.only(FrameType.ERROR)), { code: 14, handlerRan: 1, reason });
    assert.deepEqual(rig.peer.goAway, { code: GoAwayCode.DRAINING, reason: 'the grace is over' });
    assert.deepEqual([rig.peer.isClosed, rig.host.closedReasons], [false, ['the grace is over']]);
    await rig.clock.advance(1_000);
    assert.equal(rig.peer.isClosed, true);
  });

  it('ends it so that who was not let in yet is told that nothing has run', async () => {
    const rig = await greetedServerRig();
    rig.host.authorize = () => new Promise(() => {});
    rig.peer.send(requestFrame(1, []));
    await rig.settle();
    rig.connection.close('the grace is over');
    await rig.settle();
    const told = readError(rig.peer.only(FrameType.ERROR));
    assert.deepEqual(told, { code: 14, handlerRan: 0, reason: 'the grace is over' });
  });

  it('ends the stream of a handler that would go on, after the items before it', async () => {
    const { connection, host, peer, settle } = await greetedServerRig();
    host.methods.echo = async function* () {
      yield 'news';
      await new Promise(() => {});
    } as never;
    const credit = rawFrame(FrameType.CREDIT, Buffer.from('00500000', 'hex'), 1);
    peer.send(requestFrame(1, [], { flags: RequestFlag.STREAM }), credit);
    await settle();
    connection.close('the grace is over');
    await settle();
    const ofCall = peer.frames.filter(({ id }) => id === 1).map(({ type }) => type);
    assert.deepEqual(ofCall, [FrameType.ITEM, FrameType.ERROR]);
  });

  it('answers calls of MessagePack-RPC that it cuts off', async () => {
    const { connection, host, peer, settle } = serverRig();
    host.methods['hang'] = () => new Promise(() => {});
    const rpc = new MessagePackRpcPeer(peer.stream);
    rpc.send(message(0, 7, 'hang', []));
    await settle();
    connection.close('the grace is over');
    await settle();
    assert.equal(host.calls[0]!.signal.aborted, true);
    const reason = 'UNAVAILABLE: the grace is over: the handler was cut off before it had ended';
    assert.deepEqual(rpc.messages, [[1, 7, reason, null]]);
  });

  it('is told of a GOAWAY of its client by the end of the connection', async () => {
    const { host, peer, settle } = await greetedServerRig();
    peer.send(rawFrame(FrameType.GOAWAY, Buffer.from('\x01bad reply')));
    await settle();
    assert.deepEqual([host.closedReasons, peer.isClosed], [['closed by the client: bad reply'], true]);
  });
});

describe('a server that is not the instance that was meant', () => {
  it('says who it is, and refuses everything', async () => {
    const { host, peer, settle } = serverRig();
    peer.send(hex('c152504301'), helloFrame({ expect: 'wanted' }), requestFrame(1));
    await settle();
    const reason = 'this is instance "test-instance", not "wanted"';
    assert.deepEqual(peer.goAway, { code: GoAwayCode.WRONG_INSTANCE, reason });
    assert.deepEqual(readError(peer.only(FrameType.ERROR)), { code: 14, handlerRan: 0, reason });
    assert.equal(host.calls.length, 0);
  });
});
