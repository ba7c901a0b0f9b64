import type { Cancel, Clock, Random } from '@org/rpc-core';
import { createClosedLoop } from './closed-loop.js';
import type { GeneratorMeter, GeneratorUse } from './generator-meter.js';
import type { Load, LoadSpan, Loop } from './load.js';
import { createOpenLoop } from './open-loop.js';
import { type Interval, Recorder, type Recording } from './recorder.js';
import type { LoopHost, Slot } from './slot.js';
import type { BenchTarget, Caller } from './target.js';

/** Everything that a run is made of. */
export interface LoadRun {
  readonly clock: Clock;
  /** Of the arrivals of an open loop; seeded, so that two runs can have the same ones. */
  readonly random: Random;
  readonly target: Pick<BenchTarget, 'createCaller'>;
  readonly load: Load;
  readonly span: LoadSpan;
  readonly meter: GeneratorMeter;
  /** Told about every second, warm-up included. */
  readonly onInterval?: ((interval: Interval) => void) | undefined;
  /** Its abort ends the sending early; calls in flight may still finish. */
  readonly signal?: AbortSignal | undefined;
}

/** What a run found out. */
export interface Measurement extends Recording {
  /** Whether it was ended by its signal. */
  readonly interrupted: boolean;
  /** Calls of the warm-up, which are part of nothing else. */
  readonly warmupCalls: number;
  /** Milliseconds in which calls were sent and measured, the draining not included. */
  readonly windowMs: number;
  readonly generator: GeneratorUse;
  /** Second by second, the warm-up not included. */
  readonly series: readonly Interval[];
}

const INTERVAL_MS = 1000;

/** Puts a load on a target, to its end. Never rejects because of failing calls: they are what it counts. */
export function runLoad(run: LoadRun): Promise<Measurement> {
  return new Promise((resolve) => new LoadInMotion(run, resolve).start());
}

type Phase = Interval['phase'];

class LoadInMotion implements LoopHost {
  readonly clock: Clock;
  readonly #run: LoadRun;
  readonly #resolve: (measurement: Measurement) => void;
  readonly #recorder: Recorder;
  readonly #loop: Loop;
  readonly #series: Interval[] = [];
  #phase: Phase = 'warm-up';
  #phaseAt = 0;
  #intervalPhase: Phase = 'warm-up';
  #intervalAt = 0;
  #callers = 0;
  #inFlight = 0;
  #warmupCalls = 0;
  #windowMs = 0;
  #endAt = Number.POSITIVE_INFINITY;
  #generator: GeneratorUse | undefined;
  #interrupted = false;
  #over = false;
  #lastEndedAt = 0;
  #cancelPhase: Cancel | undefined;
  #cancelInterval: Cancel | undefined;

  constructor(run: LoadRun, resolve: (measurement: Measurement) => void) {
    this.clock = run.clock;
    this.#run = run;
    this.#resolve = resolve;
    this.#recorder = new Recorder(run.load.kind === 'open');
    this.#loop =
      run.load.kind === 'open' ? createOpenLoop(this, run.load, run.random) : createClosedLoop(this, run.load);
  }

