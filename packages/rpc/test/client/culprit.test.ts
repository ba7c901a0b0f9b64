import assert from 'node:assert/strict';
import type { CallPhase, RpcError } from '@org/rpc-core';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { CulpritScene, Work } from './culprit-scene.js';

/** So many times each fault is made. */
const TIMES = 25;

const random = seededRandom(2);
const between = (from: number, to: number): number => from + random() * (to - from);

/** Makes a fault and a call that fails of it; gives the error of the call. */
type Fault = (scene: CulpritScene, timeoutMs: number) => Promise<RpcError | undefined>;

async function failing(scene: CulpritScene, ms: number, timeoutMs: number): Promise<RpcError | undefined> {
  const call = scene.call(ms, timeoutMs);
  await scene.clock.advance(2 * timeoutMs);
  return await call;
}

const FAULTS: readonly { readonly what: string; readonly culprit: CallPhase; readonly make: Fault }[] = [
  {
    what: 'an event loop that is busy',
    culprit: 'loop',
    async make(scene, timeoutMs) {
      await scene.ready();
      const call = scene.call(timeoutMs / 2, timeoutMs);
      scene.block(between(0.55, 1.5) * timeoutMs);
      await scene.clock.advance(2 * timeoutMs);
      return await call;
    },
  },
  {
    what: 'a port at which nobody listens',
    culprit: 'connection',
    make(scene, timeoutMs) {
      scene.network.isRefusing = true;
      scene.list();
      return failing(scene, 1, timeoutMs);
    },
  },
  {
    what: 'a network that swallows all',
    culprit: 'network',
    async make(scene, timeoutMs) {
      await scene.ready();
      scene.network.isHole = true;
      return await failing(scene, 1, timeoutMs);
    },
  },
  {
    what: 'a queue at the server',
    culprit: 'queue',
    async make(scene, timeoutMs) {
      await scene.ready();
      void scene.call(100_000, 200_000);
      return await failing(scene, 1, timeoutMs);
    },
  },
  {
    what: 'a slow handler',
    culprit: 'handler',
    async make(scene, timeoutMs) {
      await scene.ready();
      return await failing(scene, between(1.05, 10) * timeoutMs, timeoutMs);
    },
  },
  {
    what: 'a slow network',
    culprit: 'network',
    async make(scene, timeoutMs) {
      await scene.ready();
      scene.network.delayMs = between(0.5, 2) * timeoutMs;
      return await failing(scene, 1, timeoutMs);
    },
  },
  {
    what: 'a registry without an instance',
    culprit: 'registry',
    make(scene, timeoutMs) {
      if (random() < 0.5) scene.registry.publish('work', []);
      return failing(scene, 1, timeoutMs);
    },
  },
];

