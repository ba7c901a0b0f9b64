import assert from 'node:assert/strict';
import { floodWith, Town } from './town.js';
import { credit, frame, GREETING, request, rpcMessage, Type, times } from './wire.js';

const STREAM = 0x40;
const ONE_WAY = 1;
const MORE = 8;
/** Frames in one write. */
const BATCH = 200;
/** Beyond so many batches, a flood counts as one that is not stopped. */
const ROUNDS = 2_000;

interface Flood {
  readonly name: string;
  /** What is sent once, before the flood. */
  readonly first: Buffer;
  /** One batch. */
  readonly next: (round: number) => Buffer;
  /** Why the connection is closed. */
  readonly reason: RegExp;
  /** The most that may have run. */
  readonly served?: Readonly<Record<string, number>>;
}

const batch = (make: Buffer | ((index: number) => Buffer)): ((round: number) => Buffer) => {
  const bytes = times(BATCH, make);
  return () => bytes;
};

/** Calls with new ids, each followed by something about them. */
const calls =
  (method: string, flags: number, after: (id: number) => Buffer) =>
  (round: number): Buffer =>
    times(BATCH, (index) => {
      const id = round * BATCH + index + 1;
      return Buffer.concat([request(id, method, [], flags), after(id)]);
    });

const NONE = Buffer.alloc(0);
const PING = frame(Type.PING, Buffer.alloc(8));
const cancel = (id: number): Buffer => frame(Type.CANCEL, Buffer.from([1]), id);

const FLOODS: readonly Flood[] = [
  { name: 'PINGs', first: GREETING, next: batch(PING), reason: /^too many PINGs \(limits\.pings\)$/ },
  {
    name: 'PONGs that nobody asked for',
    first: GREETING,
    next: batch(frame(Type.PONG, Buffer.alloc(8))),
    reason: /a PONG that was not asked for \(limits\.ignoredFrames\)$/,
  },
  { name: 'CANCELs of nothing', first: GREETING, next: batch(cancel), reason: /limits\.cancels/ },
  { name: 'unknown frames', first: GREETING, next: batch(frame(200)), reason: /unknown frame type 200/ },
  {
    name: 'empty items of no stream',
    first: GREETING,
    next: batch(frame(Type.ITEM, NONE, 7)),
    reason: /an ITEM of stream 7, which was never open \(limits\.ignoredFrames\)$/,
  },
  {
    name: 'empty items of a stream that nobody reads',
    first: Buffer.concat([GREETING, request(1, 'items', [], STREAM)]),
    next: batch(frame(Type.ITEM, NONE, 1)),
    reason: /^an ITEM beyond the credit of 262144 bytes of stream 1$/,
    served: { items: 1 },
  },
  {
    name: 'ENDs of no stream',
    first: GREETING,
    next: batch(frame(Type.END, NONE, 7)),
    reason: /END of stream 7, which was never open/,
  },
  {
    name: 'grants to an open stream',
    first: Buffer.concat([GREETING, request(1, 'items', [], STREAM)]),
    next: batch(credit(1, 1)),
    reason: /a CREDIT for which nothing was sent \(limits\.ignoredFrames\)$/,
  },
  {
    name: 'grants to the connection',
    first: GREETING,
    next: batch(credit(0, 1)),
    reason: /a CREDIT for which nothing was sent \(limits\.ignoredFrames\)$/,
  },
  {
    name: 'pieces of one byte',
    first: Buffer.concat([GREETING, frame(Type.REQUEST, Buffer.from([0, 15, 255, 255, 0, 0]), 1, MORE)]),
    next: batch(frame(Type.CONTINUATION, Buffer.from([0]), 1, MORE)),
    reason: /^too many frames to be ignored, the last one: a piece of 1 bytes \(limits\.ignoredFrames\)$/,
  },
  { name: 'greetings', first: GREETING, next: batch(GREETING.subarray(5)), reason: /^a second HELLO$/ },
  {
    name: 'goodbyes',
    first: GREETING,
    next: batch(frame(Type.GOAWAY, Buffer.from('\0bye'))),
    reason: /the last one: one more GOAWAY \(limits\.ignoredFrames\)$/,
  },
  {
    name: 'answers of MessagePack-RPC',
    first: NONE,
    next: batch(rpcMessage(1, 7, null, 1)),
    reason: /the last one: an answer \(limits\.ignoredFrames\)$/,
  },
];

