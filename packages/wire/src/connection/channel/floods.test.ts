import assert from 'node:assert/strict';
import { rpcError } from '@org/rpc-core/internal';
import { greetedClientRig, greetedServerRig, serverRig } from '../../../test/connection-rig.js';
import { goAwayFrame, helloFrame, rawFrame, requestFrame } from '../../../test/raw-peer.js';
import { FrameType, GoAwayCode, PREFACE, RequestFlag } from '../../frames/frame.js';

const PING = rawFrame(FrameType.PING, Buffer.from('01234567'));
const times = (count: number, frame: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => frame));
const cancel = (id: number): Buffer => rawFrame(FrameType.CANCEL, Buffer.from([1]), id);

describe('PINGs', () => {
  it('are answered with their own bytes', async () => {
    for (const { peer, settle } of [await greetedServerRig(), await greetedClientRig()]) {
      peer.send(PING);
      await settle();
      assert.equal(peer.only(FrameType.PONG).body.toString(), '01234567');
    }
  });

  it('have eight bytes', async () => {
    for (const length of [0, 7, 9]) {
      const { peer, settle } = await greetedServerRig();
      peer.send(rawFrame(FrameType.PING, Buffer.alloc(length)));
      await settle();
      assert.equal(peer.goAway.reason, `a PING has 8 bytes, not ${length}`);
    }
  });

  it('close the connection when they are too many in ten seconds, and are as many again after that', async () => {
    const { clock, peer, settle } = await greetedServerRig();
    peer.send(times(100, PING));
    await clock.advance(10_000);
    peer.send(times(100, PING));
    await settle();
    assert.equal(peer.framesOf(FrameType.PONG).length, 200);
    peer.send(PING);
    await settle();
    assert.deepEqual(peer.goAway, { code: GoAwayCode.LIMIT, reason: 'too many PINGs (limits.pings)' });
  });
});

describe('frames that are ignored', () => {
  it('are skipped: types, flags and bodies of a later version', async () => {
    const { peer, settle } = await greetedServerRig();
    peer.send(
      rawFrame(99, Buffer.alloc(5_000), 3, 0xff),
      rawFrame(0),
      rawFrame(13),
      requestFrame(1, ['x'], { flags: 0xa0 }),
    );
    await settle();
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
    assert.equal(peer.only(FrameType.RESPONSE).id, 1);
  });

  for (const [name, frame, what] of [
    ['unknown types', rawFrame(99), 'unknown frame type 99'],
    ['PONGs that nobody asked for', rawFrame(FrameType.PONG, Buffer.alloc(8)), 'a PONG that was not asked for'],
  ] as const) {
    it(`close the connection when they are too many: ${name}`, async () => {
      for (const { peer, settle } of [await greetedServerRig(), await greetedClientRig()]) {
        peer.send(times(100, frame));
        await settle();
        assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
        peer.send(frame);
        await settle();
        assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
        assert.ok(peer.goAway.reason.includes(what));
      }
    });
  }

  it('close the connection when they are too many: GOAWAYs', async () => {
    const { observed, call, peer, settle } = await greetedClientRig();
    call('echo');
    peer.send(times(101, goAwayFrame(GoAwayCode.DRAINING, 'bye')));
    await settle();
    assert.deepEqual(observed.draining, ['bye']);
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
    peer.send(goAwayFrame(GoAwayCode.DRAINING, 'bye'));
    await settle();
    assert.match(peer.goAway.reason, /one more GOAWAY \(limits\.ignoredFrames\)$/);
  });

  it('do not add up with an answer to a PING of this side', async () => {
    const { clock, connection, peer, settle } = await greetedServerRig({ limits: { ignoredFrames: 1 } });
    for (let i = 0; i < 5; i++) {
      await clock.advance(10_001);
      connection.tick(clock.now());
      peer.send(rawFrame(FrameType.PONG, Buffer.alloc(8)));
      await settle();
    }
    assert.equal(peer.framesOf(FrameType.PING).length, 5);
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
  });
});

describe('GOAWAYs with a long reason', () => {
  it('are remembered in part', async () => {
    const { observed, peer, settle } = await greetedClientRig();
    peer.send(goAwayFrame(GoAwayCode.DRAINING, 'x'.repeat(1_000_000)));
    await settle();
    assert.equal(observed.draining[0]?.length, 900);
  });

  it('may be empty', async () => {
    const { observed, peer, settle } = await greetedClientRig();
    peer.send(rawFrame(FrameType.GOAWAY));
    await settle();
    assert.deepEqual(observed.draining, ['']);
  });
});

