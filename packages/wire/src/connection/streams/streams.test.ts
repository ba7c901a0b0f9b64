import assert from 'node:assert/strict';
import { DEFAULT_LIMITS, RpcError } from '@org/rpc-core';
import { encoded } from '../../../test/codec-helpers.js';
import { greetedServerRig, type ServerRig } from '../../../test/connection-rig.js';
import { rawFrame, requestFrame } from '../../../test/raw-peer.js';
import { msgpack } from '../../codec/msgpack.js';
import { FrameType, GoAwayCode, RequestFlag } from '../../frames/frame.js';

const opening = (id: number): Buffer => requestFrame(id, [], { flags: RequestFlag.STREAM });
const item = (id: number, value: unknown): Buffer => rawFrame(FrameType.ITEM, encoded(value), id);
const end = (id: number): Buffer => rawFrame(FrameType.END, Buffer.alloc(0), id);
const credit = (id: number, bytes: number): Buffer => {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(bytes);
  return rawFrame(FrameType.CREDIT, body, id);
};

async function rigWith(echo: (items: AsyncIterable<unknown>) => unknown): Promise<ServerRig> {
  const rig = await greetedServerRig();
  rig.host.methods.echo = echo as never;
  return rig;
}

async function* back(items: AsyncIterable<unknown>): AsyncIterable<unknown> {
  yield* items;
}

const hold = (): AsyncIterable<unknown> => ({
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
});

