import assert from 'node:assert/strict';
import { once } from 'node:events';
import { DEFAULT_LIMITS, type Limits, RpcError } from '@org/rpc-core';
import { TimerQueue } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { makeCall } from '../../../test/connection-rig.js';
import { MessagePackRpcPeer, message } from '../../../test/message-pack-rpc-peer.js';
import { msgpack } from '../../codec/msgpack.js';
import { memoryPair } from '../../transport/memory.js';
import { messagePackRpc } from './message-pack-rpc.js';
import type { PeerHandlers } from './peer-requests.js';

/** A server that sends requests to its client, which has these handlers. */
function asking(handlers: PeerHandlers, limits: Partial<Limits> = {}) {
  const clock = new FakeClock(1_000);
  const [clientEnd, serverEnd] = memoryPair();
  /** How many bytes of the client wait for the server. */
  const waitingBytes = () => clientEnd.queuedBytes;
  const peer = new MessagePackRpcPeer(serverEnd);
  const connection = messagePackRpc({ handlers }).open({
    stream: clientEnd,
    codec: msgpack(),
    limits: { ...DEFAULT_LIMITS, ...limits },
    clock,
    timers: new TimerQueue(clock),
    observer: { greeted: () => {}, draining: () => {}, closed: () => {} },
    expectInstance: 'h:1',
  });
  return { connection, clock, peer, waitingBytes, settle: () => clock.advance(0) };
}

