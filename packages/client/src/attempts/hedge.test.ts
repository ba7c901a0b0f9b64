import assert from 'node:assert/strict';
import {
  type AbandonReason,
  Call,
  type Code,
  type Destination,
  type HedgeOptions,
  type Outcome,
  type RpcError,
  type Service,
} from '@org/rpc-core';
import { allowManyCalls, cancelledError, fuseGates, POLICIES, resolvePolicy, rpcError } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { RetryBudget } from '../policy/retry-budget.js';
import { type HedgeEvent, type HedgeValues, hedge } from './hedge.js';

/** How one attempt goes: after so long, with a code or a result. */
interface Step {
  readonly afterMs: number;
  readonly code?: Code;
  readonly progress?: RpcError['progress'];
  /** Whether it finds no node: it is never sent. */
  readonly isUnsent?: boolean;
}

/** A hedged method over scripted attempts, each on another node. */
class Scene {
  readonly clock = new FakeClock(1_000);
  readonly budget = new RetryBudget('test', { percent: 100, minPerSecond: 100 });
  readonly sent: { readonly at: number; readonly attempt: Call }[] = [];
  readonly abandoned: { readonly at: number; readonly node: string; readonly reason: AbandonReason | undefined }[] = [];
  readonly settled: Outcome[] = [];
  readonly events: HedgeEvent[] = [];
  readonly controller = manyCallsController();
  readyCount = 3;
  call!: Call;
  result: unknown;
  error: RpcError | undefined;
  endedAt = 0;
  percentileMs: number | undefined = 40;
  earlyMs: number | undefined;
  #values: HedgeValues = this.options({ delayMs: 10, maxPercent: 100 });
  #steps: readonly Step[] = [];
  readonly #serve: Service = hedge({
    now: () => this.#values,
    percentileMs: () => this.percentileMs,
    earlyMs: () => this.earlyMs,
    budget: this.budget,
    clock: this.clock,
    readyCount: () => this.readyCount,
    onHedge: (event) => this.events.push(event),
  })((attempt) => this.#send(attempt));

  options(given: HedgeOptions): HedgeValues {
    return { ...resolvePolicy('test', POLICIES.hedge, given), delayMs: given.delayMs };
  }

  use(given: HedgeOptions): this {
    this.#values = this.options({ maxPercent: 100, ...given });
    return this;
  }

  start(steps: readonly Step[], change?: (call: Call) => void): this {
    this.#steps = steps;
    const before = this.sent.length;
    this.sent.splice(0, before);
    const call = new Call({ service: 'shop', method: 'find', wireName: new Uint8Array() }, [], false);
    call.createdAt = this.clock.now();
    call.deadline = call.createdAt + 1_000;
    call.idempotent = true;
    call.signal = this.controller.signal;
    call.callGate = fuseGates([this.budget, { settle: (_, outcome) => this.settled.push(outcome) }]);
    call.callGate.enter(call);
    change?.(call);
    this.call = call;
    this.#serve(call).then(
      (value) => {
        this.result = value;
        this.endedAt = this.clock.now();
      },
      (error: RpcError) => {
        this.error = error;
        this.endedAt = this.clock.now();
      },
    );
    return this;
  }

  async run(steps: readonly Step[], change?: (call: Call) => void): Promise<this> {
    this.start(steps, change);
    await this.clock.advance(1_000);
    return this;
  }

  #send(attempt: Call): Promise<unknown> {
    const step = this.#steps[this.sent.length]!;
    this.sent.push({ at: this.clock.now() - this.call.createdAt, attempt });
    const node: Destination = { address: `10.0.0.${this.sent.length}:4399` };
    return new Promise((resolve, reject) => {
      attempt.resolve = resolve;
      attempt.reject = reject;
      if (!step.isUnsent) {
        attempt.destination = node;
        attempt.startedAt = this.clock.now();
      }
      const end = (error: RpcError | undefined): void => {
        cancel();
        attempt.holder = undefined;
        attempt.endedAt = this.clock.now();
        if (error === undefined) attempt.succeed(node.address);
        else attempt.fail(error);
      };
      const cancel = this.clock.schedule(step.afterMs, () =>
        end(step.code && rpcError(step.code, 'scripted', { progress: step.progress ?? 'maybe-processed' })),
      );
      attempt.holder = {
        expire: () => end(rpcError('DEADLINE_EXCEEDED', 'late', { progress: 'maybe-processed' })),
        abandon: (_, error, reason) => {
          this.abandoned.push({ at: this.clock.now() - this.call.createdAt, node: node.address, reason });
          end(error);
        },
      };
      this.controller.signal.addEventListener('abort', () => end(cancelledError(attempt)));
    });
  }
}