describe('streams on the wire', () => {
  it('are an opening request, items, ends and an answer of the same kinds', async () => {
    const { peer, settle } = await rigWith(back);
    peer.send(opening(1), item(1, 'a'), rawFrame(FrameType.ITEM, Buffer.alloc(0), 1), end(1));
    await settle();
    assert.deepEqual(
      peer.frames.filter(({ id }) => id === 1).map(({ type, body }) => [type, body.toString('hex')]),
      [
        [FrameType.ITEM, 'a161'],
        [FrameType.ITEM, ''],
        [FrameType.END, ''],
      ],
    );
  });

  it('send no more than their credit until more is granted', async () => {
    const { peer, settle } = await rigWith(async function* () {
      for (;;) yield Buffer.alloc(16 * 1024 - 3);
    });
    peer.send(opening(1));
    await settle();
    assert.equal(peer.framesOf(FrameType.ITEM).length, 4);
    peer.send(credit(1, 16 * 1024));
    await settle();
    assert.equal(peer.framesOf(FrameType.ITEM).length, 5);
  });

  it('are granted nothing for what a handler that has ended did not take', async () => {
    let fail = (): void => {};
    const { peer, settle } = await rigWith(async function* () {
      await new Promise<void>((_, reject) => {
        fail = () => reject(new RpcError('INTERNAL', 'it failed'));
      });
    });
    peer.send(opening(1), ...Array<Buffer>(3).fill(item(1, Buffer.alloc(60_000))));
    await settle();
    fail();
    await settle();
    assert.equal(peer.framesOf(FrameType.ERROR).length, 1);
    assert.deepEqual(
      peer.framesOf(FrameType.CREDIT).filter(({ id }) => id === 1),
      [],
    );
  });

  it('are granted credit together with their connection, so that both come in one write', async () => {
    const { peer, settle } = await rigWith(async function* (items) {
      for await (const _ of items);
      yield 0;
    });
    peer.send(opening(1), ...Array<Buffer>(8).fill(item(1, Buffer.alloc(16 * 1024 - 3))));
    await settle();
    assert.deepEqual(
      peer.framesOf(FrameType.CREDIT).map(({ id, body }) => [id, body.readUInt32BE()]),
      [
        [1, 64 * 1024],
        [1, 64 * 1024],
        [0, 128 * 1024],
      ],
    );
  });

  it('copy a large item once, whether its reader awaits it or it waits for its reader', async () => {
    const taken: Buffer[] = [];
    const { peer, settle } = await rigWith(async function* (items): AsyncIterable<unknown> {
      for await (const item of items as AsyncIterable<Buffer>) taken.push(item);
      yield taken.length;
    });
    peer.send(opening(1));
    await settle();
    const bytes = 20_000;
    const all = Buffer.concat([1, 2, 3].map((byte) => item(1, Buffer.alloc(bytes, byte))));
    let copiedBytes = 0;
    const { copy } = Buffer.prototype;
    Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<typeof copy>): number {
      const copied = copy.apply(this, args);
      copiedBytes += copied;
      return copied;
    };
    try {
      peer.send(all);
      await settle();
    } finally {
      Buffer.prototype.copy = copy;
    }
    assert.deepEqual(
      taken.map((item) => [item.length, item[0], item[bytes - 1]]),
      [
        [bytes, 1, 1],
        [bytes, 2, 2],
        [bytes, 3, 3],
      ],
    );
    assert.ok(copiedBytes >= 3 * bytes && copiedBytes < 3.1 * bytes, `${copiedBytes} bytes were copied`);
    assert.ok(taken.every(({ buffer }) => buffer.byteLength < 1.01 * bytes));
  });

  it('share the credit of the connection', async () => {
    const { peer, settle } = await rigWith(async function* () {
      for (;;) yield Buffer.alloc(64 * 1024 - 3);
    });
    for (let id = 1; id <= 20; id++) peer.send(opening(id), credit(id, 1_000_000));
    await settle();
    assert.equal(peer.framesOf(FrameType.ITEM).length, 16);
    peer.send(credit(0, 64 * 1024));
    await settle();
    assert.equal(peer.framesOf(FrameType.ITEM).length, 17);
  });

  const mistakes: readonly [what: string, frames: Buffer[], reason: RegExp][] = [
    [
      'items beyond the credit',
      Array(7).fill(item(1, Buffer.alloc(50_000))),
      /beyond the credit of 262144 bytes of stream 1/,
    ],
    ['an item after the end', [end(1), item(1, 1)], /an ITEM after the END of stream 1/],
    ['a second end', [end(1), end(1)], /a second END of stream 1/],
    ['a grant that overflows', [credit(1, 2 ** 31 - 1)], /a CREDIT of 2147483647 bytes/],
    ['a grant to the connection that overflows', [credit(0, 2 ** 31 - 1)], /a CREDIT of 2147483647 bytes/],
    ['a grant of nothing', [credit(1, 0)], /a CREDIT of 0 bytes/],
    ['a grant that is cut', [rawFrame(FrameType.CREDIT, Buffer.alloc(3), 1)], /a CREDIT has 4 bytes, not 3/],
    ['an item that is malformed', [rawFrame(FrameType.ITEM, Buffer.from('c1', 'hex'), 1)], /an item is malformed/],
  ];
  it('are not opened by one-way requests, which nothing would end', async () => {
    const { host, connection, peer, settle } = await rigWith(back);
    peer.send(requestFrame(0, [], { flags: RequestFlag.STREAM | RequestFlag.ONE_WAY }));
    await settle();
    assert.equal(peer.goAway.reason, 'a one-way REQUEST opens no stream');
    assert.deepEqual([host.calls.length, connection.running], [0, 0]);
  });

  for (const [what, frames, reason] of mistakes) {
    it(`close the connection for ${what}`, async () => {
      const { peer, settle } = await rigWith(hold);
      peer.send(opening(1), ...frames);
      await settle();
      assert.match(peer.goAway.reason, reason);
    });
  }

  it('may be granted more by the limits, which HELLO tells', async () => {
    const { host, peer, settle } = await greetedServerRig({
      limits: { streamCreditBytes: 800_000, connectionCreditBytes: 2_000_000 },
    });
    host.methods.echo = hold as never;
    const hello = msgpack().createDecoder(DEFAULT_LIMITS);
    const { body } = peer.only(FrameType.HELLO);
    const { streamCredit, connectionCredit } = hello(body, 0, body.length) as Record<string, number>;
    assert.deepEqual([streamCredit, connectionCredit], [200_000, 2_000_000]);
    peer.send(opening(1), ...Array<Buffer>(4).fill(item(1, Buffer.alloc(50_000))));
    await settle();
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
    peer.send(item(1, 1));
    await settle();
    assert.match(peer.goAway.reason, /beyond the credit of 200000 bytes of stream 1/);
  });

  it('drop what comes for streams that have ended, however many there were', async () => {
    const { peer, settle } = await rigWith(() => []);
    for (let id = 1; id <= 3_000; id++) peer.send(opening(id));
    await settle();
    for (let id = 1; id <= 3_000; id++) peer.send(item(id, 1), end(id), credit(id, 1), end(id));
    peer.send(...Array<Buffer>(20).fill(item(1, Buffer.alloc(65_000))));
    await settle();
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
  });

  it('bound the items of streams that never were', async () => {
    const { peer, settle } = await rigWith(back);
    peer.send(...Array<Buffer>(100).fill(item(9, 1)));
    await settle();
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
    peer.send(item(9, 1));
    await settle();
    assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
  });
});