/** What any client may do, in numbers that none needs. */
const TOO_MUCH: readonly (Pick<Flood, 'name' | 'next'> & { readonly isForeign?: boolean })[] = [
  { name: 'calls that are cancelled at once (rapid reset)', next: calls('hang', 0, cancel) },
  { name: 'streams that are cancelled at once', next: calls('items', STREAM, cancel) },
  { name: 'one-way calls that do not end', next: batch(request(0, 'tellAll', [], ONE_WAY)) },
  { name: 'one-way calls to no method', next: batch(request(0, 'nothing', [], ONE_WAY)) },
  {
    name: 'notifications of MessagePack-RPC to no method',
    next: batch(rpcMessage(2, 'work.none', [])),
    isForeign: true,
  },
  {
    name: 'notifications of MessagePack-RPC that do not end',
    next: batch(rpcMessage(2, 'work.tellAll', [])),
    isForeign: true,
  },
];

describe('a flood beside ten good clients', function () {
  this.timeout(60_000);

  for (const { name, first, next, reason, served = {} } of FLOODS) {
    it(`is ended with the reason, and they notice nothing: ${name}`, async () => {
      await using town = await new Town().open();
      const told = await town.beside(async () => {
        const socket = await town.stranger();
        socket.write(first);
        const rounds = await floodWith(socket, next, ROUNDS);
        assert.ok(rounds < ROUNDS, 'nothing stopped it');
        return town.reasonFor(socket);
      });
      assert.match(told, reason);
      for (const [method, most] of Object.entries(served))
        assert.ok(town.served[method]! <= most, `${method} ran ${town.served[method]} times`);
      await town.assertCalm();
    });
  }

  for (const { name, next, isForeign = false } of TOO_MUCH) {
    it(`is served within the bounds, they notice nothing, and nothing is left of it: ${name}`, async () => {
      await using town = await new Town().open();
      const socket = await town.stranger();
      socket.write(isForeign ? NONE : GREETING);
      await town.beside(async () => {
        assert.equal(await floodWith(socket, next, 200), 200);
        assert.ok(town.server.running <= 4_096 + 10, `${town.server.running} handlers run`);
      });
      assert.ok(!town.isClosed(socket));
      // Whoever breaks the protocol is dropped, with all that was done on its behalf.
      socket.write(isForeign ? times(200, () => rpcMessage(1, 7, null, 1)) : times(2, frame(Type.HELLO)));
      assert.match(await town.reasonFor(socket), isForeign ? /the last one: an answer/ : /^a second HELLO$/);
      await town.assertCalm();
    });
  }

  it('is ended each time when every call makes the server break it off, and no handler is left (made you reset)', async () => {
    await using town = await new Town().open();
    const flood = Buffer.concat([GREETING, request(1, 'items', [], STREAM), request(2, 'hang'), credit(1, 0)]);
    await town.beside(async () => {
      for (let i = 0; i < 200; i++) {
        const socket = await town.stranger();
        socket.write(flood);
        assert.equal(await town.reasonFor(socket), 'a CREDIT of 0 bytes');
      }
    });
    assert.deepEqual([town.served['hang'], town.served['items']], [200, 200]);
    await town.breathe();
    assert.equal(town.server.running, 0);
    await town.assertCalm();
  });

  it('is held back while its peer does not read: a million requests start few handlers', async () => {
    await using town = await new Town().open();
    const socket = await town.stranger();
    socket.pause();
    socket.write(GREETING);
    const requests = (round: number): Buffer => times(BATCH, (index) => request(round * BATCH + index + 1, 'large'));
    for (let round = 0; round < 5_000; round++) {
      socket.write(requests(round));
      if (round % 100 === 0) await town.breathe();
    }
    await town.beside(() => town.breathe());
    // 8 MiB of answers in its queue, and what the kernel takes on both sides.
    assert.ok(town.served['large']! < 1_000, `${town.served['large']} handlers ran`);
    assert.ok(!town.isClosed(socket));
    const closed = town.reasonFor(socket);
    for (let second = 0; second <= 11; second++) await town.clock.advance(1_000);
    assert.equal(await closed, 'the peer has read nothing for 10000 ms (limits.writeStallMs)');
    await town.assertCalm();
  });

  it('is ended when the bytes of a frame drip', async () => {
    await using town = await new Town().open();
    const socket = await town.stranger();
    socket.write(GREETING);
    const slow = request(1, 'hang');
    await town.beside(async () => {
      for (let at = 0; !town.isClosed(socket); at++) {
        socket.write(slow.subarray(at % 10, (at % 10) + 1));
        await town.breathe();
        await town.clock.advance(5_000);
      }
    });
    assert.equal(await town.reasonFor(socket), 'a frame was not whole within 30000 ms (limits.frameStallMs)');
    assert.equal(town.served['hang'], 0);
    await town.assertCalm();
  });
});

