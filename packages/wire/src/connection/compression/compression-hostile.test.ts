import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import { CODE_NUMBERS } from '@org/rpc-core/internal';
import { encoded } from '../../../test/codec-helpers.js';
import {
  brokenPayloads,
  compressedItem,
  compressedPayload,
  compressedRequest,
  compressedResponse,
  repetitive,
} from '../../../test/compressed-frames.js';
import { greetedClientRig, greetedServerRig, serverRig } from '../../../test/connection-rig.js';
import { helloFrame, rawFrame, readError, requestFrame, responseFrame } from '../../../test/raw-peer.js';
import { COMPRESSED } from '../../frames/compressed.js';
import { FrameType, GoAwayCode, PREFACE, RequestFlag } from '../../frames/frame.js';

/** A GiB of zeros as 1 MB, and what a message may announce of it. */
const MESSAGE_BYTES = 4 * 1024 * 1024;
const SMALL = ['x'.repeat(2_000)];
const LARGE = [repetitive(300_000)];

describe('a server and what comes compressed', () => {
  it('closes the connection for what was compressed before it said that it inflates', async () => {
    const { peer, settle } = serverRig();
    peer.send(PREFACE, helloFrame(), compressedRequest(1, compressedPayload(encoded(SMALL))));
    await settle();
    assert.equal(peer.goAway.code, GoAwayCode.PROTOCOL_ERROR);
    assert.match(peer.goAway.reason, /a compressed frame of type 2, before the HELLO that allows it/);
  });

  it('closes the connection for a payload without a length', async () => {
    const { peer, settle } = await greetedServerRig();
    peer.send(compressedRequest(1, Buffer.alloc(3)));
    await settle();
    assert.deepEqual(peer.goAway, { code: GoAwayCode.PROTOCOL_ERROR, reason: 'a compressed payload is cut short' });
  });

  for (const [size, args] of [
    ['small', SMALL],
    ['large', LARGE],
  ] as const) {
    for (const [what, payload, reason] of brokenPayloads(args)) {
      it(`refuses the one call whose ${size} payload has ${what}`, async () => {
        const { peer, host, settle, connection } = await greetedServerRig();
        peer.send(compressedRequest(1, payload), requestFrame(3, ['after']));
        while (peer.framesOf(FrameType.ERROR).length === 0) await settle();
        const error = readError(peer.only(FrameType.ERROR));
        assert.deepEqual([error.code, error.handlerRan], [CODE_NUMBERS.INVALID_ARGUMENT, 0]);
        assert.match(error.reason, reason);
        assert.match(error.reason, /^the compressed arguments cannot be read: /);
        assert.equal(peer.only(FrameType.RESPONSE).id, 3);
        assert.deepEqual([peer.framesOf(FrameType.GOAWAY).length, connection.running, host.calls.length], [0, 0, 1]);
      });
    }
  }

  it('refuses by its announced length what is beyond messageBytes, without inflating it', async () => {
    const { peer, host, settle } = await greetedServerRig();
    peer.send(
      compressedRequest(1, compressedPayload(Buffer.alloc(100), 1024 ** 3)),
      compressedRequest(3, compressedPayload(Buffer.alloc(100), MESSAGE_BYTES + 1)),
      requestFrame(5, ['after']),
    );
    await settle();
    const errors = peer.framesOf(FrameType.ERROR).map(readError);
    assert.deepEqual(
      errors.map(({ code, handlerRan }) => [code, handlerRan]),
      Array(2).fill([CODE_NUMBERS.RESOURCE_EXHAUSTED, 0]),
    );
    assert.match(errors[1]!.reason, /the request has 4194305 bytes, the limit is 4194304 \(limits\.messageBytes\)/);
    assert.deepEqual([peer.only(FrameType.RESPONSE).id, host.calls.length], [5, 1]);
  });

  it('takes from a bomb no more than it announced', async () => {
    const bomb = deflateSync(Buffer.alloc(256 * 1024 * 1024), { level: 9 });
    assert.ok(bomb.length < 300_000);
    const { peer, settle } = await greetedServerRig();
    const before = process.memoryUsage().rss;
    for (let id = 1; id <= 7; id++)
      peer.send(compressedRequest(id, compressedPayload(Buffer.alloc(0), MESSAGE_BYTES, bomb)));
    let most = 0;
    while (peer.framesOf(FrameType.ERROR).length < 7) {
      await settle();
      most = Math.max(most, process.memoryUsage().rss);
    }
    assert.match(readError(peer.framesOf(FrameType.ERROR)[0]!).reason, /more than the 4194304 bytes/);
    assert.ok(most - before < 128 * 1024 * 1024, `${most - before} bytes for seven bombs of 256 MiB`);
  });

  it('counts what comes out against inFlightRequestBytes, from the first byte on', async () => {
    const { peer, settle } = await greetedServerRig({ limits: { inFlightRequestBytes: 700_000 } });
    for (const id of [1, 2, 3]) peer.send(compressedRequest(id, compressedPayload(encoded(LARGE))));
    await settle();
    assert.match(readError(peer.only(FrameType.ERROR)).reason, /exceed 700000 bytes \(limits\.inFlightRequestBytes\)/);
    while (peer.framesOf(FrameType.RESPONSE).length < 2) await settle();
    peer.send(compressedRequest(4, compressedPayload(encoded(LARGE))));
    while (peer.framesOf(FrameType.RESPONSE).length < 3) await settle();
    assert.equal(peer.framesOf(FrameType.ERROR)[0]!.id, 3);
  });

  it('closes the connection for arguments that are malformed once they are inflated', async () => {
    const { peer, settle } = await greetedServerRig();
    peer.send(compressedRequest(1, compressedPayload(Buffer.alloc(20_000, 0xc1))));
    while (peer.framesOf(FrameType.GOAWAY).length === 0) await settle();
    assert.match(peer.goAway.reason, /the arguments are malformed/);
  });

  it('runs nothing for a caller that gives up while its arguments are inflated', async () => {
    const { peer, host, connection, settle } = await greetedServerRig();
    peer.send(compressedRequest(1, compressedPayload(encoded(LARGE))), rawFrame(FrameType.CANCEL, Buffer.from([1]), 1));
    while (host.ended.length === 0) await settle();
    assert.deepEqual([host.calls.length, connection.running, peer.framesOf(FrameType.RESPONSE).length], [0, 0, 0]);
  });

  it('lets go of a call whose connection is lost while its arguments are inflated', async () => {
    const { peer, host, connection, settle } = await greetedServerRig();
    peer.send(compressedRequest(1, compressedPayload(encoded(LARGE))));
    peer.stream.destroy();
    while (host.ended.length === 0) await settle();
    assert.deepEqual([host.calls.length, connection.running], [0, 0]);
  });
});