describe('CANCELs', () => {
  it('are as many as there were calls, in bursts of any size, and a thousand more', async () => {
    const { clock, peer, settle } = await greetedServerRig();
    for (let id = 1; id <= 3_000; id++) peer.send(requestFrame(id));
    await clock.advance(60_000);
    for (let id = 1; id <= 3_000; id++) peer.send(cancel(id));
    peer.send(times(1_000, cancel(1)));
    await settle();
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
    peer.send(cancel(1));
    await settle();
    assert.deepEqual(peer.goAway, {
      code: GoAwayCode.LIMIT,
      reason: 'too many CANCELs of calls that were not made (limits.cancels)',
    });
  });

  it('are not paid for by one-way calls, which cannot be cancelled', async () => {
    const { peer, settle } = await greetedServerRig({ limits: { cancels: 10 } });
    peer.send(times(50, requestFrame(0, [], { flags: RequestFlag.ONE_WAY })), times(11, cancel(1)));
    await settle();
    assert.equal(peer.goAway.code, GoAwayCode.LIMIT);
  });

  it('do not free the places of handlers that still run: rapid reset gets no more of them', async () => {
    const { host, peer, settle } = await greetedServerRig({ limits: { callsInFlight: 5 } });
    host.methods['hang'] = () => new Promise(() => {});
    for (let id = 1; id <= 50; id++) peer.send(requestFrame(id, [], { name: ['test', 'hang'] }), cancel(id));
    await settle();
    assert.equal(host.calls.length, 5);
    assert.equal(peer.framesOf(FrameType.ERROR).length, 45);
    assert.ok(host.calls.every(({ signal }) => signal.aborted));
  });
});

describe('frames that do not end', () => {
  it('close the connection after frameStallMs, also when single bytes keep coming', async () => {
    const { clock, connection, host, peer, settle } = await greetedServerRig();
    const frame = requestFrame(1, ['x'.repeat(1_000)]);
    for (let second = 0; second <= 30; second++) {
      assert.deepEqual(host.closedReasons, []);
      peer.send(frame.subarray(second, second + 1));
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    await settle();
    assert.deepEqual(host.closedReasons, []);
    await clock.advance(1_000);
    connection.tick(clock.now());
    await settle();
    assert.deepEqual(peer.goAway, {
      code: GoAwayCode.TIMEOUT,
      reason: 'a frame was not whole within 30000 ms (limits.frameStallMs)',
    });
  });

  it('do not close a connection on which frames do end, however slowly', async () => {
    const { clock, connection, host, peer } = await greetedServerRig({ limits: { frameStallMs: 3_000 } });
    const frame = requestFrame(1);
    const third = Math.ceil(frame.length / 3);
    for (let i = 0; i < 20; i++) {
      for (let part = 0; part < 3; part++) {
        peer.send(frame.subarray(part * third, (part + 1) * third));
        await clock.advance(1_000);
        connection.tick(clock.now());
      }
    }
    assert.deepEqual(host.closedReasons, []);
    assert.equal(host.calls.length, 20);
  });

  it('are dropped without a trace when the peer ends in the middle', async () => {
    const { host, peer, settle } = serverRig();
    peer.send(PREFACE, helloFrame(), requestFrame(1).subarray(0, -1));
    peer.stream.end();
    await settle();
    assert.deepEqual([host.calls.length, peer.isEnded, peer.isClosed], [0, true, true]);
    assert.equal(peer.framesOf(FrameType.GOAWAY).length, 0);
  });
});

describe('one-way calls that are refused', () => {
  const hanging = requestFrame(0, [], { flags: RequestFlag.ONE_WAY, name: ['test', 'hang'] });
  const rig = async () => {
    const made = await greetedServerRig({ limits: { callsInFlight: 2 } });
    made.host.methods['hang'] = () => new Promise(() => {});
    return made;
  };

  it('are nobody’s fault, however many, whatever the reason', async () => {
    for (const state of ['serves', 'drains', 'refuses', 'sheds', 'lacks the method']) {
      const { connection, host, peer, settle } = await rig();
      if (state === 'drains') connection.drain('bye');
      else if (state === 'refuses') connection.refuseNew('bye');
      else if (state === 'sheds') host.admission = rpcError('RESOURCE_EXHAUSTED', 'busy');
      else if (state === 'lacks the method') delete host.methods['hang'];
      peer.send(times(1_000, hanging));
      await settle();
      assert.deepEqual([state, peer.isEnded, host.calls.length <= 2], [state, false, true]);
    }
  });
});

describe('what is paid for by its sender', () => {
  it('are empty items that a handler reads: each costs credit, and few grants come back', async () => {
    const { host, peer, settle } = await greetedServerRig();
    let taken = 0;
    host.methods['read'] = async function* (items: AsyncIterable<unknown>) {
      for await (const _ of items) taken++;
      yield taken;
    };
    peer.send(requestFrame(1, [], { flags: RequestFlag.STREAM, name: ['test', 'read'] }));
    const empty = rawFrame(FrameType.ITEM, Buffer.alloc(0), 1);
    for (let i = 0; i < 10; i++) {
      peer.send(times(30_000, empty));
      await settle();
    }
    assert.deepEqual([taken, peer.isEnded], [300_000, false]);
    const grants = peer.framesOf(FrameType.CREDIT).filter(({ id }) => id === 1);
    assert.ok(grants.length <= 10, `${grants.length} grants`);
  });

  it('are refusals that it does not read: no more requests are looked at', async () => {
    const { peer, settle } = await greetedServerRig({ limits: { writeQueueBytes: 10_000 } });
    const unknown = times(100, requestFrame(1, [], { name: ['test', 'nothing'] }));
    peer.stream.pause();
    for (let i = 0; i < 100; i++) {
      peer.send(unknown);
      await settle();
    }
    const { queuedBytes } = peer.stream;
    assert.ok(queuedBytes > 90 * unknown.length, `${queuedBytes} bytes wait, the rest was read`);
    peer.stream.resume();
    await settle();
    assert.equal(peer.framesOf(FrameType.ERROR).length, 10_000);
  });
});
