import type { Code } from '@org/rpc-core';
import { percentile, type SimulationResult } from './simulate-calls.js';

/** What came of one server in a simulation. */
export interface ServerReport {
  /** Attempts that arrived. */
  readonly attempts: number;
  /** The same by second, from the beginning of the simulation. */
  readonly attemptsBySecond: readonly number[];
  /** Those that it answered with an error. */
  readonly failed: number;
  /** The most calls that waited for a slot. */
  readonly queuedMax: number;
}

/** How a simulation went. Latencies are those that callers saw, retries included. */
export interface SimulationReport extends SimulationResult {
  /** The calls that failed, by code. */
  readonly byCode: Readonly<Partial<Record<Code, number>>>;
  /** Attempts that arrived at servers, a call. */
  readonly attemptsPerCall: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly servers: readonly ServerReport[];
  /** The same of the calls that began within a part of the simulation, in milliseconds from its beginning. */
  between(fromMs: number, untilMs: number): SimulationResult;
  /** Calls, failures and percentiles in lines for people. */
  toString(): string;
}

/** Notes how each call ends. */
export class Recorder {
  readonly #at: number[] = [];
  readonly #ms: number[] = [];
  readonly #codes: (Code | undefined)[] = [];
  calls = 0;
  failures = 0;
  readonly #begun: number[] = [];

  began(at: number): void {
    this.calls++;
    this.#begun.push(at);
  }

  ended(at: number, ms: number, code: Code | undefined): void {
    if (code !== undefined) this.failures++;
    this.#at.push(at);
    this.#ms.push(ms);
    this.#codes.push(code);
  }

  /** @param fromMs - when the calls that count begin, by the clock */
  report(fromMs: number, servers: readonly ServerReport[]): SimulationReport {
    const all = this.#between(fromMs, Number.POSITIVE_INFINITY);
    const byCode: Partial<Record<Code, number>> = {};
    this.#codes.forEach((code, index) => {
      if (code !== undefined && this.#at[index]! >= fromMs) byCode[code] = (byCode[code] ?? 0) + 1;
    });
    const attempts = servers.reduce((sum, server) => sum + server.attempts, 0);
    const [p50Ms, p99Ms, p999Ms] = [0.5, 0.99, 0.999].map((share) => percentile(all, share)) as [
      number,
      number,
      number,
    ];
    const attemptsPerCall = attempts / this.calls;
    return {
      ...all,
      byCode,
      attemptsPerCall,
      p50Ms,
      p99Ms,
      p999Ms,
      servers,
      between: (from, until) => this.#between(from, until),
      toString() {
        const codes = Object.entries(byCode).map(([code, count]) => `${count} ${code}`);
        return [
          `${all.calls} calls, ${all.failures} failed${codes.length === 0 ? '' : ` (${codes.join(', ')})`}, ${attemptsPerCall.toFixed(3)} attempts a call`,
          `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, p99.9 ${p999Ms.toFixed(1)} ms`,
          ...servers.map(
            (server, index) =>
              `server ${index}: ${server.attempts} attempts, ${server.failed} failed, at most ${server.queuedMax} waited`,
          ),
        ].join('\n');
      },
    };
  }

  #between(fromMs: number, untilMs: number): SimulationResult {
    const latencies: number[] = [];
    let failures = 0;
    this.#at.forEach((at, index) => {
      if (at < fromMs || at >= untilMs) return;
      latencies.push(this.#ms[index]!);
      if (this.#codes[index] !== undefined) failures++;
    });
    const calls = this.#begun.filter((at) => at >= fromMs && at < untilMs).length;
    return { calls, failures: failures + calls - latencies.length, latenciesMs: Float64Array.from(latencies).sort() };
  }
}