describe('connections beside ten good clients', function () {
  // Thousands of sockets take their time on a busy machine.
  this.timeout(60_000);

  for (const [name, bytes] of [
    ['say nothing', Buffer.alloc(0)],
    ['say the beginning of a greeting', GREETING.subarray(0, 3)],
    ['say all but the last byte of it', GREETING.subarray(0, -1)],
    ['say the beginning of a message of MessagePack-RPC', rpcMessage(0, 1, 'work.echo', []).subarray(0, 4)],
  ] as const) {
    it(`are closed after limits.handshakeMs when two hundred ${name} (slow loris)`, async () => {
      await using town = await new Town().open();
      const sockets = await Promise.all(Array.from({ length: 200 }, () => town.stranger()));
      for (const socket of sockets) if (bytes.length > 0) socket.write(bytes);
      await town.until(() => town.connections === 210);
      await town.beside(async () => {
        await town.breathe();
        assert.equal(town.closed.size, 0);
        for (let second = 0; second < 7; second++) await town.clock.advance(1_000);
        await town.until(() => town.closed.size === 200);
      });
      for (const reason of town.closed.values()) assert.match(reason, /^no (greeting|whole message) within 5000 ms/);
      await town.assertCalm();
    });
  }

  it('hold no more together than limits.heldBytes and a share each, whatever each alone may hold', async () => {
    await using town = await new Town({ heldBytes: 1024 * 1024 }).open();
    const flood = Buffer.concat([GREETING, times(200, (index) => request(index + 1, 'hang'))]);
    const sockets = await Promise.all(Array.from({ length: 30 }, () => town.stranger()));
    await town.beside(async () => {
      for (const socket of sockets) socket.write(flood);
      await town.breathe();
      await town.breathe();
    });
    // 2 KiB for each call, and 64 KiB for each of forty connections.
    const most = (1024 * 1024 + 30 * 64 * 1024) / 2048;
    assert.ok(town.served['hang']! > 500 && town.served['hang']! <= most, `${town.served['hang']} ran`);
    for (const socket of sockets) {
      socket.write(frame(Type.HELLO));
      assert.equal(await town.reasonFor(socket), 'a second HELLO');
    }
    await town.assertCalm();
  });

  it('are refused beyond limits.connections, thousands of them, and there is room again once some have left', async () => {
    await using town = await new Town({ connections: 30 }).open();
    const inside = await Promise.all(Array.from({ length: 20 }, () => town.stranger()));
    await town.beside(async () => {
      for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 100 }, () => town.stranger()));
      await town.until(() => town.acceptErrors.length === 2_000);
    });
    assert.match(town.acceptErrors[0]!, /refused a connection, 30 are open \(limits\.connections\)$/);
    assert.equal(town.connections, 30);
    for (const socket of inside) socket.destroy();
    await town.until(() => town.connections === 10);
    const late = await town.stranger();
    late.write(Buffer.concat([GREETING, frame(Type.HELLO)]));
    assert.equal(await town.reasonFor(late), 'a second HELLO');
    await town.assertCalm();
  });
});
