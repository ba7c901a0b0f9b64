import assert from 'node:assert/strict';
import { DEFAULT_LIMITS, isRpcError, type Limits, type RpcError } from '@org/rpc-core';
import { rpcError, TimerQueue } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { encoded, hex } from '../../../test/codec-helpers.js';
import { type CallSketch, makeCall, type ObserverRecord, TestHost } from '../../../test/connection-rig.js';
import { MessagePackRpcPeer, message } from '../../../test/message-pack-rpc-peer.js';
import { UnknownExtension } from '../../codec/extensions.js';
import { msgpack } from '../../codec/msgpack.js';
import type { ByteStream } from '../../transport/byte-stream.js';
import { memoryPair } from '../../transport/memory.js';
import { ServerConnection } from '../server/server-connection.js';
import { messagePackRpc } from './message-pack-rpc.js';
import type { MessagePackRpcClientConnection } from './message-pack-rpc-client-connection.js';
import type { MessagePackRpcOptions } from './message-pack-rpc-options.js';
import { serveMessagePackRpc } from './message-pack-rpc-server-connection.js';

function clientOver(
  stream: ByteStream,
  clock: FakeClock,
  options: MessagePackRpcOptions = {},
  limits: Limits = DEFAULT_LIMITS,
) {
  const observed: ObserverRecord = { greeted: [], draining: [], closed: [] };
  const connection = messagePackRpc(options).open({
    stream,
    codec: msgpack(),
    limits,
    clock,
    timers: new TimerQueue(clock),
    observer: {
      greeted: (hello) => observed.greeted.push(hello),
      draining: (reason) => observed.draining.push(reason),
      closed: (reason) => observed.closed.push(reason),
    },
    expectInstance: 'h:1',
  }) as MessagePackRpcClientConnection;
  /** Sends a call; settles with its result or its error. */
  const call = (method: string, args: readonly unknown[] = [], sketch: CallSketch = {}): Promise<unknown> =>
    connection.send(makeCall(clock, method, args, sketch)).catch((error: unknown) => error);
  return { connection, observed, call };
}

function rig(options: MessagePackRpcOptions = {}, limits: Partial<Limits> = {}) {
  const clock = new FakeClock(1_000);
  const [clientEnd, serverEnd] = memoryPair();
  const peer = new MessagePackRpcPeer(serverEnd);
  return {
    clock,
    peer,
    settle: () => clock.advance(0),
    ...clientOver(clientEnd, clock, options, { ...DEFAULT_LIMITS, ...limits }),
  };
}

const REQUEST = (id: number, method = 'test.echo', params: readonly unknown[] = []) => [0, id, method, params];

