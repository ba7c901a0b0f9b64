import type { Clock, Gate, Layer } from '@org/rpc-core';
import type { MethodLatency } from './policy/method-latency.js';
import { attemptDeadline } from './policy/timeout.js';
import type { LivePolicy } from './rules/live-policy.js';

/** Enters the fused gates of the call: what is counted once for each call that a user makes, whatever becomes of it. */
export function callScope(gate: Required<Gate>, policy: LivePolicy): Layer {
  return (next) => (call) => {
    const { rule } = policy.now;
    const refusal = rule?.refusal() ?? gate.enter(call);
    if (refusal !== undefined) return Promise.reject(refusal);
    call.callGate = rule === undefined ? gate : rule.around(gate);
    return next(call);
  };
}

/** What an attempt is bounded by. */
export interface AttemptBounds {
  readonly clock: Clock;
  /** The retries that the method allows, and the timeout of an attempt. */
  readonly policy: LivePolicy;
  /** How slow the method's answers are. */
  readonly latency: MethodLatency;
}

/** Sets the deadline of each attempt and enters its fused gates. */
export function attemptScope(gate: Required<Gate>, bounds: AttemptBounds): Layer {
  const { clock, policy, latency } = bounds;
  return (next) => (call) => {
    const { retry, timeout } = policy.now;
    const now = call.attempt === 0 && !call.hasWaited ? call.createdAt : clock.now();
    call.attemptDeadline = attemptDeadline(
      call,
      now,
      retry.max - call.attempt,
      call.attemptTimeoutMs ?? timeout.attemptTimeoutMs,
      latency.slowMs(now),
    );
    const refusal = gate.enter(call);
    if (refusal !== undefined) return Promise.reject(refusal);
    call.attemptGate = gate;
    return next(call);
  };
}