describe('a client and what comes compressed', () => {
  for (const [size, value] of [
    ['small', SMALL],
    ['large', LARGE],
  ] as const) {
    for (const [what, payload, reason] of brokenPayloads(value)) {
      it(`fails the one call whose ${size} reply has ${what}`, async () => {
        const { peer, call, settle, connection, timers } = await greetedClientRig();
        const [broken, good] = [call('echo', [], { timeoutMs: 100 }), call('echo')];
        peer.send(compressedResponse(broken.call.id, payload), responseFrame(good.call.id, 'good'));
        while (broken.error === undefined) await settle();
        assert.deepEqual([broken.error.code, broken.error.progress], ['INTERNAL', 'processed']);
        assert.match(broken.error.reason, reason);
        assert.deepEqual([good.value, connection.isOpen, connection.inFlight, timers.size], ['good', true, 0, 0]);
      });
    }
  }

  it('refuses by its announced length what is beyond messageBytes', async () => {
    const { peer, call, settle, connection } = await greetedClientRig();
    const sent = call('echo');
    peer.send(compressedResponse(1, compressedPayload(Buffer.alloc(100), MESSAGE_BYTES + 1)));
    await settle();
    assert.deepEqual([sent.error?.code, connection.isOpen], ['RESOURCE_EXHAUSTED', true]);
    assert.match(sent.error!.reason, /inflates to 4194305 bytes, the limit is 4194304 \(limits\.messageBytes\)/);
  });

  it('inflates one reply to a call, however many come', async () => {
    const { peer, call, settle, connection } = await greetedClientRig();
    const sent = call('echo');
    const reply = compressedResponse(1, compressedPayload(encoded(LARGE)));
    peer.send(reply, reply, reply, compressedResponse(9, compressedPayload(encoded(LARGE))));
    await settle();
    assert.equal(connection.lateReplies, 3);
    assert.deepEqual(await sent.promise, LARGE);
    peer.send(reply);
    await settle();
    assert.equal(connection.lateReplies, 4);
  });

  it('inflates at once what would wait beside too much', async () => {
    const { peer, call } = await greetedClientRig({ limits: { inFlightRequestBytes: 400_000 } });
    const order: number[] = [];
    const sent = [1, 2].map((n) => call('echo').promise.then(() => order.push(n)));
    for (const id of [1, 2]) peer.send(compressedResponse(id, compressedPayload(encoded(LARGE))));
    await Promise.all(sent);
    assert.deepEqual(order, [2, 1]);
  });

  it('closes the connection for a reply that is malformed once it is inflated', async () => {
    const { peer, call, observed } = await greetedClientRig();
    const sent = call('echo');
    peer.send(compressedResponse(1, compressedPayload(Buffer.alloc(20_000, 0xc1))));
    await assert.rejects(sent.promise, /INTERNAL: the reply is malformed/);
    assert.match(observed.closed[0]!, /the reply is malformed/);
  });

  it('ignores the flag where nothing can be compressed', async () => {
    const { peer, call, settle } = await greetedClientRig();
    const sent = call('echo');
    const body = Buffer.from('0500ffffffff0003626164', 'hex');
    peer.send(rawFrame(FrameType.ERROR, body, 1, COMPRESSED));
    await settle();
    assert.equal(sent.error?.reason, 'bad');
  });

  it('gives the reply that it is inflating when the server ends the connection', async () => {
    const { peer, call, observed } = await greetedClientRig();
    const sent = call('echo');
    peer.send(compressedResponse(1, compressedPayload(encoded(LARGE))));
    peer.stream.end();
    assert.deepEqual(await sent.promise, LARGE);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(observed.closed.length, 1);
  });
});