describe('a client of MessagePack-RPC', () => {
  it('delivers what it has confirmed when it is closed while the server is busy', async () => {
    const { call, connection, peer, settle } = rig();
    peer.pause();
    const notes = Array.from({ length: 50 }, () => call('note', [Buffer.alloc(5_000)], { oneWay: true }));
    assert.deepEqual(await Promise.all(notes), Array(50).fill(undefined));
    connection.close('the client was closed');
    await settle();
    peer.resume();
    await settle();
    assert.equal(peer.messages.length, 50);
  });

  it('takes answers while it has too much to write: a server may read on only when its answers are read', async () => {
    const { call, connection, peer, settle } = rig({}, { writeQueueBytes: 10_000 });
    peer.pause();
    const settled: unknown[] = [];
    for (const _ of [1, 2, 3]) call('echo', ['x'.repeat(6_000)]).then((value) => settled.push(value));
    await settle();
    assert.equal(connection.isFull, true);
    peer.send(message(1, 1, null, 'A'));
    await settle();
    assert.deepEqual(settled, ['A']);
    assert.deepEqual(peer.messages, [], 'the third call waits, as before');
    peer.resume();
    await settle();
    assert.equal(peer.messages.length, 3);
  });

  it('sends requests with ids from 1 and takes their answers in any order', async () => {
    const { call, peer, settle } = rig();
    const calls = [call('echo', ['a']), call('echo', ['b'])];
    await settle();
    assert.deepEqual(peer.messages, [REQUEST(1, 'test.echo', ['a']), REQUEST(2, 'test.echo', ['b'])]);
    peer.send(message(1, 2, null, 'B'), message(1, 1, null, 'A'));
    assert.deepEqual(await Promise.all(calls), ['A', 'B']);
  });

  it('sends one-way calls as notifications', async () => {
    const { call, peer, settle } = rig();
    assert.equal(await call('echo', ['a'], { oneWay: true }), undefined);
    await settle();
    assert.deepEqual(peer.messages, [[2, 'test.echo', ['a']]]);
  });

  it('names methods without their service, and begins with metadata, when told so', async () => {
    const { call, peer, settle } = rig({ methodName: 'method', metadataFirst: true });
    call('echo', ['a'], { metadata: { token: 't' } });
    call('echo', []);
    await settle();
    assert.deepEqual(peer.messages, [REQUEST(1, 'echo', [{ token: 't' }, 'a']), REQUEST(2, 'echo', [{}])]);
  });

  it('takes maps with other keys than texts as Map, in results, errors and what the server asks for', async () => {
    const asked: unknown[] = [];
    const { call, peer, settle } = rig({ handlers: { ask: (value: unknown) => asked.push(value) } });
    const [result, failure] = [call('echo'), call('echo')];
    await settle();
    peer.send(hex('94 01 01 c0 81 01 a1 61'), hex('94 01 02 81 c0 01 c0'), hex('93 02 a3 61736b 91 81 07 01'));
    assert.deepEqual(await result, new Map([[1, 'a']]));
    assert.deepEqual(((await failure) as RpcError).details, new Map([[null, 1]]));
    assert.deepEqual(asked, [new Map([[7, 1]])]);
  });

  it('sends what every peer reads, and with textFormat raw what peers of the old format read', async () => {
    const values = [undefined, new Map([[1, 'x'.repeat(40)]]), Buffer.of(1)];
    for (const [textFormat, bytes] of [
      ['utf8', `c0 8101d928${'78'.repeat(40)} c40101`],
      ['raw', `c0 8101da0028${'78'.repeat(40)} a101`],
    ] as const) {
      const { call, peer, settle } = rig({ textFormat });
      call('echo', values);
      await settle();
      assert.deepEqual(peer.bytes, Buffer.concat([hex('94 00 01'), encoded('test.echo'), hex(`93 ${bytes}`)]));
    }
  });

  it('refuses with its path what peers of the old format have no word for, and sends nothing of it', async () => {
    const { call, peer, settle } = rig({ textFormat: 'raw' });
    const error = (await call('echo', [{ a: new UnknownExtension(5, Buffer.of(1)) }])) as RpcError;
    await settle();
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.match(error.reason, /\$\[0\]\.a is an extension/);
    assert.equal(peer.bytes.length, 0);
  });

  it('tells its link that the server lives with the first word of it', async () => {
    const { call, peer, settle, observed, connection } = rig();
    assert.ok(connection.isGreeted);
    call('echo');
    await settle();
    assert.deepEqual(observed.greeted, []);
    peer.send(message(1, 1, null, 1), message(2, 'event', []));
    await settle();
    assert.deepEqual(
      observed.greeted.map(({ instance }) => instance),
      ['h:1'],
    );
  });

  it('ignores what nobody waits for: answers with unknown or strange ids, and notifications', async () => {
    const { call, peer, settle, connection } = rig();
    const answer = call('echo');
    await settle();
    for (const id of [77, 0, -1, null, 'x', 1.5]) peer.send(message(1, id, 'boo', null));
    peer.send(message(2, 'event', [1]), message(1, 1, null, 'ok'), message(1, 1, null, 'again'));
    assert.equal(await answer, 'ok');
    await settle();
    assert.equal(connection.ignored, 8);
    assert.ok(connection.isOpen);
  });

  it('answers what the server asks of it, so that the server does not wait', async () => {
    const { peer, settle } = rig();
    peer.send(message(0, 9, 'callback', []));
    await settle();
    assert.deepEqual(peer.messages, [[1, 9, 'UNIMPLEMENTED: this client serves no method "callback"', null]]);
  });

  for (const [value, code, reason] of [
    ['boom', 'UNKNOWN', 'boom'],
    ['NOT_FOUND: no such user', 'NOT_FOUND', 'no such user'],
    ['NO_CODE: x', 'UNKNOWN', 'NO_CODE: x'],
    [[0, 'Invalid method: x'], 'UNKNOWN', 'Invalid method: x'],
    [Buffer.from('in bytes'), 'UNKNOWN', 'in bytes'],
    [false, 'UNKNOWN', /no text; see details/],
    [0, 'UNKNOWN', /no text/],
    ['', 'UNKNOWN', ''],
    [{ code: 1 }, 'UNKNOWN', /no text/],
    [['NOT_FOUND: no such user', { at: 1 }], 'NOT_FOUND', 'no such user'],
    [[1, 2, 'third'], 'UNKNOWN', 'third'],
    [[1, [2]], 'UNKNOWN', /no text/],
    [{ code: 'E1', message: 'no disk' }, 'UNKNOWN', 'no disk'],
    [{ reason: 'ABORTED: again' }, 'ABORTED', 'again'],
    [{ why: 'something', at: 1 }, 'UNKNOWN', 'something'],
    [new UnknownExtension(5, Buffer.from('x')), 'UNKNOWN', /no text/],
  ] as const) {
    it(`takes an error of ${JSON.stringify(value)}, also beside a result`, async () => {
      const { call, peer, settle } = rig();
      const failure = call('echo');
      await settle();
      peer.send(message(1, 1, value, 'result'));
      const error = (await failure) as RpcError;
      assert.ok(isRpcError(error, code));
      if (typeof reason === 'string') assert.equal(error.reason, reason);
      else assert.match(error.reason, reason);
      assert.deepEqual(error.details, value);
      assert.equal(error.progress, 'processed');
      assert.equal(error.method, 'echo');
    });
  }

  it('fails the calls in flight when something else than MessagePack-RPC arrives', async () => {
    for (const bytes of [Buffer.from([0xc1]), Buffer.from([0x05]), message(1, 1, null)]) {
      const { call, peer, settle, observed } = rig();
      const failure = call('echo');
      await settle();
      peer.send(bytes);
      const error = (await failure) as RpcError;
      assert.deepEqual([error.code, error.progress], ['UNAVAILABLE', 'maybe-processed']);
      assert.equal(observed.closed.length, 1);
    }
  });

  it('fails the call alone whose answer is larger than a message may be', async () => {
    const { call, peer, settle, observed, connection } = rig();
    const [first, second] = [call('echo'), call('echo')];
    await settle();
    const large = Buffer.alloc(DEFAULT_LIMITS.messageBytes);
    peer.send(message(1, 1, null, large), message(0, 5, 'ask', [large]), message(2, 'note', [large]));
    peer.send(message(1, 77, null, large), message(1, 2, null, 'ok'));
    const error = (await first) as RpcError;
    assert.deepEqual([error.code, error.progress, error.method], ['RESOURCE_EXHAUSTED', 'processed', 'echo']);
    assert.match(error.reason, /^the reply has \d+ bytes, the limit is 4194304 \(limits\.messageBytes\)$/);
    assert.equal(await second, 'ok');
    await settle();
    assert.match(String(peer.messages[2]), /^1,5,RESOURCE_EXHAUSTED: the request has \d+ bytes/);
    assert.deepEqual([observed.closed, connection.ignored, peer.messages.length], [[], 3, 3]);
  });

  it('fails a call that cannot be encoded, and no other', async () => {
    const { call, peer, settle, connection } = rig();
    const bad = (await call('echo', [() => {}])) as RpcError;
    assert.deepEqual([bad.code, bad.progress], ['INVALID_ARGUMENT', 'unsent']);
    const good = call('echo');
    await settle();
    assert.equal(connection.inFlight, 1);
    assert.equal(peer.messages.length, 1);
    peer.send(message(1, (peer.messages[0] as number[])[1], null, 'ok'));
    assert.equal(await good, 'ok');
  });
});

