import assert from 'node:assert/strict';
import { Call, DEFAULT_LIMITS, type RetryLaterOptions, type RpcError, type Service } from '@org/rpc-core';
import { POLICIES, resolvePolicy, rpcError } from '@org/rpc-core/internal';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { msgpack } from '@org/rpc-wire';
import { KeptCalls } from './kept-calls.js';
import { retryLater } from './retry-later.js';

const down = (progress: RpcError['progress'] = 'unsent') => rpcError('UNAVAILABLE', 'down', { progress });

/** Calls whose attempts end as `send` says, and what is told of them. */
function scene(
  send: (args: readonly unknown[], call: Call) => void,
  given: RetryLaterOptions | boolean = true,
  seed = 1,
) {
  const clock = new FakeClock();
  const events: [name: string, event: { method: string; count?: number; reason?: string }][] = [];
  const kept = new KeptCalls(
    { clock, random: seededRandom(seed), codec: msgpack(), limits: DEFAULT_LIMITS },
    {
      sent: (event) => events.push(['retriedLater', event]),
      dropped: (event) => events.push(['dropped', event]),
    },
  );
  const layer = retryLater({
    now: () => resolvePolicy('test', POLICIES.retryLater, given as RetryLaterOptions) as never,
    timeoutMs: () => 1_000,
    untilReady: async () => {},
    kept,
  });
  const next: Service = async (call) => send(call.args, call);
  const notify = (args: unknown[], change?: (call: Call) => void) => {
    const call = new Call({ service: 'shop', method: 'note', wireName: new Uint8Array() }, args, true);
    change?.(call);
    return layer(next)(call);
  };
  return { clock, events, kept, notify };
}

/** Lets the clock run; every step gives promises their turn. */
async function run(clock: FakeClock, ms: number, stepMs = 10): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await clock.advance(stepMs);
    for (let turn = 0; turn < 12; turn++) await Promise.resolve();
  }
}

describe('one-way calls that are sent later', () => {
  it('are kept when they were not started, and sent in order with the arguments and metadata that they had', async () => {
    let isUp = false;
    const sent: unknown[] = [];
    const { clock, events, kept, notify } = scene((args, { metadata }) => {
      if (!isUp) throw down();
      sent.push([args, metadata]);
    });
    const entry = { text: 'first' };
    const metadata = { tenant: 'a' };
    assert.equal(await notify([entry], (call) => (call.metadata = metadata)), undefined);
    await notify(['second']);
    entry.text = 'changed';
    metadata.tenant = 'b';
    assert.equal(kept.size, 2);
    isUp = true;
    await run(clock, 200);
    assert.deepEqual(sent, [
      [[{ text: 'first' }], { tenant: 'a' }],
      [['second'], undefined],
    ]);
    assert.deepEqual([kept.size, events.map(([name]) => name)], [0, ['retriedLater', 'retriedLater']]);
    await run(clock, 1_000);
    assert.equal(sent.length, 2);
  });

  it('are not kept when they may have been sent, when the error is another one, or when it is off', async () => {
    const errors = [
      down('maybe-processed'),
      down('processed'),
      rpcError('DEADLINE_EXCEEDED', 'late', { progress: 'maybe-processed' }),
      rpcError('UNAUTHENTICATED', 'who', { progress: 'refused' }),
    ];
    for (const error of errors) {
      const { kept, notify } = scene(() => {
        throw error;
      });
      await assert.rejects(notify([]), error);
      assert.equal(kept.size, 0);
    }
    const off = scene(() => {
      throw down();
    }, false);
    await assert.rejects(off.notify([]), { code: 'UNAVAILABLE' });
  });

  it('are kept when their time ended before they were sent, and have a time of their own then', async () => {
    let isUp = false;
    const lefts: number[] = [];
    const { clock, kept, notify } = scene((_, call) => {
      if (!isUp) throw rpcError('DEADLINE_EXCEEDED', 'no time left while waiting for a node', { progress: 'unsent' });
      lefts.push(call.deadline - clock.now());
    });
    await notify([1], (call) => (call.deadline = clock.now() + 5));
    assert.equal(kept.size, 1);
    await run(clock, 100);
    isUp = true;
    await run(clock, 500);
    assert.deepEqual([kept.size, lefts], [0, [1_000]]);
  });

  it('are no more than their bounds say', async () => {
    const fail = () => {
      throw down();
    };
    const few = scene(fail, { max: 2 });
    await few.notify([1]);
    await few.notify([2]);
    await assert.rejects(few.notify([3]), /RESOURCE_EXHAUSTED.*2 one-way calls are kept already.*retryLater\.max/);
    const small = scene(fail, { maxBytes: 1_024 });
    await small.notify(['x'.repeat(900)]);
    await assert.rejects(small.notify(['x'.repeat(900)]), /RESOURCE_EXHAUSTED.*bytes.*retryLater\.maxBytes/);
    assert.deepEqual([few.kept.size, small.kept.size], [2, 1]);
    few.kept.close();
    small.kept.close();
  });

  it('are given up when they are too old, and what is left when the client closes is told', async () => {
    const { clock, events, kept, notify } = scene(
      () => {
        throw down();
      },
      { forMs: 1_000 },
    );
    await notify([1]);
    await notify([2]);
    await run(clock, 1_100);
    assert.deepEqual(events, [
      ['dropped', { service: 'shop', method: 'note', count: 2, reason: 'expired', error: undefined }],
    ]);
    await notify([3]);
    kept.close();
    kept.close();
    assert.deepEqual([events.at(-1)?.[1].reason, events.length, kept.size], ['closed', 2, 0]);
    await assert.rejects(notify([4]), { code: 'UNAVAILABLE' });
    await run(clock, 100);
    assert.equal(clock.pending, 0);
  });

  it('reach a server at most once each, and each is told of once, whatever their attempts end with', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const reached = new Map<number, number>();
      let rejected = 0;
      const max = 5 + (seed % 4) * 5;
      const { clock, events, kept, notify } = scene(
        ([id]) => {
          const chance = random();
          if (chance < 0.6) throw down(chance < 0.3 ? 'unsent' : 'refused');
          if (chance < 0.65) throw rpcError('RESOURCE_EXHAUSTED', 'full', { progress: 'refused', retryAfterMs: 200 });
          reached.set(id as number, (reached.get(id as number) ?? 0) + 1);
          if (chance < 0.8) throw down('maybe-processed');
        },
        { max, forMs: 2_000 },
        seed,
      );
      let direct = 0;
      for (let id = 0; id < 60; id++) {
        const before = kept.size;
        const isKept = notify([id]).then(
          () => {
            if (kept.size === before) direct++;
          },
          () => rejected++,
        );
        await isKept;
        assert.ok(kept.size <= max);
        if (random() < 0.3) await run(clock, 50);
      }
      if (seed % 3 > 0) await run(clock, 5_000, 50);
      kept.close();
      await run(clock, 50);
      assert.ok(
        [...reached.values()].every((times) => times === 1),
        `seed ${seed}`,
      );
      const told = events.reduce((sum, [, { count = 1 }]) => sum + count, 0);
      assert.deepEqual([told + rejected + direct, kept.size], [60, 0], `seed ${seed}`);
    }
  });
});
