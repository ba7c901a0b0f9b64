import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { isLate } from '@org/rpc-core/internal';
import fc from 'fast-check';
import { encoded, hex } from '../../../test/codec-helpers.js';
import { type ClientRig, greetedClientRig, type SentCall } from '../../../test/connection-rig.js';
import { goAwayFrame, rawFrame, responseFrame } from '../../../test/raw-peer.js';
import { FrameType, GoAwayCode } from '../../frames/frame.js';

/** Nothing is left of any call. */
function assertClean({ clock, connection, timers }: ClientRig, sent: readonly SentCall[]): void {
  assert.deepEqual([connection.inFlight, timers.size], [0, 0]);
  for (const { call, settledTimes } of sent) {
    assert.equal(settledTimes, 1);
    assert.deepEqual([call.holder, call.timerSlot], [undefined, -1]);
    if (call.signal !== undefined) assert.equal(getEventListeners(call.signal, 'abort').length, 0);
  }
  assert.equal(clock.pending, 0);
}

describe('a call settles once', () => {
  const LOST = 'UNAVAILABLE maybe-processed';
  for (const [name, end, outcome] of [
    ['its server half-closes', ({ peer }) => peer.stream.end(), LOST],
    ['its connection is dropped by the server', ({ peer }) => peer.stream.destroy(), LOST],
    ['its connection is closed here', ({ connection }) => connection.close('over'), LOST],
    ['the server closes for cause', ({ peer }) => peer.send(goAwayFrame(GoAwayCode.PROTOCOL_ERROR, 'no')), LOST],
    ['a reply comes for the id 0', ({ peer }) => peer.send(responseFrame(0, 1)), LOST],
    ['a frame is beyond all bounds', ({ peer }) => peer.send(rawFrame(3, Buffer.alloc(0), 1, 0, 2 ** 31)), LOST],
    ['its reply is malformed', ({ peer }) => peer.send(rawFrame(3, hex('c1'), 1)), 'INTERNAL processed'],
    ['its reply has metadata that is cut', ({ peer }) => peer.send(rawFrame(3, hex('ff'), 1, 1)), 'INTERNAL processed'],
    ['its error is cut', ({ peer }) => peer.send(rawFrame(4, hex('0501'), 1)), 'INTERNAL processed'],
    [
      'its error has malformed details',
      ({ peer }) => peer.send(rawFrame(4, hex('0501ffffffff0000c1'), 1)),
      'INTERNAL processed',
    ],
    [
      'its reply is larger than a message may be',
      ({ peer }) => peer.send(rawFrame(3, Buffer.alloc(4 * 2 ** 20 + 1), 1)),
      'RESOURCE_EXHAUSTED processed',
    ],
  ] as const satisfies readonly [string, (rig: ClientRig) => void, string][]) {
    it(`when ${name}`, async () => {
      const rig = await greetedClientRig();
      const signal = new AbortController();
      const sent = rig.call('echo', [], { timeoutMs: 50, signal: signal.signal });
      await rig.settle();
      end(rig);
      await rig.settle();
      assert.equal(`${sent.error?.code} ${sent.error?.progress}`, outcome);
      assert.deepEqual([sent.error?.service, sent.error?.method], ['test', 'echo']);
      signal.abort();
      rig.peer.send(responseFrame(1, 'again'));
      await rig.clock.advance(2_000);
      assertClean(rig, [sent]);
    });
  }

  it('and the others on its connection fail with it when its reply is malformed: the bytes cannot be trusted', async () => {
    const rig = await greetedClientRig();
    const sent = [rig.call('echo'), rig.call('echo')];
    rig.peer.send(rawFrame(FrameType.RESPONSE, hex('c1'), 1));
    await rig.clock.advance(1_500);
    assert.deepEqual(
      sent.map(({ error }) => error?.code),
      ['INTERNAL', 'UNAVAILABLE'],
    );
    assert.match(rig.peer.goAway.reason, /^the reply is malformed: .*byte 1: /);
    assertClean(rig, sent);
  });

  for (const [what, reply] of [
    ['a result that nests too deep', rawFrame(FrameType.RESPONSE, hex(`${'91'.repeat(40)}01`), 1)],
    ['a result of too many elements', rawFrame(FrameType.RESPONSE, hex(`dc0bb8${'01'.repeat(3_000)}`), 1)],
    ['a result of a kind that is not known here', rawFrame(FrameType.RESPONSE, hex('d45501'), 1)],
    ['details that nest too deep', rawFrame(FrameType.ERROR, hex(`0501ffffffff0000${'91'.repeat(40)}01`), 1)],
  ] as const)
    it(`and the others go on when it gets ${what}`, async () => {
      const rig = await greetedClientRig({ limits: { messageDepth: 32, messageElements: 2_000 } });
      const sent = [rig.call('echo'), rig.call('echo')];
      rig.peer.send(reply, responseFrame(2, 'fine'));
      await rig.settle();
      assert.deepEqual([sent[0]!.error?.code, sent[0]!.error?.progress], ['INTERNAL', 'processed']);
      assert.match(sent[0]!.error!.reason, /^the reply cannot be taken: cannot decode the message at byte \d+: /);
      assert.deepEqual([sent[1]!.value, rig.connection.isOpen], ['fine', true]);
    });

  it('and the others go on when its reply is too large', async () => {
    const rig = await greetedClientRig({ limits: { messageBytes: 2_000 } });
    const sent = [rig.call('echo'), rig.call('echo')];
    rig.peer.send(rawFrame(FrameType.RESPONSE, Buffer.alloc(8_000), 1), responseFrame(2, 'fine'));
    await rig.settle();
    assert.match(
      sent[0]!.error!.reason,
      /^the reply has 8000 bytes, more than the limit of 2000 \(limits\.messageBytes\)$/,
    );
    assert.equal(sent[1]!.value, 'fine');
    assertClean(rig, sent);
  });
});