function manyCallsController(): AbortController {
  const controller = new AbortController();
  allowManyCalls(controller.signal);
  return controller;
}

const slow = { afterMs: 500 };
const ok = { afterMs: 5 };

describe('hedge', () => {
  it('leaves a call alone that is answered in time', async () => {
    const scene = await new Scene().run([ok]);
    assert.deepEqual([scene.result, scene.sent.length, scene.clock.pending], ['10.0.0.1:4399', 1, 0]);
  });

  it('sends a slow call to another node, takes its answer, and cancels the slow attempt with the reason', async () => {
    const scene = await new Scene().run([slow, ok]);
    assert.deepEqual([scene.result, scene.endedAt - scene.call.createdAt], ['10.0.0.2:4399', 15]);
    assert.deepEqual(scene.abandoned, [{ at: 15, node: '10.0.0.1:4399', reason: 'hedge lost' }]);
    assert.deepEqual(scene.settled, [undefined]);
    assert.equal(scene.call.destination?.address, '10.0.0.2:4399');
    const where = { endpoint: '10.0.0.1:4399', instance: undefined };
    assert.deepEqual(scene.events, [{ service: 'shop', method: 'find', ...where, delayMs: 10 }]);
    assert.equal(scene.clock.pending, 0);
  });

  it('takes the first answer when it comes after all before that of the hedge', async () => {
    const scene = await new Scene().run([{ afterMs: 12 }, slow]);
    assert.deepEqual([scene.result, scene.abandoned[0]?.node], ['10.0.0.1:4399', '10.0.0.2:4399']);
  });

  it('tells pickers where the call already is', async () => {
    const scene = await new Scene().run([slow, ok]);
    assert.deepEqual(
      scene.call.rivals?.map(({ address }) => address),
      ['10.0.0.1:4399'],
    );
    assert.deepEqual([scene.sent[0]!.attempt.isHedge, scene.sent[1]!.attempt.isHedge], [false, true]);
  });

  it('waits for the slow attempt when the hedge fails: a winner must succeed', async () => {
    const scene = await new Scene().run([slow, { afterMs: 1, code: 'NOT_FOUND', progress: 'processed' }]);
    assert.deepEqual([scene.result, scene.endedAt - scene.call.createdAt], ['10.0.0.1:4399', 500]);
  });

  it('never ends a call before its time because the hedge has had none', async () => {
    // One that waited for its last attempt only as long as for the one before would lose answers that are merely slow.
    const scene = await new Scene().use({ delayMs: 10, max: 2 }).run([slow, { afterMs: 600 }, { afterMs: 700 }]);
    assert.deepEqual([scene.result, scene.endedAt - scene.call.createdAt], ['10.0.0.1:4399', 500]);
  });

  it('fails when all attempts have, with an answer rather than a loss, and a record of each', async () => {
    const lost = { afterMs: 20, code: 'UNAVAILABLE' } as const;
    const answered = { afterMs: 2, code: 'NOT_FOUND', progress: 'processed' } as const;
    const scene = await new Scene().run([lost, answered]);
    assert.equal(scene.error?.code, 'NOT_FOUND');
    // The layer above records the one that it is given.
    assert.deepEqual(
      scene.call.attempts?.map(({ endpoint, code }) => [endpoint, code]),
      [['10.0.0.1:4399', 'UNAVAILABLE']],
    );
    assert.equal(scene.call.destination?.address, '10.0.0.2:4399');
    assert.deepEqual(scene.settled, []);
  });

  it('leaves a call that fails before its time to retries', async () => {
    const scene = await new Scene().run([{ afterMs: 5, code: 'UNAVAILABLE' }, ok]);
    assert.deepEqual([scene.error?.code, scene.sent.length, scene.clock.pending], ['UNAVAILABLE', 1, 0]);
  });

  it('says nothing of a hedge that found no other node', async () => {
    const steps = [{ afterMs: 30, code: 'UNAVAILABLE' } as const];
    const nowhere = { afterMs: 0, code: 'UNAVAILABLE', progress: 'unsent', isUnsent: true } as const;
    const scene = await new Scene().run([...steps, nowhere]);
    assert.deepEqual([scene.error?.progress, scene.call.attempts], ['maybe-processed', undefined]);
  });

  it('sends one more each time that the delay has passed, up to its maximum', async () => {
    const scene = await new Scene().use({ delayMs: 10, max: 2 }).run([slow, slow, ok]);
    assert.deepEqual(
      scene.sent.map(({ at }) => at),
      [0, 10, 20],
    );
    assert.deepEqual(
      scene.abandoned.map(({ node, reason }) => [node, reason]),
      [
        ['10.0.0.1:4399', 'hedge lost'],
        ['10.0.0.2:4399', 'hedge lost'],
      ],
    );
  });

  it('sends all at once without a delay, and asks no budget for it', async () => {
    const scene = new Scene().use({ delayMs: 0, max: 2, maxPercent: 0 });
    scene.budget.withdraw = () => false;
    await scene.run([slow, { afterMs: 3 }, slow]);
    assert.deepEqual(
      scene.sent.map(({ at }) => at),
      [0, 0, 0],
    );
    assert.deepEqual([scene.result, scene.abandoned.length], ['10.0.0.2:4399', 2]);
  });

  it('waits as long as the percentile says, and not at all for one of which too little is known', async () => {
    const scene = await new Scene().use({ percentile: 95 }).run([slow, ok]);
    assert.equal(scene.sent[1]!.at, 40);
    scene.percentileMs = undefined;
    await scene.run([slow, ok]);
    assert.equal(scene.sent.length, 1);
  });

  it('waits less at a node that is known to be slow, for its first hedge, unless the time is fixed', async () => {
    const scene = new Scene().use({ percentile: 95, max: 2 });
    scene.earlyMs = 7;
    await scene.run([slow, slow, ok]);
    assert.deepEqual(
      scene.sent.map(({ at }) => at),
      [0, 7, 47],
    );
    assert.deepEqual(
      scene.events.map(({ delayMs }) => delayMs),
      [7, 40],
    );
    await scene.use({ delayMs: 10 }).run([slow, ok]);
    assert.equal(scene.sent[1]!.at, 10);
    scene.earlyMs = 70;
    await scene.use({ percentile: 95 }).run([slow, ok]);
    assert.equal(scene.sent[1]!.at, 40);
  });

  it('never sends a call that is not idempotent, one-way or repeated already', async () => {
    const changes: ((call: Call) => void)[] = [
      (call) => {
        call.idempotent = false;
      },
      (call) => {
        Object.defineProperty(call, 'oneWay', { value: true });
      },
      (call) => {
        call.attempt = 1;
      },
    ];
    for (const change of changes) {
      const scene = await new Scene().run([slow, ok], change);
      assert.deepEqual([scene.sent.length, scene.sent[0]!.attempt === scene.call], [1, true]);
    }
  });

  it('sends none where there is no other node, and none for a call that waits for one', async () => {
    const alone = new Scene();
    alone.readyCount = 1;
    await alone.run([slow, ok]);
    const waiting = await new Scene().run([{ ...slow, isUnsent: true }, ok]);
    assert.deepEqual([alone.sent.length, waiting.sent.length], [1, 1]);
  });

  it('sees the trial of a node to its end', async () => {
    const scene = new Scene().start([slow, ok]);
    scene.sent[0]!.attempt.isTrial = true;
    await scene.clock.advance(1_000);
    assert.equal(scene.sent.length, 1);
  });

  it('adds no more than its share, and what it saves is little', async () => {
    const scene = new Scene().use({ delayMs: 10, maxPercent: 2 });
    let hedged = 0;
    for (let i = 0; i < 1_000; i++) {
      scene.start([{ afterMs: 15 }, { afterMs: 15 }]);
      await scene.clock.advance(20);
      hedged += scene.sent.length - 1;
    }
    assert.ok(hedged >= 18 && hedged <= 24, `${hedged}`);
  });

  it('draws on the budget that retries have, and stops when that is used up', async () => {
    const scene = new Scene();
    scene.budget.withdraw = () => false;
    await scene.run([slow, ok]);
    assert.equal(scene.sent.length, 1);
    // Its place among the repeats in flight is given back.
    assert.deepEqual(
      [1, 2, 3].map(() => scene.budget.tryBegin()),
      [true, true, true],
    );
  });

  it('ends all attempts with their caller', async () => {
    const scene = new Scene().start([slow, slow]);
    await scene.clock.advance(20);
    scene.controller.abort();
    await scene.clock.advance(0);
    assert.deepEqual([scene.error?.code, scene.clock.pending], ['CANCELLED', 0]);
  });

  it('is not hasty where the loop was busy: what has come meanwhile is read first', async () => {
    const scene = new Scene().start([{ afterMs: 10 }]);
    await scene.clock.advance(100);
    assert.equal(scene.sent.length, 1);
  });
});
