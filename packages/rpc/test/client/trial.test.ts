import assert from 'node:assert/strict';
import { type ObservedAttempt, observe, type RpcError } from '@org/rpc-core';
import { TownScene } from './town-scene.js';

/** Every attempt that ends while `run` runs. */
async function attemptsOf(run: () => Promise<void>): Promise<ObservedAttempt[]> {
  const attempts: ObservedAttempt[] = [];
  const watching = observe({
    attempt: ({ type, attempt }) => {
      if (type === 'attemptEnd') attempts.push(attempt);
    },
  });
  await run();
  watching.close();
  return attempts;
}

/** A town of which one instance is ejected, and holds what it is given from then on. */
async function withEjected(): Promise<TownScene> {
  const scene = await new TownScene().open(3);
  scene.deeds.set('a', 'fail');
  for (let i = 0; i < 5; i++) await scene.client.broadcast('town', 'go', [], { idempotent: true, retry: false });
  assert.ok(scene.state.nodes.find(({ instance }) => instance === 'a')!.ejected);
  scene.deeds.set('a', 'hold');
  return scene;
}

describe('a call that is the trial of an instance that had been left out', () => {
  it('says so in its error and to who watches, and what would have helped', async () => {
    const scene = await withEjected();
    let error: RpcError | undefined;
    const attempts = await attemptsOf(async () => {
      for (let i = 0; i < 30 && error === undefined; i++) {
        scene.client.call('town', 'buy', [], { timeoutMs: 300 }).catch((thrown: RpcError) => {
          error = thrown;
        });
        await scene.pass(2_000);
      }
    });
    const trial = error!.attempts[0]!.trial;
    assert.equal(trial?.fault, 'ejected');
    assert.ok(trial!.forMs > 2_000, `${trial!.forMs}`);
    assert.match(
      error!.message,
      /h:0 \[a\] no reply in 300 ms, as its trial: it had been ejected for \d+(\.\d)? s; not retried: the method is not marked idempotent, or this trial would have been repeated elsewhere for nothing/,
    );
    assert.equal(error!.instance, 'a');
    assert.deepEqual(
      attempts.filter((attempt) => attempt.trial !== undefined).map(({ instance }) => instance),
      ['a'],
    );
    await scene.close();
  });

  it('is repeated elsewhere for nothing where it may be', async () => {
    const scene = await withEjected();
    const attempts = await attemptsOf(async () => {
      for (let i = 0; i < 20; i++) {
        assert.match((await scene.call({ timeoutMs: 2_000, attemptTimeoutMs: 300 })).end!, /^[bc]$/);
        await scene.pass(2_000);
      }
    });
    const [trial] = attempts.filter((attempt) => attempt.trial !== undefined);
    assert.deepEqual([trial?.instance, trial?.error?.code], ['a', 'DEADLINE_EXCEEDED']);
    assert.deepEqual(trial?.phases, { handler: 300 }, 'the phases of an attempt that has failed');
    await scene.close();
  });
});
