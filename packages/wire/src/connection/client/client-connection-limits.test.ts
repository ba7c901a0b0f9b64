import assert from 'node:assert/strict';
import { clientRig, greetedClientRig, makeCall, send } from '../../../test/connection-rig.js';
import { goAwayFrame, helloFrame, responseFrame } from '../../../test/raw-peer.js';
import { CodecError } from '../../codec/codec.js';
import { FrameType, GoAwayCode } from '../../frames/frame.js';

describe('a call that cannot be sent', () => {
  it('fails alone: the other calls of the same tick go out whole', async () => {
    const rig = await greetedClientRig();
    const before = rig.call('echo', ['before']);
    const wrong = rig.call('echo', ['x'.repeat(100_000), { deep: [Symbol('no')] }]);
    const after = rig.call('echo', ['after']);
    await rig.settle();
    const { code, progress, reason, cause } = wrong.error!;
    assert.deepEqual([code, progress, wrong.settledTimes], ['INVALID_ARGUMENT', 'unsent', 1]);
    assert.match(reason, /^test\.echo cannot be sent: /);
    assert.ok(cause instanceof CodecError);
    const ids = rig.peer.framesOf(FrameType.REQUEST).map(({ id }) => id);
    assert.deepEqual(ids, [before.call.id, after.call.id]);
    rig.peer.send(...ids.map((id) => responseFrame(id, id)));
    await rig.settle();
    assert.deepEqual([before.value, after.value, rig.connection.inFlight], [...ids, 0]);
  });

  it('fails alone when its metadata is wrong', async () => {
    const rig = await greetedClientRig();
    const sent = rig.call('echo', [], { metadata: { 'Not Allowed': 'x' } });
    await rig.settle();
    assert.deepEqual([sent.error?.code, sent.error?.progress], ['INVALID_ARGUMENT', 'unsent']);
    assert.match(sent.error!.reason, /metadata key "Not Allowed"/);
    assert.equal(rig.peer.framesOf(FrameType.REQUEST).length, 0);
  });

  it('fails alone when it is larger than the server takes, to the byte', async () => {
    const rig = clientRig();
    rig.peer.send(helloFrame({ messageBytes: 2_000 }));
    await rig.settle();
    const room = 2_000 - 8 - 2 - 'testecho'.length - 1 - 3;
    const [fits, large] = [rig.call('echo', ['x'.repeat(room)]), rig.call('echo', ['x'.repeat(room + 1)])];
    await rig.settle();
    assert.equal(rig.peer.only(FrameType.REQUEST).body.length, 2_000);
    assert.equal(fits.settledTimes, 0);
    assert.deepEqual([large.error?.code, large.error?.progress], ['RESOURCE_EXHAUSTED', 'unsent']);
    assert.equal(large.error!.reason, 'the request has 2001 bytes, the server takes 2000 (limits.messageBytes)');
    assert.equal(rig.connection.inFlight, 1);
  });

  it('is bounded by its own limit when the server takes more, and before the server has greeted', async () => {
    for (const greeting of [[helloFrame({ messageBytes: 2 ** 31 })], []]) {
      const rig = clientRig({ limits: { messageBytes: 1_500 } });
      rig.peer.send(...greeting);
      await rig.settle();
      const sent = rig.call('echo', ['x'.repeat(1_500)]);
      await rig.settle();
      assert.match(sent.error!.reason, /the server takes 1500/);
    }
  });

  it('waits while sixteen went out to a server that has not said a word: with it, the others are lost as never sent', async () => {
    const rig = clientRig();
    const calls = Array.from({ length: 20 }, (_, i) => rig.call('echo', [i]));
    await rig.settle();
    assert.equal(rig.peer.framesOf(FrameType.REQUEST).length, 16);
    rig.peer.stream.destroy();
    await rig.settle();
    const progress = calls.map(({ error }) => error?.progress);
    assert.deepEqual(progress, [...Array(16).fill('maybe-processed'), ...Array(4).fill('unsent')]);
  });

  it('goes out with the HELLO of the server it waited for', async () => {
    const rig = clientRig();
    for (let i = 0; i < 40; i++) rig.call('echo', [i]);
    await rig.settle();
    rig.peer.send(helloFrame());
    await rig.settle();
    assert.equal(rig.peer.framesOf(FrameType.REQUEST).length, 40);
  });

  it('waits while as many are in flight as the server takes, and goes out with what is left of its deadline', async () => {
    const rig = clientRig({ limits: { callsInFlight: 5 } });
    rig.peer.send(helloFrame({ callsInFlight: 2 }));
    await rig.settle();
    rig.call('echo');
    assert.equal(rig.connection.isFull, false);
    rig.call('echo');
    assert.equal(rig.connection.isFull, true);
    const waits = rig.call('echo', [], { timeoutMs: 1_000 });
    await rig.clock.advance(400);
    assert.deepEqual([rig.peer.framesOf(FrameType.REQUEST).length, rig.connection.inFlight], [2, 3]);
    rig.peer.send(responseFrame(1, 'ok'));
    await rig.settle();
    const { id, body } = rig.peer.framesOf(FrameType.REQUEST)[2]!;
    assert.equal(body.readUInt32BE(0), 600);
    rig.peer.send(responseFrame(id, 'late, but fine'), responseFrame(2, 'ok'));
    await rig.settle();
    assert.deepEqual([waits.value, rig.connection.isFull, rig.connection.inFlight], ['late, but fine', false, 0]);
  });

  it('waits no longer than its deadline or its caller: nothing of it was sent', async () => {
    const rig = await greetedClientRig({ limits: { callsInFlight: 1 } });
    rig.call('echo', [], { timeoutMs: 60_000 });
    const controller = new AbortController();
    const late = rig.call('echo', [], { timeoutMs: 100 });
    await rig.clock.advance(100);
    assert.deepEqual([late.error?.code, late.error?.progress], ['DEADLINE_EXCEEDED', 'unsent']);
    assert.equal(late.error!.reason, 'not sent in 100 ms');
    const given = rig.call('echo', [], { signal: controller.signal });
    controller.abort();
    await rig.settle();
    assert.deepEqual([given.error?.code, given.error?.progress], ['CANCELLED', 'unsent']);
    assert.deepEqual([rig.peer.framesOf(FrameType.CANCEL).length, rig.connection.inFlight], [0, 1]);
    const lost = rig.call('echo');
    rig.connection.close('the endpoint is gone');
    await rig.settle();
    assert.deepEqual([lost.error?.code, lost.error?.progress], ['UNAVAILABLE', 'unsent']);
  });

  it('waits as a one-way call too, in the order in which they came', async () => {
    const rig = clientRig();
    rig.peer.send(helloFrame({ callsInFlight: 1 }));
    await rig.settle();
    rig.call('echo');
    const [note, next] = [rig.call('note', [], { oneWay: true }), rig.call('echo')];
    await rig.settle();
    assert.equal(note.settledTimes, 0);
    rig.peer.send(responseFrame(1, 'ok'));
    await rig.settle();
    assert.deepEqual([note.settledTimes, note.error, next.settledTimes], [1, undefined, 0]);
    assert.deepEqual(
      rig.peer.framesOf(FrameType.REQUEST).map(({ id }) => id),
      [1, 0, 2],
    );
  });

  it('is refused when as many wait already, by its own limit before the server has greeted', async () => {
    const rig = clientRig({ limits: { callsInFlight: 1 } });
    rig.call('echo');
    const waits = rig.call('echo');
    const refused = rig.call('echo');
    await rig.settle();
    assert.deepEqual(
      [waits.settledTimes, refused.error?.code, refused.error?.progress],
      [0, 'RESOURCE_EXHAUSTED', 'unsent'],
    );
    assert.match(refused.error!.reason, /1 calls wait.*limits\.callsInFlight/);
  });

  it('is refused as unsent on a connection that is closed', async () => {
    const rig = await greetedClientRig();
    rig.connection.close('the endpoint is gone');
    const sent = rig.call('echo');
    await rig.settle();
    assert.deepEqual([sent.error?.code, sent.error?.progress], ['UNAVAILABLE', 'unsent']);
    assert.equal(sent.error!.reason, 'the endpoint is gone');
    assert.deepEqual([rig.connection.isOpen, rig.observed.closed], [false, ['the endpoint is gone']]);
  });

  it('is refused as unsent between a GOAWAY for cause and the end of the connection', async () => {
    const rig = await greetedClientRig();
    rig.peer.send(goAwayFrame(GoAwayCode.LIMIT, 'too much'));
    await rig.settle();
    const sent = send(rig.connection, makeCall(rig.clock, 'echo', []));
    await rig.settle();
    assert.equal(sent.error?.progress, 'unsent');
  });
});