describe('a reply that nobody waits for', () => {
  it('is dropped and counted: after a cancel, after the deadline, a second time, for an unknown id', async () => {
    const rig = await greetedClientRig();
    const controller = new AbortController();
    const sent = [
      rig.call('echo', [], { signal: controller.signal }),
      rig.call('echo', [], { timeoutMs: 10 }),
      rig.call('echo'),
    ];
    controller.abort();
    await rig.clock.advance(10);
    const late = [1, 2, 3, 3, 4, 0x8000_0001, 0xffff_ffff].map((id) => responseFrame(id, `to ${id}`));
    rig.peer.send(...late, rawFrame(FrameType.ERROR, hex('0501ffffffff0000'), 1));
    await rig.settle();
    assert.deepEqual(
      sent.map(({ value, error }) => value ?? error?.code),
      ['CANCELLED', 'DEADLINE_EXCEEDED', 'to 3'],
    );
    assert.equal(rig.connection.lateReplies, 7);
    assert.equal(rig.connection.isOpen, true);
    assertClean(rig, sent);
  });

  it('is not even decoded', async () => {
    const rig = await greetedClientRig();
    rig.peer.send(rawFrame(FrameType.RESPONSE, hex('c1'), 5));
    await rig.settle();
    assert.deepEqual([rig.connection.lateReplies, rig.connection.isOpen], [1, true]);
  });

  it('never reaches a later call, however many calls come between', async () => {
    const rig = await greetedClientRig();
    const slow = rig.call('echo', [], { timeoutMs: 5 });
    await rig.clock.advance(5);
    const { id } = slow.call;
    for (let i = 0; i < 40_000; i++) {
      const { call } = rig.call('echo');
      assert.notEqual(call.id, id);
      rig.connection.frame(FrameType.RESPONSE, 0, call.id, hex('01'), 0, 1, rig.clock.now());
    }
    await rig.settle();
    assert.equal(rig.connection.inFlight, 0);
  }).timeout(20_000);
});

describe('a reply that comes when this process was busy', () => {
  it('wins over a deadline that passed meanwhile, when it lay in the socket', async () => {
    const rig = await greetedClientRig();
    const [answered, lost] = [rig.call('echo', [], { timeoutMs: 50 }), rig.call('echo', [], { timeoutMs: 50 })];
    await rig.settle();
    // The timer runs at 90: at that moment the bytes are there, but unread.
    rig.clock.schedule(40, () => {
      const now = rig.clock.now;
      rig.clock.now = () => now.call(rig.clock) + 60;
    });
    rig.clock.schedule(50, () => rig.peer.send(responseFrame(1, 'just in time')));
    await rig.clock.advance(100);
    assert.deepEqual([answered.value, answered.error], ['just in time', undefined]);
    assert.equal(lost.error?.code, 'DEADLINE_EXCEEDED');
    assert.equal(isLate(lost.error!), true);
    assert.equal(rig.peer.framesOf(FrameType.PING).length, 0, 'nothing is held against the server');
    await rig.clock.advance(300);
    assertClean(rig, [answered, lost]);
  });
});

describe('calls, whatever the server and the caller do', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('call' as const), n: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('reply' as const), n: fc.nat(15) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), n: fc.nat(15) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), n: fc.nat(15) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), n: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const), n: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), n: fc.nat(2) }) },
  );

  it('settle exactly once, by their deadline, with their own reply or an error', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const rig = await greetedClientRig();
      const { clock, connection, peer } = rig;
      const sent: (SentCall & { abort(): void })[] = [];
      for (const { do: what, n } of steps) {
        const target = sent[n % Math.max(1, sent.length)];
        if (what === 'call') {
          const controller = new AbortController();
          const call = rig.call('echo', [], { timeoutMs: n, signal: controller.signal });
          sent.push(Object.assign(call, { abort: () => controller.abort() }));
        } else if (what === 'reply' && target !== undefined) peer.send(responseFrame(target.call.id, target.call.id));
        else if (what === 'fail' && target !== undefined)
          peer.send(rawFrame(FrameType.ERROR, Buffer.concat([hex('0501ffffffff0000'), encoded(1)]), target.call.id));
        else if (what === 'abort') target?.abort();
        else if (what === 'advance') await clock.advance(n);
        else if (what === 'drain') peer.send(goAwayFrame(GoAwayCode.DRAINING, 'bye'));
        else if (n === 0) peer.stream.end();
        else if (n === 1) connection.close('over');
        else peer.stream.destroy();
      }
      await clock.advance(61);
      for (const { value, error, call } of sent) assert.ok(error !== undefined || value === call.id);
      await clock.advance(1_000);
      assertClean(rig, sent);
    });
    await fc.assert(property, { numRuns: 300, seed: 8 });
  });
});
