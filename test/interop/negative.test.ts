import assert from 'node:assert/strict';
import { FrameType, GoAwayCode } from '../../packages/wire/src/frames/frame.js';
import { encoded } from '../../packages/wire/test/codec-helpers.js';
import { goAwayFrame, helloFrame, rawFrame, responseFrame } from '../../packages/wire/test/raw-peer.js';
import { rawServerRig } from '../conformance/raw-rig.js';
import { TestService } from './service.js';

const PAYLOAD = new Uint8Array(314_159);
const LOST = { code: 'UNAVAILABLE', progress: 'maybe-processed' };

describe("the negative cases of gRPC's interoperability tests, played by raw peers", () => {
  it('goaway: what is in flight is still answered, and the next call goes over a new connection', async () => {
    const { clock, client, peers, request } = rawServerRig();
    const { UnaryCall } = client.service(TestService);
    const first = UnaryCall({});
    const { peer, frame } = await request();
    peer.send(goAwayFrame(GoAwayCode.DRAINING, 'maintenance'), responseFrame(frame.id, PAYLOAD));
    await clock.advance(100);
    assert.equal((await first).length, 314_159);
    // Idle, the client has ended its side; a server closes then. The next call comes a second later, as in the description.
    assert.equal(peer.isEnded, true);
    peer.stream.end();
    await clock.advance(1_000);
    assert.equal(peers.length, 2);
    const second = UnaryCall({});
    const other = await request();
    assert.notEqual(other.peer, peer);
    other.peer.send(responseFrame(other.frame.id, PAYLOAD));
    await clock.advance(10);
    assert.equal((await second).length, 314_159);
    assert.equal(peer.framesOf(FrameType.REQUEST).length, 1);
    await client.close();
  });

  // HTTP/2 resets a stream; here whoever can't go on with a reply has only the connection to end.
  for (const [name, cut] of [
    ['rst_after_header', 10],
    ['rst_during_data', 157_000],
  ] as const) {
    it(`${name}: a reply that is cut off is no reply, and a method that is not idempotent is not repeated`, async () => {
      const { clock, client, peers, request } = rawServerRig();
      const result = client.service(TestService).UnaryCall({});
      const { peer, frame } = await request();
      peer.send(responseFrame(frame.id, PAYLOAD).subarray(0, cut));
      await clock.advance(1);
      peer.stream.destroy();
      await Promise.all([assert.rejects(result, LOST), clock.advance(1_000)]);
      assert.equal(peers.flatMap((one) => one.framesOf(FrameType.REQUEST)).length, 1);
      await client.close();
    });
  }

  it('rst_after_data: a single reply that came whole counts, whatever happens to its connection then', async () => {
    const { clock, client, request } = rawServerRig();
    const result = client.service(TestService).UnaryCall({});
    const { peer, frame } = await request();
    peer.send(responseFrame(frame.id, PAYLOAD));
    await clock.advance(1);
    peer.stream.destroy();
    await clock.advance(10);
    assert.equal((await result).length, 314_159);
    await client.close();
  });

  it('rst_after_data: a stream without its END fails after the items that came', async () => {
    const { clock, client, request } = rawServerRig();
    const items = client
      .service(TestService)
      .StreamingOutputCall([{ size: 9 }])
      [Symbol.asyncIterator]();
    const first = items.next();
    const { peer, frame } = await request();
    peer.send(rawFrame(FrameType.ITEM, encoded(new Uint8Array(9)), frame.id));
    await clock.advance(1);
    peer.stream.destroy();
    assert.equal(((await first) as { value: Uint8Array }).value.length, 9);
    await Promise.all([assert.rejects(items.next(), LOST), clock.advance(10)]);
    await client.close();
  });

  it('ping: every PING is answered with its own eight bytes, before, between and after the parts of a reply', async () => {
    const { clock, client, request } = rawServerRig();
    const result = client.service(TestService).UnaryCall({});
    const { peer, frame } = await request();
    const ping = (text: string): Buffer => rawFrame(FrameType.PING, Buffer.from(text));
    const second = client.service(TestService).UnaryCall({});
    await clock.advance(1);
    const other = peer.framesOf(FrameType.REQUEST)[1]!;
    peer.send(ping('ping-001'), responseFrame(frame.id, PAYLOAD), ping('ping-002'));
    peer.send(responseFrame(other.id, PAYLOAD), ping('ping-003'));
    await clock.advance(10);
    assert.deepEqual([(await result).length, (await second).length], [314_159, 314_159]);
    assert.deepEqual(
      peer.framesOf(FrameType.PONG).map(({ body }) => body.toString()),
      ['ping-001', 'ping-002', 'ping-003'],
    );
    await client.close();
  });

  it('max_streams: a server that takes one call at a time never gets two', async () => {
    const { clock, client, peers } = rawServerRig({ greet: false, concurrency: { max: 1, queue: 10 } });
    const { UnaryCall } = client.service(TestService);
    const results = Array.from({ length: 10 }, () => UnaryCall({}));
    await clock.advance(1);
    const [peer] = peers;
    peer!.send(helloFrame({ callsInFlight: 1 }));
    for (let call = 0; call < 10; call++) {
      await clock.advance(1);
      const requests = peer!.framesOf(FrameType.REQUEST);
      assert.equal(requests.length, call + 1);
      peer!.send(responseFrame(requests[call]!.id, call));
    }
    await clock.advance(1);
    assert.deepEqual(await Promise.all(results), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await client.close();
  });

  it('max_streams: calls beyond what the server takes wait for room, and are not sent before', async () => {
    const { clock, client, request } = rawServerRig({ hello: { callsInFlight: 1 } });
    const { UnaryCall } = client.service(TestService);
    const first = UnaryCall({});
    const { peer, frame } = await request();
    const second = UnaryCall({});
    await clock.advance(1);
    assert.equal(peer.framesOf(FrameType.REQUEST).length, 1);
    peer.send(responseFrame(frame.id, 'one'));
    await clock.advance(1);
    assert.equal(await first, 'one');
    const requests = peer.framesOf(FrameType.REQUEST);
    assert.equal(requests.length, 2);
    peer.send(responseFrame(requests[1]!.id, 'two'));
    await clock.advance(1);
    assert.equal(await second, 'two');
    await client.close();
  });
});