  start(): void {
    const { signal, span } = this.#run;
    this.#enter('warm-up');
    this.#recorder.begin(this.#phaseAt);
    if (signal?.aborted) {
      this.#interrupt();
      return;
    }
    signal?.addEventListener('abort', this.#interrupt, { once: true });
    if (span.warmupMs > 0) this.#cancelPhase = this.clock.schedule(span.warmupMs, () => this.#measure());
    else this.#measure();
    this.#awaitInterval();
    this.#loop.start();
  }

  createCaller(): Caller {
    return this.#run.target.createCaller(this.#callers++);
  }

  admit(dueAt: number): boolean {
    if (this.#phase === 'draining' || dueAt >= this.#endAt) return false;
    if (this.#phase === 'measuring' && this.#allBegun()) return false;
    this.#recorder.started(dueAt);
    this.#inFlight++;
    // Later, because the caller is in the middle of sending.
    if (this.#phase === 'measuring' && this.#allBegun()) this.clock.afterPoll(() => this.#drain());
    return true;
  }

  dropped(dueAt: number): void {
    if (dueAt < this.#endAt) this.#recorder.dropped(dueAt);
  }

  succeeded(slot: Slot, endedAt: number): void {
    if (this.#over) return;
    this.#recorder.succeeded(slot, endedAt);
    this.#ended(endedAt);
  }

  failed(slot: Slot, endedAt: number, error: unknown): void {
    if (this.#over) return;
    this.#recorder.failed(slot, error);
    this.#ended(endedAt);
  }

  #ended(endedAt: number): void {
    this.#inFlight--;
    this.#lastEndedAt = endedAt;
    if (this.#inFlight === 0 && this.#phase === 'draining') this.#finish();
  }

  #measure(): void {
    const { durationMs } = this.#run.span;
    this.#cancelPhase?.();
    if (this.#phaseAt < this.clock.now()) this.#cut();
    this.#warmupCalls = this.#recorder.begun;
    this.#enter('measuring');
    this.#recorder.begin(this.#phaseAt);
    this.#run.meter.start();
    if (durationMs === undefined) return;
    this.#endAt = this.#phaseAt + durationMs;
    this.#cancelPhase = this.clock.schedule(durationMs, () => this.#drain());
  }

  readonly #interrupt = (): void => {
    this.#interrupted = true;
    // Interrupted in the warm-up: the result is that nothing was measured.
    if (this.#phase === 'warm-up') this.#measure();
    this.#drain();
  };

  /** Sends what is due, and nothing more; then waits for what is in flight. */
  #drain(): void {
    if (this.#phase !== 'measuring') return;
    this.#cancelPhase?.();
    this.#endAt = Math.min(this.#endAt, this.clock.now());
    this.#loop.stop();
    this.#phase = 'draining';
    if (!this.#allBegun() || this.#interrupted) this.#closeWindow(this.clock.now());
    if (this.#inFlight === 0) this.#finish();
    else this.#cancelPhase = this.clock.schedule(this.#run.span.drainMs, () => this.#finish());
  }

  /** Whether the run ended by its number of calls: it then lasts until the last of them, and its throughput counts all. */
  #allBegun(): boolean {
    return this.#recorder.begun >= (this.#run.span.requests ?? Number.POSITIVE_INFINITY);
  }

  #closeWindow(now: number): void {
    if (this.#generator !== undefined) return;
    this.#windowMs = now - this.#phaseAt;
    this.#generator = this.#run.meter.read();
    this.#recorder.closeWindow();
  }

  #finish(): void {
    if (this.#over) return;
    this.#closeWindow(this.#inFlight === 0 ? this.#lastEndedAt : this.clock.now());
    this.#cancelPhase?.();
    this.#cancelInterval?.();
    if (this.clock.now() > this.#intervalAt) this.#cut();
    this.#over = true;
    this.#run.signal?.removeEventListener('abort', this.#interrupt);
    this.#resolve({
      ...this.#recorder.recording(),
      interrupted: this.#interrupted,
      warmupCalls: this.#warmupCalls,
      windowMs: this.#windowMs,
      generator: this.#generator ?? this.#run.meter.read(),
      series: this.#series,
    });
  }

  #enter(phase: 'warm-up' | 'measuring'): void {
    this.#phase = phase;
    this.#intervalPhase = phase;
    this.#phaseAt = this.clock.now();
    this.#intervalAt = this.#phaseAt;
  }

  #awaitInterval(): void {
    const delayMs = this.#intervalAt + INTERVAL_MS - this.clock.now();
    this.#cancelInterval = this.clock.schedule(delayMs, () => {
      // The measuring may have begun since this was set, and with it another interval.
      if (this.clock.now() >= this.#intervalAt + INTERVAL_MS) this.#cut();
      this.#awaitInterval();
    });
  }

  #cut(): void {
    const now = this.clock.now();
    // An interval is of the phase in which it began: the last second of measuring ends a little after it.
    const phase = this.#intervalPhase;
    const interval = this.#recorder.cutInterval(phase, this.#intervalAt - this.#phaseAt, now - this.#intervalAt);
    this.#intervalAt = now;
    this.#intervalPhase = this.#phase;
    if (phase !== 'warm-up') this.#series.push(interval);
    this.#run.onInterval?.(interval);
  }
}