describe('a connection that drains', () => {
  for (const [name, last] of [
    ['is answered', async (rig, abort) => void [rig.peer.send(responseFrame(1, 'last')), abort]],
    ['expires', async (rig) => rig.clock.advance(100)],
    ['is cancelled', async (_rig, abort) => abort()],
    [
      'has too large an answer',
      async (rig) => rig.peer.send(Buffer.from('00400001030000000001', 'hex'), Buffer.alloc(2 ** 22 + 1)),
    ],
  ] as const satisfies readonly [
    string,
    (rig: Awaited<ReturnType<typeof greetedClientRig>>, abort: () => void) => Promise<void>,
  ][]) {
    it(`takes no new calls, and half-closes when the last one in flight ${name}`, async () => {
      const rig = await greetedClientRig();
      const controller = new AbortController();
      const inFlight = rig.call('echo', [], { timeoutMs: 100, signal: controller.signal });
      rig.peer.send(goAwayFrame(GoAwayCode.DRAINING, 'shutting down'));
      await rig.settle();
      const refused = rig.call('echo');
      await rig.settle();
      assert.deepEqual([refused.error?.code, refused.error?.progress], ['UNAVAILABLE', 'unsent']);
      assert.deepEqual([rig.observed.draining, rig.connection.isOpen], [['shutting down'], false]);
      assert.deepEqual([inFlight.settledTimes, rig.peer.isEnded], [0, false]);
      await last(rig, () => controller.abort());
      await rig.settle();
      assert.deepEqual([inFlight.settledTimes, rig.peer.isEnded, rig.peer.isClosed], [1, true, false]);
      rig.peer.stream.end();
      await rig.settle();
      assert.deepEqual(rig.observed.closed, ['the connection was closed by the other end']);
    });
  }

  it('half-closes at once when it is idle, by its own wish or that of the server', async () => {
    for (const own of [true, false]) {
      const rig = await greetedClientRig();
      if (own) rig.connection.drain();
      else rig.peer.send(goAwayFrame(GoAwayCode.DRAINING, 'bye'));
      await rig.settle();
      assert.equal(rig.peer.isEnded, true);
      assert.equal(rig.connection.isOpen, false);
    }
  });

  it('sends what was to be sent before it half-closes', async () => {
    const rig = await greetedClientRig();
    const note = rig.call('note', ['last'], { oneWay: true });
    rig.connection.drain();
    await rig.settle();
    assert.deepEqual([note.settledTimes, note.error], [1, undefined]);
    assert.equal(rig.peer.framesOf(FrameType.REQUEST).length, 1);
    assert.equal(rig.peer.isEnded, true);
  });
});
