import assert from 'node:assert/strict';
import type { Clock } from '@org/rpc-core';
import { type FakeClock, seededRandom } from '@org/rpc-testkit';
import type { Load, LoadSpan, OpenLoad } from '../src/bench/load/load.js';
import { type LoadRun, type Measurement, runLoad } from '../src/bench/load/run-load.js';
import type { BenchTarget, Caller } from '../src/bench/load/target.js';

/** What a scripted call does: how long it takes, and how it ends. */
export interface Reply {
  readonly afterMs: number;
  readonly error?: Error;
  readonly endpoint?: string;
  readonly attempts?: number;
}

/** A target that answers as a function of the time tells it, and takes down what is asked of it. */
export class ScriptedTarget implements Pick<BenchTarget, 'createCaller'> {
  inFlight = 0;
  inFlightMax = 0;
  calls = 0;
  readonly sentAt: number[] = [];
  readonly callers: number[] = [];
  readonly #clock: Clock;
  readonly #reply: (nowMs: number, call: number) => Reply;

  constructor(clock: Clock, reply: (nowMs: number, call: number) => Reply) {
    this.#clock = clock;
    this.#reply = reply;
  }

  createCaller(index: number): Caller {
    this.callers.push(index);
    const caller: Caller = { endpoint: '', attempts: 0, call: () => this.#call(caller) };
    return caller;
  }

  #call(caller: Caller): Promise<unknown> {
    const { afterMs, error, endpoint = 'a:1', attempts = 1 } = this.#reply(this.#clock.now(), this.calls++);
    this.sentAt.push(this.#clock.now());
    this.inFlightMax = Math.max(this.inFlightMax, ++this.inFlight);
    return new Promise((resolve, reject) => {
      this.#clock.schedule(afterMs, () => {
        this.inFlight--;
        caller.endpoint = endpoint;
        caller.attempts = attempts;
        if (error === undefined) resolve(undefined);
        else reject(error);
      });
    });
  }
}

/** Ten seconds without warm-up. */
export const SPAN: LoadSpan = { warmupMs: 0, durationMs: 10_000, requests: undefined, drainMs: 2000 };
/** One caller. */
export const CLOSED: Load = { kind: 'closed', concurrency: 1 };
/** A hundred calls a second. */
export const OPEN: OpenLoad = { kind: 'open', ratePerSecond: 100, arrivals: 'uniform', maxInFlight: 1000 };

/** Runs a load on the fake clock to its end. */
export async function measure(
  clock: FakeClock,
  target: ScriptedTarget,
  options: Partial<Omit<LoadRun, 'span'>> & { span?: Partial<LoadSpan> },
): Promise<Measurement> {
  let measurement: Measurement | undefined;
  void runLoad({
    clock,
    random: seededRandom(1),
    target,
    load: CLOSED,
    meter: { start() {}, read: () => ({ cpuUs: 5000, eventLoopUtilisation: 0.5 }) },
    ...options,
    span: { ...SPAN, ...options.span },
  }).then((result) => {
    measurement = result;
  });
  for (let step = 0; step < 100 && measurement === undefined; step++) await clock.advance(500);
  assert.ok(measurement, 'the run did not end');
  return measurement;
}

/** Asserts that a figure is right but for the grain of the histograms. */
export function near(actual: number | undefined, expected: number, toleranceShare = 0.002): void {
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= expected * toleranceShare,
    `${actual} instead of ${expected}`,
  );
}
