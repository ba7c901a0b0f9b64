import assert from 'node:assert/strict';
import { DEFAULT_LIMITS, isRpcError } from '@org/rpc-core';
import { TimerQueue } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { type CallSketch, makeCall } from '../../../test/connection-rig.js';
import { MessagePackRpcPeer, message } from '../../../test/message-pack-rpc-peer.js';
import { msgpack } from '../../codec/msgpack.js';
import { memoryPair } from '../../transport/memory.js';
import { messagePackRpc } from '../message-pack-rpc/message-pack-rpc.js';
import { CallQueue } from './call-queue.js';

/** Connections that take from one queue, each with one call in flight at most. */
function scene() {
  const clock = new FakeClock(1_000);
  const timers = new TimerQueue(clock);
  const queue = new CallQueue();
  const open = () => {
    const [near, far] = memoryPair();
    const peer = new MessagePackRpcPeer(far);
    const observer = { greeted() {}, draining() {}, closed() {} };
    const fixed = { codec: msgpack(), limits: DEFAULT_LIMITS, clock, timers, expectInstance: '', queue };
    const connection = messagePackRpc({ maxInFlight: 1 }).open({ ...fixed, stream: near, observer });
    const call = (name: string, sketch: CallSketch = {}): Promise<unknown> =>
      connection
        .send(makeCall(clock, name, [], sketch))
        .catch((error) => (isRpcError(error) ? `${error.code} ${error.progress}` : error));
    const answer = (id: number) => peer.send(message(1, id, null, 'ok'));
    const names = () => peer.messages.map((each) => (each as unknown[])[2]);
    return { connection, call, answer, names };
  };
  return { clock, queue, open, settle: () => clock.advance(0) };
}

describe('a queue of several connections', () => {
  it('is served by whichever is free first', async () => {
    const { open, settle, queue } = scene();
    const [a, b] = [open(), open()];
    const calls = [a.call('a1'), b.call('b1'), a.call('a2')];
    await settle();
    b.answer(1);
    await settle();
    assert.deepEqual([a.names(), b.names()], [['test.a1'], ['test.b1', 'test.a2']]);
    b.answer(2);
    a.answer(1);
    assert.deepEqual(await Promise.all(calls), ['ok', 'ok', 'ok']);
    assert.equal(queue.size, 0);
  });

  it('keeps its calls when one connection is lost, gives them to a new one, and fails them with the last', async () => {
    const { open, settle } = scene();
    const [a, b] = [open(), open()];
    const calls = [a.call('a1'), b.call('b1'), a.call('a2'), a.call('a3')];
    await settle();
    a.connection.close('lost');
    assert.equal(await calls[0], 'UNAVAILABLE maybe-processed');
    const c = open();
    await settle();
    assert.deepEqual(c.names(), ['test.a2']);
    b.connection.close('lost');
    c.connection.close('lost');
    assert.deepEqual((await Promise.all(calls)).slice(1), [
      'UNAVAILABLE maybe-processed',
      'UNAVAILABLE maybe-processed',
      'UNAVAILABLE unsent',
    ]);
  });

  it('ends a call by its deadline or its caller, also when the connection that it was given to is lost', async () => {
    const { open, settle, clock, queue } = scene();
    const [a, b] = [open(), open()];
    const abort = new AbortController();
    const first = [a.call('a1'), b.call('b1')];
    const waits = [a.call('expires', { timeoutMs: 500 }), a.call('aborted', { signal: abort.signal }), a.call('last')];
    await settle();
    a.connection.close('lost');
    await clock.advance(600);
    abort.abort();
    assert.deepEqual(await Promise.all(waits.slice(0, 2)), ['DEADLINE_EXCEEDED unsent', 'CANCELLED unsent']);
    assert.equal(queue.size, 1);
    b.answer(1);
    await settle();
    b.answer(2);
    assert.deepEqual(await Promise.all([...first, waits[2]]), ['UNAVAILABLE maybe-processed', 'ok', 'ok']);
  });

  it('lets a call that another connection has taken be given up there', async () => {
    const { open, settle, clock } = scene();
    const [a, b] = [open(), open()];
    const abort = new AbortController();
    const first = [a.call('a1'), b.call('b1')];
    const taken = a.call('taken', { signal: abort.signal });
    await settle();
    b.answer(1);
    await settle();
    const late = a.call('late', { timeoutMs: 500 });
    a.answer(1);
    await settle();
    abort.abort();
    assert.equal(await taken, 'CANCELLED maybe-processed');
    await clock.advance(600);
    assert.equal(await late, 'DEADLINE_EXCEEDED maybe-processed');
    assert.deepEqual(await Promise.all(first), ['ok', 'ok']);
    assert.deepEqual(
      [a.names(), b.names()],
      [
        ['test.a1', 'test.late'],
        ['test.b1', 'test.taken'],
      ],
    );
  });
});