describe('the error of a call that had no time left', () => {
  for (const { what, culprit, make } of FAULTS) {
    it(`names the culprit: ${what}`, async () => {
      const found: (string | undefined)[] = [];
      for (let i = 0; i < TIMES; i++) {
        const isQueued = culprit === 'queue';
        await using scene = new CulpritScene({}, isQueued ? { max: 1, queue: 100 } : undefined);
        const error = await make(scene, Math.round(between(20, 2_000)));
        found.push(error?.spent?.culprit ?? error?.message ?? 'it went well');
      }
      const wrong = found.filter((each) => each !== culprit);
      assert.ok(wrong.length <= TIMES / 20, `${wrong.length} of ${TIMES} are wrong: ${wrong.join(', ')}`);
    });
  }

  it('says in one line where the time went', async () => {
    await using scene = new CulpritScene();
    await scene.ready();
    scene.network.delayMs = 20;
    const error = await failing(scene, 500, 200);
    assert.match(
      error!.message,
      /^[^\n]+; at fault: the handler at 10\.0\.0\.1:4399 \[a\], or a call of its own, which had it for 180 of 200 ms \(network 20 ms\)$/,
    );
    const phases = { handler: 180, network: 20 };
    assert.deepEqual(error!.spent, {
      totalMs: 200,
      phases,
      culprit: 'handler',
      endpoint: '10.0.0.1:4399',
      instance: 'a',
    });
    assert.deepEqual(JSON.parse(JSON.stringify(error!.spent)), error!.spent);
  });

  it('names the call for which a handler has waited, and the instance of that', async () => {
    const clock = new FakeClock(1_000);
    await using back = new CulpritScene({}, undefined, clock);
    await back.ready();
    const stub = back.client.service(Work);
    const run = async (ms: number): Promise<number> => {
      if (ms > 50) await new Promise<void>((resolve) => clock.schedule(30, resolve));
      return await stub.run(ms);
    };
    await using front = new CulpritScene({}, undefined, clock, run);
    await front.ready();
    const error = await failing(front, 500, 200);
    assert.match(
      error!.message,
      /; at fault: work\.run at \[a\], for which the handler at 10\.0\.0\.1:4399 \[a\] waited for 170 of 200 ms \(handler 30 ms\)$/,
    );
    const { culprit, downstream, instance } = error!.spent!;
    assert.deepEqual(
      [culprit, downstream, instance],
      ['downstream', { service: 'work', method: 'run', instance: 'a' }, 'a'],
    );
    assert.equal(error!.spent!.phases.downstream, error!.attempts[0]!.phases!.downstream);
  });

  it('blames the handler for what it does besides, and when its call has been answered', async () => {
    const clock = new FakeClock(1_000);
    await using back = new CulpritScene({}, undefined, clock);
    await back.ready();
    const run = async (ms: number): Promise<number> => {
      await back.client.service(Work).run(10);
      return await new Promise((resolve) => clock.schedule(ms, () => resolve(ms)));
    };
    await using front = new CulpritScene({}, undefined, clock, run);
    await front.ready();
    const error = await failing(front, 500, 200);
    assert.equal(error?.spent?.culprit, 'handler');
    assert.equal(error?.spent?.downstream, undefined);
  });

  it('counts what the client let it wait for', async () => {
    await using scene = new CulpritScene({ concurrency: { max: 1, queue: 10 } });
    await scene.ready();
    const first = scene.call(150, 1_000);
    const error = await failing(scene, 500, 200);
    await first;
    assert.equal(error?.spent?.culprit, 'limits');
    assert.match(error!.message, /at fault: a limit of this client, which let it wait for 151 of 200 ms/);
  });

  it('says so of a call that was never sent, as it waited for a limit all its time', async () => {
    await using scene = new CulpritScene({ concurrency: { max: 1, queue: 10 } });
    await scene.ready();
    const first = scene.call(500, 1_000);
    const error = await failing(scene, 500, 200);
    await scene.clock.advance(500);
    await first;
    assert.match(
      error!.message,
      /^DEADLINE_EXCEEDED: work\.run took longer than 200 ms, the timeoutMs of the call \(no time left while waiting for one of the 1 calls of .* under way to end\); at fault: a limit of this client, which let it wait for 200 of 200 ms$/,
    );
    assert.deepEqual(error!.spent, { totalMs: 200, phases: { limits: 200 }, culprit: 'limits' });
    assert.deepEqual([error!.timeLimit?.setBy, error!.progress], ['call', 'unsent']);
  });

  it('names a fault that was made on purpose', async () => {
    await using failed = new CulpritScene({ fault: { errorPercent: 100 } });
    failed.list();
    const error = await failing(failed, 10, 200);
    assert.deepEqual([error!.code, error!.spent?.culprit], ['UNAVAILABLE', 'fault']);
    await using dropped = new CulpritScene({ fault: { dropPercent: 100 } });
    dropped.list();
    assert.match(
      (await failing(dropped, 10, 200))!.message,
      /; at fault: a fault that was made on purpose, for 200 of 200 ms/,
    );
  });

  it('counts all attempts', async () => {
    await using scene = new CulpritScene({ retry: { max: 1 } });
    await scene.ready();
    scene.network.isHole = true;
    const stub = scene.client.call('work', 'run', [1], { timeoutMs: 300, attemptTimeoutMs: 120, idempotent: true });
    const failed = assert.rejects(stub, (error: RpcError) => {
      assert.equal(error.attempts.length, 2);
      assert.equal(error.spent?.culprit, 'network');
      assert.ok((error.spent?.phases.network ?? 0) >= 238, JSON.stringify(error.spent));
      return true;
    });
    await scene.clock.advance(400);
    await failed;
  });
});
