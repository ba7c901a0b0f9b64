import assert from 'node:assert/strict';
import { Call, type Code, type Outcome, type Progress, RpcError, type Service } from '@org/rpc-core';
import { fuseGates, POLICIES, resolvePolicy, rpcError } from '@org/rpc-core/internal';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { RetryBudget } from '../policy/retry-budget.js';
import { type RetryEvent, retry } from './retry.js';

/** What one attempt does: how long it takes, and how it fails; no code is success. */
interface Step {
  readonly afterMs: number;
  readonly code?: Code;
  readonly progress?: Progress;
  readonly retryAfterMs?: number;
  readonly final?: boolean;
  /** The time that the attempt has; none when left out. */
  readonly attemptMs?: number;
}

interface Sent {
  readonly at: number;
  readonly attempt: number;
}

/** Runs one call through the retry layer against scripted attempts, each at a node of its own. */
class Scene {
  readonly clock = new FakeClock(1_000);
  readonly budget = new RetryBudget('test');
  readonly sent: Sent[] = [];
  readonly events: RetryEvent[] = [];
  readonly settled: Outcome[] = [];
  readonly controller = new AbortController();
  result: unknown;
  error: RpcError | undefined;

  start(
    steps: readonly Step[],
    options: {
      max?: number;
      idempotent?: boolean;
      timeoutMs?: number;
      oneWay?: boolean;
      readyCount?: number;
      /** The one of all nodes; left out: each has its own. */
      address?: string;
      seed?: number;
    } = {},
  ) {
    const {
      max = 2,
      idempotent = true,
      timeoutMs = 1_000,
      oneWay = false,
      readyCount = 1,
      seed = 1,
      address,
    } = options;
    const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], oneWay);
    call.createdAt = this.clock.now();
    call.deadline = call.createdAt + timeoutMs;
    call.idempotent = idempotent;
    call.signal = this.controller.signal;
    call.callGate = fuseGates([this.budget, { settle: (_, outcome) => this.settled.push(outcome) }]);
    call.callGate.enter(call);
    const { clock, budget } = this;
    const onRetry = (event: RetryEvent) => this.events.push(event);
    const next: Service = (attempt) => this.#attempt(attempt, steps[this.sent.length]!, address);
    const random = seededRandom(seed);
    const serve = retry({ max, budget, clock, random, onRetry, readyCount: () => readyCount })(next);
    serve(call).then(
      (value) => {
        this.result = value;
      },
      (error) => {
        this.error = error;
      },
    );
  }

  async run(...args: Parameters<Scene['start']>): Promise<this> {
    this.start(...args);
    await this.clock.advance(10_000);
    return this;
  }

  #attempt(attempt: Call, step: Step, address?: string): Promise<unknown> {
    const { clock } = this;
    const { afterMs, code, progress = 'maybe-processed', retryAfterMs, final } = step;
    attempt.startedAt = clock.now();
    attempt.attemptDeadline = clock.now() + (step.attemptMs ?? Number.POSITIVE_INFINITY);
    const instance = `${this.sent.length + 1}`;
    attempt.destination = address === undefined ? { address: `10.0.0.${instance}:4399` } : { address, instance };
    this.sent.push({ at: clock.now() - 1_000, attempt: attempt.attempt });
    return new Promise((resolve, reject) => {
      attempt.resolve = resolve;
      attempt.reject = reject;
      clock.schedule(afterMs, () => {
        attempt.endedAt = clock.now();
        if (code === undefined) attempt.succeed('done');
        else attempt.fail(rpcError(code, 'scripted', { progress, retryAfterMs, final }));
      });
    });
  }
}

const failed = (code: Code, progress: Progress, retryAfterMs?: number): Step =>
  retryAfterMs === undefined ? { afterMs: 10, code, progress } : { afterMs: 10, code, progress, retryAfterMs };
const OK: Step = { afterMs: 10 };