describe('a client of a server that takes one call at a time', () => {
  it('sends the next call when the last was answered, in order', async () => {
    const { call, peer, connection } = rig({ maxInFlight: 1 });
    let most = 0;
    let pending = 0;
    peer.onMessage = ([, id, , params]) => {
      const [value] = params as unknown[];
      most = Math.max(most, ++pending);
      queueMicrotask(() => {
        pending--;
        peer.send(message(1, id, null, value));
      });
    };
    const calls = Array.from({ length: 50 }, (_, i) => call('echo', [i]));
    assert.ok(connection.isFull);
    assert.deepEqual(
      await Promise.all(calls),
      Array.from({ length: 50 }, (_, i) => i),
    );
    assert.equal(most, 1);
    assert.deepEqual(
      peer.messages.map((sent) => ((sent as unknown[])[3] as unknown[])[0]),
      Array.from({ length: 50 }, (_, i) => i),
    );
  });

  it('ends the wait of a call with its deadline, unsent', async () => {
    const { call, peer, clock } = rig({ maxInFlight: 1 });
    call('echo', ['first']);
    const second = call('echo', ['second'], { timeoutMs: 100 });
    await clock.advance(200);
    const error = (await second) as RpcError;
    assert.deepEqual([error.code, error.progress], ['DEADLINE_EXCEEDED', 'unsent']);
    assert.equal(peer.messages.length, 1);
  });

  it('frees the place of a call that was given up only when its answer comes', async () => {
    const { call, peer, clock, connection, settle } = rig({ maxInFlight: 1 });
    const given = new AbortController();
    const first = call('echo', ['first'], { signal: given.signal });
    const second = call('echo', ['second']);
    given.abort();
    const error = (await first) as RpcError;
    assert.deepEqual([error.code, error.progress], ['CANCELLED', 'maybe-processed']);
    await clock.advance(10);
    assert.equal(peer.messages.length, 1);
    peer.send(message(1, 1, null, 'late'));
    await settle();
    assert.deepEqual(peer.messages[1], REQUEST(2, 'test.echo', ['second']));
    peer.send(message(1, 2, null, 'ok'));
    assert.equal(await second, 'ok');
    assert.equal(connection.ignored, 1);
  });

  it('gives the connection up when the server has answered nothing for long and somebody gave up', async () => {
    const { call, clock, connection, observed } = rig({ maxInFlight: 1 });
    const first = call('echo', [], { timeoutMs: 100 });
    const second = call('echo', []);
    await clock.advance(200);
    assert.equal(((await first) as RpcError).progress, 'maybe-processed');
    await clock.advance(29_000);
    connection.tick(clock.now());
    assert.deepEqual(observed.closed, []);
    await clock.advance(2_000);
    connection.tick(clock.now());
    assert.deepEqual(observed.closed, ['the server has answered nothing for 30000 ms']);
    assert.deepEqual(
      [((await second) as RpcError).code, ((await second) as RpcError).progress],
      ['UNAVAILABLE', 'unsent'],
    );
  });

  it('starts its ids again after the highest, without those in use', async () => {
    const { call, peer, settle } = rig({ maxInFlight: 2, maxMessageId: 3 });
    call('echo', ['stays']);
    for (let i = 0; i < 4; i++) {
      call('echo');
      await settle();
      peer.send(message(1, (peer.messages.at(-1) as number[])[1], null, 0));
      await settle();
    }
    assert.deepEqual(
      peer.messages.map((sent) => (sent as number[])[1]),
      [1, 2, 3, 2, 3],
    );
  });
});

