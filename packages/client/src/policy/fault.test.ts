import assert from 'node:assert/strict';
import type { FaultOptions, RpcError } from '@org/rpc-core';
import { fuseGates, POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { aCall, refuse } from '../../test/picker-scene.js';
import { type FaultValues, fault } from './fault.js';

/** Makes so many calls of a method that answers at once. @returns how each ended, and when */
async function outcomes(
  given: FaultOptions | false,
  calls = 1_000,
): Promise<{ ends: string[]; errors: RpcError[]; settled: number; sent: number }> {
  const clock = new FakeClock(1_000);
  const values = resolvePolicy('test', POLICIES.fault, given) as FaultValues;
  const ends: string[] = [];
  const errors: RpcError[] = [];
  let settled = 0;
  let sent = 0;
  const serve = fault({ now: () => values, clock, random: seededRandom(1), refuse })(() => {
    sent++;
    return Promise.resolve('done');
  });
  for (let i = 0; i < calls; i++) {
    const call = aCall();
    call.createdAt = clock.now();
    call.deadline = clock.now() + 500;
    call.callGate = fuseGates([{ settle: () => settled++ }]);
    serve(call).then(
      () => ends.push(`done ${clock.now() - 1_000}`),
      (error: RpcError) => {
        errors.push(error);
        ends.push(`${error.code} ${clock.now() - 1_000}`);
      },
    );
  }
  await clock.advance(1_000);
  return { ends, errors, settled, sent };
}

const count = (ends: readonly string[], end: string): number => ends.filter((each) => each === end).length;

describe('faults on purpose', () => {
  it('are none unless they are asked for', async () => {
    for (const given of [false, {}, { errorPercent: 0 }] as const)
      assert.equal(count((await outcomes(given)).ends, 'done 0'), 1_000);
  });

  it('let a share of the calls fail, which are not sent and are settled', async () => {
    const { ends, settled, sent } = await outcomes({ errorPercent: 30, code: 'INTERNAL' });
    const failed = count(ends, 'INTERNAL 0');
    assert.ok(failed > 250 && failed < 350, `${failed}`);
    assert.deepEqual([settled, sent, ends.length], [failed, 1_000 - failed, 1_000]);
    assert.equal(count((await outcomes({ errorPercent: 100 })).ends, 'UNAVAILABLE 0'), 1_000);
  });

  it('delay a share of the calls, and those end by their deadline whose delay is longer', async () => {
    const { ends } = await outcomes({ delayMs: 100, delayPercent: 50 });
    assert.ok(count(ends, 'done 0') > 430 && count(ends, 'done 0') + count(ends, 'done 100') === 1_000);
    const late = await outcomes({ delayMs: 600 }, 10);
    assert.deepEqual([count(late.ends, 'DEADLINE_EXCEEDED 500'), late.settled, late.sent], [10, 10, 0]);
    assert.match(late.errors[0]!.message, /no time left while waiting for a delay on purpose to end \(fault\)/);
  });

  it('leave a share of the calls without an answer until their deadline', async () => {
    const { ends, settled, sent } = await outcomes({ dropPercent: 20 });
    const dropped = count(ends, 'DEADLINE_EXCEEDED 500');
    assert.ok(dropped > 150 && dropped < 250, `${dropped}`);
    assert.deepEqual([settled, sent], [dropped, 1_000 - dropped]);
  });

  it('refuse what is no code', () => {
    const given = { code: 'BROKEN' } as never;
    assert.throws(
      () => resolvePolicy('createClient', POLICIES.fault, given),
      /code must be one of .*UNAVAILABLE.*, got "BROKEN"/,
    );
  });
});