describe('items that come compressed', () => {
  for (const [what, payload, reason] of brokenPayloads(SMALL)) {
    it(`fail the reader, after the items before, when they have ${what}`, async () => {
      const { peer, host, settle, connection } = await greetedServerRig();
      const seen: unknown[] = [];
      host.methods['collect'] = async function* (items: AsyncIterable<unknown>) {
        for await (const item of items) yield seen.push(item);
      } as never;
      peer.send(
        requestFrame(1, [], { name: ['test', 'collect'], flags: RequestFlag.STREAM }),
        compressedItem(1, compressedPayload(encoded('first'))),
        compressedItem(1, payload),
        rawFrame(FrameType.ITEM, encoded('never'), 1),
      );
      while (host.ended.length === 0) await settle();
      const error = readError(peer.only(FrameType.ERROR));
      assert.match(error.reason, reason);
      assert.deepEqual([seen, connection.running, peer.framesOf(FrameType.GOAWAY).length], [['first'], 0, 0]);
    });
  }

  it('wait as they are: a window of bombs takes the bytes of the window', async () => {
    const { peer, host, settle } = await greetedServerRig();
    host.methods['hold'] = (() => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) })) as never;
    peer.send(requestFrame(1, [], { name: ['test', 'hold'], flags: RequestFlag.STREAM }));
    const value = Buffer.concat([Buffer.from('c6003ffff0', 'hex'), Buffer.alloc(MESSAGE_BYTES - 16)]);
    const bomb = compressedItem(1, compressedPayload(value));
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 15; i++) peer.send(bomb);
    await settle();
    assert.ok(bomb.length < 4_400 && peer.framesOf(FrameType.GOAWAY).length === 0);
    assert.ok(process.memoryUsage().rss - before < 20 * 1024 * 1024);
  });

  it('beyond messageBytes fail their reader, and the connection goes on', async () => {
    const { peer, host, settle } = await greetedServerRig();
    host.methods['collect'] = async function* (items: AsyncIterable<unknown>) {
      for await (const item of items) yield item;
    } as never;
    peer.send(
      requestFrame(1, [], { name: ['test', 'collect'], flags: RequestFlag.STREAM }),
      compressedItem(1, compressedPayload(Buffer.alloc(9), MESSAGE_BYTES + 1)),
      requestFrame(3, ['after']),
    );
    while (peer.framesOf(FrameType.ERROR).length === 0) await settle();
    assert.equal(readError(peer.only(FrameType.ERROR)).code, CODE_NUMBERS.RESOURCE_EXHAUSTED);
    assert.equal(peer.only(FrameType.RESPONSE).id, 3);
  });
});