describe('what a server of MessagePack-RPC asks of its client', () => {
  it('is answered by the handler of that name, at once or later', async () => {
    const { peer, settle } = asking({
      add: (a: number, b: number) => a + b,
      later: async (text: string) => `${text}!`,
    });
    peer.send(message(0, 1, 'add', [2, 3]), message(0, 4_294_967_295, Buffer.from('later'), ['yes']));
    await settle();
    assert.deepEqual(peer.messages, [
      [1, 1, null, 5],
      [1, 4_294_967_295, null, 'yes!'],
    ]);
  });

  it('runs for notifications, which are not answered', async () => {
    const seen: unknown[] = [];
    const { peer, settle } = asking({ progress: (percent: number) => seen.push(percent) });
    peer.send(message(2, 'progress', [10]), message(2, 'progress', [20]), message(2, 'nothing', []));
    await settle();
    assert.deepEqual([seen, peer.messages], [[10, 20], []]);
  });

  it('is refused by name when there is no handler, also for names that every object has', async () => {
    const { peer, settle } = asking({ add: () => 0 });
    for (const name of ['sub', 'toString', '__proto__', 'constructor']) peer.send(message(0, 1, name, []));
    peer.send(message(0, 2, 7, []));
    await settle();
    assert.deepEqual(
      peer.messages.map((each) => (each as unknown[])[2]),
      [
        ...['sub', 'toString', '__proto__', 'constructor'].map(
          (name) => `UNIMPLEMENTED: this client serves no method "${name}"`,
        ),
        'UNIMPLEMENTED: a request without the name of a method',
      ],
    );
  });

  it('is told an RpcError of the handler, and of other errors only that there was one', async () => {
    const { peer, settle } = asking({
      missing: () => {
        throw new RpcError('NOT_FOUND', 'no such page');
      },
      broken: async () => {
        throw new Error('the secret');
      },
      unsendable: () => () => 1,
    });
    const warned = once(process, 'warning');
    peer.send(message(0, 1, 'missing', []), message(0, 2, 'broken', []), message(0, 3, 'unsendable', []));
    await settle();
    assert.deepEqual(
      (peer.messages as unknown[][]).sort((a, b) => Number(a[1]) - Number(b[1])),
      [
        [1, 1, 'NOT_FOUND: no such page', null],
        [1, 2, 'INTERNAL: the handler failed', null],
        [1, 3, 'INTERNAL: the handler failed', null],
      ],
    );
    await warned;
  });

  it('must have its params in an array, well-formed', async () => {
    const { peer, settle, connection } = asking({ add: () => 0 });
    peer.send(message(0, 1, 'add', 5 as never), message(0, 2, 'add', [new Map([[Number.NaN, 1]])]));
    await settle();
    assert.match(String((peer.messages[0] as unknown[])[2]), /INVALID_ARGUMENT: the params of a request are an array/);
    assert.ok(connection.isOpen);
  });

  it('is refused beyond so many running handlers, and nothing else suffers', async () => {
    let release!: (value: string) => void;
    const held = new Promise<string>((resolve) => {
      release = resolve;
    });
    const { peer, settle } = asking({ hold: () => held }, { callsInFlight: 2 });
    peer.send(...[1, 2, 3].map((id) => message(0, id, 'hold', [])));
    await settle();
    assert.match(String((peer.messages[0] as unknown[])[2]), /RESOURCE_EXHAUSTED: 2 requests are running/);
    release('done');
    await settle();
    assert.deepEqual(peer.messages.slice(1), [
      [1, 1, null, 'done'],
      [1, 2, null, 'done'],
    ]);
  });

  it('gets no answer that is too large, but is told so', async () => {
    const { peer, settle } = asking({ large: () => 'x'.repeat(5_000) }, { messageBytes: 1_024 });
    peer.send(message(0, 1, 'large', []));
    await settle();
    assert.match(String((peer.messages[0] as unknown[])[2]), /OUT_OF_RANGE: the result has 50\d\d bytes/);
  });

  it('waits unread while the server reads too few answers, and is taken up when it has read them', async () => {
    const asked: number[] = [];
    const answer = 'x'.repeat(1_000);
    const handlers = { ask: (i: number) => asked.push(i) && answer };
    const { peer, settle, connection } = asking(handlers, { writeQueueBytes: 10_000 });
    peer.pause();
    const requests = Array.from({ length: 500 }, (_, i) => message(0, i, 'ask', [i]));
    for (const request of requests) peer.send(request);
    await settle();
    const { length } = asked;
    assert.ok(length >= 10 && length < 100, `${length} were answered`);
    peer.resume();
    await settle();
    assert.equal(asked.length, 500);
    assert.deepEqual(
      peer.messages.map((each) => (each as unknown[])[1]),
      asked,
    );
    assert.ok(connection.isOpen);
  });

  it('waits unread as well when there is no handler', async () => {
    const { peer, waitingBytes, settle } = asking({}, { writeQueueBytes: 10_000 });
    peer.pause();
    for (let i = 0; i < 2_000; i++) peer.send(message(0, i, 'nothing', []));
    await settle();
    assert.ok(waitingBytes() < 100_000, `${waitingBytes()} bytes wait`);
    peer.resume();
    await settle();
    assert.equal(peer.messages.length, 2_000);
  });

  it('is told that an answer was dropped when handlers that took their time leave far too many', async () => {
    const releases: (() => void)[] = [];
    const slow = () => new Promise<string>((resolve) => releases.push(() => resolve('x'.repeat(1_000))));
    const { peer, settle } = asking({ slow }, { writeQueueBytes: 10_000 });
    peer.pause();
    for (let i = 0; i < 500; i++) peer.send(message(0, i, 'slow', []));
    await settle();
    assert.equal(releases.length, 500);
    for (const release of releases) release();
    await settle();
    peer.resume();
    await settle();
    const errors = (peer.messages as unknown[][]).map(([, , error]) => error);
    assert.equal(errors.length, 500);
    assert.ok(errors.filter((each) => each === null).length < 60);
    for (const error of errors.filter(Boolean))
      assert.match(String(error), /^RESOURCE_EXHAUSTED: the answer was dropped/);
  });

  it('gets no bytes that are too many either, when the client has sent requests of its own before', async () => {
    const { connection, clock, peer, settle } = asking({ large: () => Buffer.alloc(60_000) }, { messageBytes: 40_000 });
    connection.send(makeCall(clock, 'note', [], { oneWay: true }));
    peer.send(message(0, 1, 'large', []));
    await settle();
    assert.match(String((peer.messages.at(-1) as unknown[])[2]), /OUT_OF_RANGE: the result has 600\d\d bytes/);
  });

  it('needs functions for handlers', () => {
    assert.throws(
      () => messagePackRpc({ handlers: { add: 7 as never } }),
      /messagePackRpc: handlers\.add must be a function, got 7/,
    );
  });
});
