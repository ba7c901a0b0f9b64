import assert from 'node:assert/strict';
import { hex } from '../../../test/codec-helpers.js';
import { message } from '../../../test/message-pack-rpc-peer.js';
import { answersTo, held, messagePackRpcRig as rig } from '../../../test/message-pack-rpc-rig.js';

const ECHO = message(0, 1, 'test.echo', ['hi']);
const ECHOED = [1, 1, null, 'hi'];

describe('a connection of MessagePack-RPC', () => {
  it('is closed when its first message is not whole in time', async () => {
    const { clock, connection, peer, settle } = rig();
    peer.send(ECHO.subarray(0, 5));
    await clock.advance(5_001);
    connection.tick(clock.now());
    await settle();
    assert.match(String((peer.messages[0] as unknown[])[2]), /limits\.handshakeMs/);
    assert.ok(peer.hasEnded);
  });

  it('is closed when a later message is not whole in time, however its bytes drip', async () => {
    const { clock, connection, peer, settle } = rig();
    peer.send(ECHO);
    for (let i = 0; i < 8; i++) {
      peer.send(ECHO.subarray(i, i + 1));
      await clock.advance(5_000);
      connection.tick(clock.now());
    }
    await settle();
    assert.match(String((peer.messages[1] as unknown[])[2]), /limits\.frameStallMs/);
  });

  it('is closed when a message is more than four times as large as it may be', async () => {
    const { messages, hasEnded } = await answersTo(hex('94 00 01 a1 61 91 c6 00 01 00 00'), {
      limits: { messageBytes: 1024 },
    });
    assert.match(String((messages[0] as unknown[])[2]), /more than 4096 bytes/);
    assert.ok(hasEnded);
  });

  for (const step of [1, 7, 1_000, 5_000])
    it(`goes on when a message is larger than it may be, in pieces of ${step} bytes; its call alone is refused`, async () => {
      const { peer, host, settle } = rig({ limits: { messageBytes: 1024 } });
      const [request, note, answer] = [
        message(0, 7, 'echo', ['x'.repeat(4_000)]),
        message(2, 'echo', ['x'.repeat(3_000)]),
        message(1, 7, null, 'x'.repeat(2_000)),
      ];
      const bytes = Buffer.concat([
        ECHO,
        request,
        note,
        answer,
        message(0, 2, 'echo', ['x'.repeat(1_024 - 11)]),
        message(0, 3, 'echo', ['x'.repeat(1_024 - 12)]),
      ]);
      for (let at = 0; at < bytes.length; at += step) peer.send(bytes.subarray(at, at + step));
      await settle();
      const tooLong = (length: number) =>
        `RESOURCE_EXHAUSTED: the request has ${length} bytes, the limit is 1024 (limits.messageBytes)`;
      assert.deepEqual(peer.messages.slice(0, 3), [
        ECHOED,
        [1, 7, tooLong(request.length), null],
        [1, 2, tooLong(1_025), null],
      ]);
      assert.equal((peer.messages[3] as unknown[])[1], 3);
      assert.deepEqual([peer.messages.length, peer.hasEnded, host.calls.length], [4, false, 2]);
    });

  it('names the call when the rest of a message that is larger than it may be does not come', async () => {
    const { clock, connection, peer, settle } = rig({ limits: { messageBytes: 1024 } });
    peer.send(message(0, 7, 'echo', ['x'.repeat(4_000)]).subarray(0, 3_000));
    await clock.advance(5_001);
    connection.tick(clock.now());
    await settle();
    assert.deepEqual([(peer.messages[0] as unknown[])[1], peer.hasEnded], [7, true]);
  });

  it('is not read from while the peer does not read, and dropped when it never does', async () => {
    const { clock, connection, peer, host, settle } = rig({ limits: { writeQueueBytes: 1024 } });
    peer.pause();
    const request = message(0, 1, 'echo', ['x'.repeat(2_000)]);
    peer.send(request);
    await settle();
    peer.send(request);
    await settle();
    assert.equal(host.calls.length, 1);
    connection.tick(clock.now());
    await clock.advance(10_001);
    connection.tick(clock.now());
    await settle();
    assert.match(host.closedReasons[0]!, /limits\.writeStallMs/);
  });

  it('refuses new calls once the server says so, and ends with its last answer', async () => {
    const { connection, peer, host, settle } = rig();
    const waiting = held(host, 'wait');
    peer.send(message(0, 1, 'wait', []));
    await settle();
    connection.drain('going');
    connection.refuseNew('going');
    peer.send(ECHO.subarray(0), message(0, 2, 'echo', []));
    await settle();
    assert.deepEqual((peer.messages[1] as unknown[])[2], 'UNAVAILABLE: going');
    assert.ok(!peer.hasEnded);
    waiting[0]!('done');
    await settle();
    assert.deepEqual(peer.messages.at(-1), [1, 1, null, 'done']);
    assert.ok(peer.hasEnded);
    assert.deepEqual(host.closedReasons, ['going']);
  });

  it('answers what runs when the peer has ended its side', async () => {
    const { peer, host, settle } = rig();
    const waiting = held(host, 'wait');
    peer.send(message(0, 1, 'wait', []));
    peer.end();
    await settle();
    waiting[0]!('done');
    await settle();
    assert.deepEqual(peer.messages, [[1, 1, null, 'done']]);
    assert.equal(host.closedReasons.length, 1);
  });

  it('aborts what runs when it is lost', async () => {
    const { peer, host, settle } = rig();
    held(host, 'wait');
    peer.send(message(0, 1, 'wait', []));
    await settle();
    const { signal } = host.calls[0]!;
    peer.destroy();
    await settle();
    assert.ok(signal.aborted);
    assert.equal(host.closedReasons.length, 1);
  });
});