describe('a connection of a client of MessagePack-RPC', () => {
  it('is ended when it drains and the last call was answered; new calls are refused', async () => {
    const { call, peer, settle, connection, observed } = rig();
    const last = call('echo');
    connection.drain();
    assert.equal(((await call('echo')) as RpcError).progress, 'unsent');
    await settle();
    peer.send(message(1, 1, null, 'ok'));
    assert.equal(await last, 'ok');
    await settle();
    assert.ok(peer.hasEnded);
    assert.equal(observed.closed.length, 1);
  });

  it('fails what is in flight and what waits when it is lost', async () => {
    const { call, peer, settle } = rig({ maxInFlight: 1 });
    const calls = [call('echo'), call('echo')];
    await settle();
    peer.destroy();
    const errors = (await Promise.all(calls)) as RpcError[];
    assert.deepEqual(
      errors.map(({ code, progress }) => [code, progress]),
      [
        ['UNAVAILABLE', 'maybe-processed'],
        ['UNAVAILABLE', 'unsent'],
      ],
    );
  });

  it('works with a server of ours', async () => {
    const clock = new FakeClock(1_000);
    const [clientEnd, serverEnd] = memoryPair();
    const host = new TestHost();
    new ServerConnection({
      stream: serverEnd,
      codec: msgpack(),
      limits: DEFAULT_LIMITS,
      clock,
      host,
      messagePackRpc: serveMessagePackRpc,
    });
    host.methods['fail'] = () => {
      throw rpcError('NOT_FOUND', 'no such user');
    };
    const { call } = clientOver(clientEnd, clock);
    const value = { text: 'x', bytes: Buffer.from('y'), list: [1, null, true] };
    assert.deepEqual(await call('echo', [value]), value);
    const error = (await call('fail')) as RpcError;
    assert.deepEqual([error.code, error.reason], ['NOT_FOUND', 'no such user']);
  });
});

describe('the options of messagePackRpc()', () => {
  for (const options of [
    { textFormat: 'latin1' },
    { maxInFlight: 0 },
    { maxInFlight: 1.5 },
    { connections: 0 },
    { connections: 65 },
    { connections: 1.5 },
    { maxMessageId: 2 ** 32 },
    { maxInFlight: 10, maxMessageId: 9 },
    { methodName: 'path' },
    { metadataFirst: 1 },
    { unknown: 1 },
  ]) {
    it(`are checked at once: ${JSON.stringify(options)}`, () => {
      assert.throws(() => messagePackRpc(options as MessagePackRpcOptions), TypeError);
    });
  }
});