describe('retry', () => {
  it('forwards a call that succeeds', async () => {
    const scene = await new Scene().run([OK]);
    assert.equal(scene.result, 'done');
    assert.equal(scene.sent.length, 1);
    assert.deepEqual(scene.settled, [undefined]);
  });

  it('repeats an idempotent call after a backoff of at most 25 and 50 ms, and settles it once', async () => {
    const lost = failed('UNAVAILABLE', 'maybe-processed');
    const scene = await new Scene().run([lost, lost, OK]);
    assert.equal(scene.result, 'done');
    assert.deepEqual(
      scene.sent.map(({ attempt }) => attempt),
      [0, 1, 2],
    );
    const [first, second, third] = scene.sent.map(({ at }) => at);
    assert.ok(second! - first! > 10 && second! - first! <= 35, `waited ${second! - first! - 10} ms`);
    assert.ok(third! - second! > 10 && third! - second! <= 60, `waited ${third! - second! - 10} ms`);
    assert.deepEqual(scene.settled, [undefined]);
  });

  it('repeats an attempt whose time was over also when its server was the first to say so', async () => {
    const ended = (afterMs: number): Step => ({ ...failed('DEADLINE_EXCEEDED', 'processed'), afterMs, attemptMs: 400 });
    assert.equal((await new Scene().run([ended(399), OK])).result, 'done');
    assert.equal((await new Scene().run([ended(300), OK])).sent.length, 1, 'of a call that the handler made');
    const kept = await new Scene().run([ended(400), OK], { idempotent: false });
    assert.deepEqual([kept.sent.length, kept.error?.code], [1, 'DEADLINE_EXCEEDED']);
  });

  for (const progress of ['maybe-processed', 'processed'] as const) {
    it(`never repeats a call that is not idempotent when it is ${progress}`, async () => {
      const scene = await new Scene().run([failed('UNAVAILABLE', progress), OK], { idempotent: false });
      assert.equal(scene.error?.code, 'UNAVAILABLE');
      assert.equal(scene.sent.length, 1);
      assert.equal(scene.settled.length, 1);
    });
  }

  for (const code of ['NOT_FOUND', 'INVALID_ARGUMENT', 'INTERNAL', 'ABORTED', 'DEADLINE_EXCEEDED'] as const) {
    it(`takes ${code} for the answer of the handler`, async () => {
      const scene = await new Scene().run([failed(code, 'processed'), OK]);
      assert.equal(scene.sent.length, 1);
      assert.equal(scene.error?.message, `${code}: scripted (shop.buy at 10.0.0.1:4399)`);
    });
  }

  for (const progress of ['unsent', 'refused'] as const) {
    it(`repeats what is ${progress} at once, once, for nothing, even when retries are off`, async () => {
      const scene = new Scene();
      scene.budget.withdraw = () => assert.fail('the budget was asked');
      const unavailable = failed('UNAVAILABLE', progress);
      await scene.run([unavailable, unavailable, OK], { max: 0, idempotent: false });
      assert.equal(scene.sent[1]!.at, 10);
      assert.equal(scene.sent.length, 2);
      assert.equal(scene.error?.code, 'UNAVAILABLE');
    });
  }

  it('pays the budget when a second attempt of the call did not start either', async () => {
    const scene = new Scene();
    let withdrawn = 0;
    scene.budget.withdraw = () => ++withdrawn > 0;
    const unsent = failed('UNAVAILABLE', 'unsent');
    await scene.run([unsent, unsent, unsent, OK], { idempotent: false });
    assert.equal(scene.result, 'done');
    assert.equal(withdrawn, 2);
  });

  it('repeats for nothing what a draining server refused in the middle of its retries', async () => {
    const steps = [failed('UNAVAILABLE', 'maybe-processed'), failed('UNAVAILABLE', 'refused'), OK];
    const scene = await new Scene().run(steps, { max: 1 });
    assert.equal(scene.result, 'done');
    assert.equal(scene.sent[2]!.at - scene.sent[1]!.at, 10);
  });

  it('pays the budget for what an overloaded server refused, idempotent or not', async () => {
    const scene = new Scene();
    let withdrawn = 0;
    scene.budget.withdraw = () => ++withdrawn > 0;
    await scene.run([failed('RESOURCE_EXHAUSTED', 'refused'), OK], { idempotent: false });
    assert.equal(scene.result, 'done');
    assert.equal(withdrawn, 1);
  });

  it('leaves a call whose reply is too large for this client', async () => {
    const scene = await new Scene().run([failed('RESOURCE_EXHAUSTED', 'maybe-processed'), OK]);
    assert.equal(scene.sent.length, 1);
  });

  it('leaves a call whose reply would be too large from any other server too, and says it in the words of the server', async () => {
    const scene = new Scene();
    scene.start([{ ...failed('RESOURCE_EXHAUSTED', 'processed'), final: true }, OK]);
    await scene.clock.advance(100);
    assert.equal(scene.sent.length, 1);
    assert.doesNotMatch(scene.error!.message, /retried|tried again/);
  });

  it('leaves a call that a limit of this client refused', async () => {
    const scene = await new Scene().run([failed('RESOURCE_EXHAUSTED', 'unsent'), OK]);
    assert.equal(scene.sent.length, 1);
  });

  it('waits as long as the server asks', async () => {
    const scene = await new Scene().run([failed('RESOURCE_EXHAUSTED', 'refused', 300), OK]);
    const { at } = scene.sent[1]!;
    assert.ok(at >= 310 && at <= 385, `${at}`);
  });

  it('waits as long as a server that serves nothing just now asks, and not at all when retries are off', async () => {
    const steps = [failed('UNAVAILABLE', 'refused', 300), OK];
    const scene = await new Scene().run(steps);
    assert.deepEqual([scene.sent.length, scene.sent[1]!.at - scene.sent[0]!.at >= 300], [2, true]);
    const off = await new Scene().run(steps, { max: 0 });
    assert.deepEqual([off.sent.length, off.error?.retryAfterMs], [1, 300]);
  });

  it('never comes back before the time that the server asks for, and not with all others at once', async () => {
    const waits: number[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const scene = await new Scene().run([failed('RESOURCE_EXHAUSTED', 'refused', 400), OK], { seed });
      waits.push(scene.sent[1]!.at - scene.sent[0]!.at - 10);
    }
    assert.ok(
      waits.every((wait) => wait >= 400 && wait <= 501),
      `${waits}`,
    );
    assert.ok(Math.max(...waits) - Math.min(...waits) > 50, `${waits}`);
  });

  it('waits for no server that it does not go to: an untried one is asked after the usual backoff', async () => {
    const steps = [failed('RESOURCE_EXHAUSTED', 'refused', 400), OK];
    const scene = await new Scene().run(steps, { readyCount: 2 });
    assert.deepEqual([scene.sent.length, scene.sent[1]!.at <= 35], [2, true]);
    const beyond = await new Scene().run([failed('RESOURCE_EXHAUSTED', 'refused', 5_000), OK], { readyCount: 2 });
    assert.equal(beyond.result, 'done');
    const workers = await new Scene().run([steps[0]!, steps[0]!, OK], { readyCount: 3, address: '10.0.0.1:4399' });
    assert.equal(workers.sent[2]!.at - workers.sent[1]!.at < 400, true, 'each is an instance, though at one address');
    const both = await new Scene().run([steps[0]!, steps[0]!, OK], { readyCount: 2 });
    assert.equal(both.sent[2]!.at - both.sent[1]!.at >= 400, true);
  });

  it('fails at once with the error of the server when that asks for more time than is left', async () => {
    const scene = new Scene();
    scene.start([failed('RESOURCE_EXHAUSTED', 'refused', 3_000), OK]);
    await scene.clock.advance(10);
    assert.equal(scene.error?.code, 'RESOURCE_EXHAUSTED');
    assert.equal(scene.error.retryAfterMs, 3_000);
    assert.match(scene.error.message, /asks to wait 3000 ms, which is beyond the deadline/);
  });

  it('stops when its retries are used up, and tells of every attempt', async () => {
    const lost = failed('UNAVAILABLE', 'maybe-processed');
    const scene = await new Scene().run([lost, lost, lost]);
    assert.equal(scene.sent.length, 3);
    assert.deepEqual(
      scene.error?.attempts.map(({ endpoint, durationMs, code, progress }) => [endpoint, durationMs, code, progress]),
      ['10.0.0.1:4399', '10.0.0.2:4399', '10.0.0.3:4399'].map((endpoint) => [
        endpoint,
        10,
        'UNAVAILABLE',
        'maybe-processed',
      ]),
    );
    assert.equal(scene.error.endpoint, '10.0.0.3:4399');
    assert.match(scene.error.message, /not tried again: no retries are left\)$/);
    assert.deepEqual(scene.settled, [scene.error]);
  });

  it('waits for its turn when calls that failed together are repeated, three at a time', async () => {
    const clock = new FakeClock(1_000);
    const budget = new RetryBudget('test');
    let repeating = 0;
    let most = 0;
    const next: Service = async (attempt) => {
      if (attempt.attempt === 0) throw rpcError('UNAVAILABLE', 'scripted', { progress: 'maybe-processed' });
      most = Math.max(most, ++repeating);
      await new Promise<void>((resolve) => clock.schedule(30, resolve));
      repeating--;
      return 'done';
    };
    const serve = retry({ max: 2, budget, clock, random: seededRandom(1) })(next);
    const results = Array.from({ length: 8 }, () => {
      const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
      call.createdAt = clock.now();
      call.deadline = call.createdAt + 1_000;
      call.idempotent = true;
      call.callGate = fuseGates([budget]);
      call.callGate.enter(call);
      return serve(call);
    });
    await clock.advance(1_000);
    assert.deepEqual(await Promise.all(results), new Array(8).fill('done'));
    assert.equal(most, 3);
  });

  it('stops when the budget is used up', async () => {
    const scene = new Scene();
    scene.budget.withdraw = () => false;
    await scene.run([failed('UNAVAILABLE', 'maybe-processed'), OK]);
    assert.equal(scene.sent.length, 1);
    assert.match(scene.error!.message, /not retried: the retry budget is used up/);
  });

  it('never repeats a one-way call', async () => {
    const scene = await new Scene().run([failed('UNAVAILABLE', 'unsent'), OK], { oneWay: true });
    assert.equal(scene.sent.length, 1);
  });

  it('says what happened, where, and why it was not tried again', async () => {
    const late: Step = { afterMs: 200, code: 'DEADLINE_EXCEEDED' };
    const scene = await new Scene().run([late], { idempotent: false, timeoutMs: 200 });
    const note = '10.0.0.1:4399 no reply in 200 ms; not retried: the method is not marked idempotent';
    const fault = 'at fault: 10.0.0.1:4399, or the network to it, from which no answer came for 200 of 200 ms';
    assert.equal(scene.error?.message, `DEADLINE_EXCEEDED: shop.buy took longer than 200 ms (${note}); ${fault}`);
  });

  it('ends at once, as cancelled, when the caller gives up in the backoff', async () => {
    const scene = new Scene();
    scene.start([failed('RESOURCE_EXHAUSTED', 'refused', 300), OK]);
    await scene.clock.advance(100);
    scene.controller.abort(new Error('enough'));
    await scene.clock.advance(0);
    assert.equal(scene.error?.code, 'CANCELLED');
    assert.equal((scene.error.cause as Error).message, 'enough');
    assert.equal(scene.error.progress, 'refused');
    assert.equal(scene.sent.length, 1);
    assert.deepEqual(scene.settled, [scene.error]);
    assert.equal(scene.clock.pending, 0);
  });

  it('tells of each attempt that follows a failed one', async () => {
    const scene = await new Scene().run([
      failed('UNAVAILABLE', 'unsent'),
      failed('UNAVAILABLE', 'maybe-processed'),
      OK,
    ]);
    assert.deepEqual(
      scene.events.map(({ endpoint, attempt }) => [endpoint, attempt]),
      [
        ['10.0.0.1:4399', 1],
        ['10.0.0.2:4399', 2],
      ],
    );
    assert.equal(scene.events[0]!.delayMs, 0);
    assert.ok(scene.events[1]!.delayMs > 0);
  });

  it('brings no timer but those of the clock', async () => {
    const real = globalThis.setTimeout;
    let timers = 0;
    globalThis.setTimeout = ((...args: Parameters<typeof real>) => {
      timers++;
      return real(...args);
    }) as typeof real;
    try {
      const lost = failed('UNAVAILABLE', 'maybe-processed');
      await new Scene().run([lost, lost, lost]);
    } finally {
      globalThis.setTimeout = real;
    }
    assert.equal(timers, 0);
  });

  it('makes an RpcError of what a layer below throws', async () => {
    const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
    const budget = new RetryBudget('test');
    const layer = retry({ max: 2, budget, clock: new FakeClock(), random: seededRandom(1) });
    const thrown = new Error('a bug');
    const error = await layer(() => Promise.reject(thrown))(call).catch((caught: unknown) => caught);
    assert.ok(error instanceof RpcError);
    assert.equal(error.code, 'INTERNAL');
    assert.equal(error.cause, thrown);
  });
});

describe('the option retry', () => {
  it('is 2 unless said otherwise, and 0 for false', () => {
    const maxOf = (given?: { max: number } | false) => resolvePolicy('t', POLICIES.retry, given).max;
    assert.deepEqual([maxOf(), maxOf({ max: 5 }), maxOf(false)], [2, 5, 0]);
  });

  it('refuses what is out of bounds or unknown', () => {
    assert.throws(
      () => resolvePolicy('createClient', POLICIES.retry, { max: 11 }),
      /createClient: retry: max must be an integer from 0 to 10, got 11/,
    );
    assert.throws(
      () => resolvePolicy('createClient', POLICIES.retry, { maxs: 1 } as object),
      /unknown option "maxs"; did you mean "max"/,
    );
  });
});
